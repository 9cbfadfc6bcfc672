import Testing

@testable import Diagnostics

@Suite struct NearestNameTests {
  private static let keys = [
    "type", "name", "lr", "momentum", "nesterov", "weight_decay", "epochs", "batch_size", "workers", "optimizer",
  ]
  private static let commands = ["train", "evaluate", "predict", "bench kernels", "bench scaling", "tune", "config"]
  private static let flags = ["output", "weights", "workers", "epochs", "batch-size", "lr", "version", "worker-counts"]
  private static let layers = ["conv2d", "relu", "max_pool2d", "avg_pool2d", "flatten", "dense", "softmax"]

  @Test(
    "the name that is meant is found",
    arguments: [
      // Mistyped.
      ("batch-sise", keys, "batch_size"), ("bathSize", keys, "batch_size"), ("Momentum", keys, "momentum"),
      ("trian", commands, "train"), ("evalute", commands, "evaluate"), ("sofmax", layers, "softmax"),
      // The start of a name.
      ("optim", keys, "optimizer"), ("bench", commands, "bench kernels"), ("worker", flags, "workers"),
      // Words of other programs.
      ("learning_rate", keys, "lr"), ("learning-rate", flags, "lr"), ("eval", commands, "evaluate"),
      ("batchsize", keys, "batch_size"), ("bs", keys, "batch_size"), ("bs", flags, "batch-size"),
      ("wd", keys, "weight_decay"),
      ("world_size", keys, "workers"), ("num_workers", flags, "workers"), ("n_jobs", keys, "workers"),
      ("Linear", layers, "dense"), ("MaxPooling2D", layers, "max_pool2d"), ("Conv", layers, "conv2d"),
    ])
  func theNameThatIsMeant(name: String, among: [String], expected: String) {
    #expect(NearestName.suggestion(for: name, among: among) == expected)
  }

  /// Far from everything, or known in the field for something that is not here.
  @Test(
    "a name far from all suggests nothing",
    arguments: [
      ("eval", ["train", "tune", "config"]), ("learning-rate", ["weights", "output"]), ("batch_norm", layers),
      ("gelu", layers), ("conv1d", layers), ("x", keys), ("adam", ["sgd"]), ("gpu", keys), ("zzz", commands), ("a", []),
      ("", keys),
    ])
  func noNameIsNear(name: String, among: [String]) {
    #expect(NearestName.suggestion(for: name, among: among) == nil)
  }

  @Test("short flags of other programs are known")
  func shortFlagsOfOtherPrograms() {
    #expect(NearestName.longFlag(for: "-V") == "version")
    #expect(NearestName.longFlag(for: "-o") == "output")
    #expect(NearestName.longFlag(for: "-Z") == nil)
  }

  @Test("distances count edits")
  func distances() {
    #expect(NearestName.distance("abcd", "abdc") == 1)
    #expect(NearestName.distance("", "abc") == 3)
    #expect(NearestName.distance("kitten", "sitting") == 3)
    #expect(NearestName.distance("Batch_Size", "batch-size") == 0)
  }
}
