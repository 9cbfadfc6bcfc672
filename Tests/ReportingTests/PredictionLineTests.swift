import Testing

@testable import Reporting

@Suite struct PredictionLineTests {
  private let values: [Float] = [0.1, 0.25, 0.25, 0.4]

  @Test("files and names are in the line where they are known")
  func names() {
    let line = PredictionLine(classNames: ["a", "b", "c", "d\n\""])
    #expect(
      line.text(index: 2, file: "x/\u{1}.png", probabilities: values)
        == #"{"index":2,"file":"x/\u0001.png","class":3,"name":"d\n\"","probabilities":[0.1,0.25,0.25,0.4]}"#)
    #expect(line.header(classes: 4) == nil)
    #expect(
      PredictionLine(classNames: ["a"]).text(index: 0, probabilities: values)
        == #"{"index":0,"class":3,"probabilities":[0.1,0.25,0.25,0.4]}"#)
  }

  @Test("the most probable classes come first, equal ones by their number")
  func top() {
    #expect(
      PredictionLine(top: 3, classNames: ["a", "b"]).text(index: 0, probabilities: values)
        == #"{"index":0,"class":3,"top":[{"class":3,"probability":0.4},{"class":1,"name":"b","probability":0.25},"#
        + #"{"class":2,"probability":0.25}]}"#)
    #expect(
      PredictionLine(top: 9).text(index: 0, probabilities: [0.5])
        == #"{"index":0,"class":0,"top":[{"class":0,"probability":0.5}]}"#)
  }

  @Test("comma-separated values quote what needs it, and a line stays a line")
  func commaSeparated() {
    let line = PredictionLine(format: .csv, top: 2, classNames: ["a", "b,c", "d", "say \"e\"\nf"])
    #expect(line.header(classes: 4) == "index,file,class,name,probability,class_2,name_2,probability_2")
    #expect(line.header(classes: 1) == "index,file,class,name,probability")
    #expect(
      line.text(index: 7, file: "my, cat.jpg", probabilities: values)
        == #"7,"my, cat.jpg",3,"say ""e""?f",0.4,1,"b,c",0.25"#)
    #expect(PredictionLine(format: .csv).text(index: 0, probabilities: values) == "0,,3,,0.4")
    #expect(PredictionLine(format: .csv).header(classes: 4) == "index,file,class,name,probability")
  }
}
