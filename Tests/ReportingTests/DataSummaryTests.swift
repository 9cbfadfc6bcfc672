import Testing

@testable import Reporting

@Suite struct DataSummaryTests {
  private func set(_ perClass: [Int], leftOut: [String] = []) -> DataSummary.Set {
    DataSummary.Set(
      examples: perClass.reduce(0, +), height: 4, width: 5, channels: 3, isBytes: true, perClass: perClass,
      mean: [0.5, 0.25, 0], std: [0.125, 1, 1], leftOut: leftOut)
  }

  @Test("what a data set holds, as lines and as an object")
  func both() {
    let summary = DataSummary(
      format: "image_folder", scale: 1, training: set([1000, 234], leftOut: ["a: b"]), test: set([3]),
      classNames: ["cat", "dog"])
    #expect(
      summary.lines == [
        "format    image_folder", "training  1,234 images of 4×5×3, bytes, in 2 classes",
        "test      3 images of 4×5×3, bytes, in 1 class", "scale     1", "mean      0.50000, 0.25000, 0.00000",
        "std       0.12500, 1.00000, 1.00000", "left out  1 file", "", "class  training  test",
        "─────────────────────", "0 cat     1,000     3", "1 dog       234     0",
      ])
    #expect(
      summary.json.compactText
        == #"{"format":"image_folder","scale":1,"train":{"examples":1234,"shape":[4,5,3],"type":"u8","#
        + #""mean":[0.5,0.25,0],"std":[0.125,1,1],"classes":[{"class":0,"name":"cat","examples":1000},"#
        + #"{"class":1,"name":"dog","examples":234}],"left_out":["a: b"]},"test":{"examples":3,"shape":[4,5,3],"#
        + #""type":"u8","mean":[0.5,0.25,0],"std":[0.125,1,1],"classes":[{"class":0,"name":"cat","examples":3}],"#
        + #""left_out":[]}}"#)
  }

  @Test("of many classes the first hundred have a line, and no test set is said")
  func many() {
    let summary = DataSummary(
      format: "npz", scale: 1, training: set([Int](repeating: 2, count: 105)), test: nil, classNames: nil)
    #expect(summary.lines.last == "and 5 more; --json has all")
    #expect(summary.lines[2] == "test      none")
    #expect(summary.json["test"]?.compactText == "null")
  }
}
