import Network
import Storage

extension RunConfiguration {
  /// The resolved configuration as the file that reads back as the same `RunConfiguration`.
  ///
  /// Keys in the documented order, every default written out, paths absolute, one layer per line; ends with a newline.
  package var jsonText: String { jsonValue.prettyText() + "\n" }

  /// The same as a tree.
  package var jsonValue: JSONValue {
    .object([
      .init("name", .string(name)),
      .init("seed", .integer(Int(clamping: seed))),
      .init("model", model.jsonValue),
      .init("data", data.jsonValue),
      .init("training", training.jsonValue),
      .init("runtime", runtime.jsonValue),
      .init(
        "checkpoint",
        .object([
          .init("every_epochs", .integer(checkpoint.everyEpochs)),
          .init("every_steps", .integer(checkpoint.everySteps)),
          .init("every_seconds", .number(checkpoint.everySeconds)),
          .init("keep_last", .integer(checkpoint.keepLast)), .init("keep_best", .integer(checkpoint.keepBest)),
        ])),
      .init("logging", .object([.init("every_steps", .integer(logging.everySteps))])),
    ])
  }
}

extension ModelSpecification {
  fileprivate var jsonValue: JSONValue {
    .object([
      .init("input", .array([input.height, input.width, input.channels].map { .integer($0) })),
      .init("layers", .array(layers.map(\.jsonValue))),
    ])
  }
}

extension LayerSpecification {
  fileprivate var jsonValue: JSONValue {
    var members: [JSONValue.Member] = [.init("type", .string(kind.typeName)), .init("name", .string(name))]
    for entry: LayerValues.Entry in kind.type.values.entries {
      members.append(.init(entry.key, entry.value.jsonValue))
    }
    return .object(members)
  }
}

extension LayerValue {
  fileprivate var jsonValue: JSONValue {
    switch self {
    case .integer(let value): .integer(value)
    case .number(let value): .number(value)
    case .text(let value): .string(value)
    }
  }
}

extension DataConfiguration {
  fileprivate var jsonValue: JSONValue {
    var members: [JSONValue.Member] = [.init("format", .string(source.formatName))]
    switch source {
    case .embeddedDigits: break
    case .idx(let train, let test):
      members.append(.init("train", train.jsonValue))
      if let test: IDXPaths { members.append(.init("test", test.jsonValue)) }
    case .synthetic(let examples, let testExamples, let classes):
      members += [
        .init("examples", .integer(examples)), .init("test_examples", .integer(testExamples)),
        .init("classes", .integer(classes)),
      ]
    }
    members += [
      .init("scale", .number(scale)), .init("mean", .array(mean.map { .number($0) })),
      .init("std", .array(std.map { .number($0) })),
    ]
    return .object(members)
  }
}

extension DataConfiguration.IDXPaths {
  fileprivate var jsonValue: JSONValue {
    .object([.init("images", .string(images)), .init("labels", .string(labels))])
  }
}

extension TrainingConfiguration {
  fileprivate var jsonValue: JSONValue {
    .object([
      .init("epochs", .integer(epochs)), .init("batch_size", .integer(batchSize)), .init("shuffle", .bool(shuffle)),
      .init(
        "optimizer",
        .object([
          .init("type", .string("sgd")), .init("lr", .number(optimizer.learningRate)),
          .init("momentum", .number(optimizer.momentum)), .init("nesterov", .bool(optimizer.nesterov)),
          .init("weight_decay", .number(optimizer.weightDecay)),
        ])),
      .init("lr_schedule", .object([.init("type", .string("constant"))])),
    ])
  }
}

extension RuntimeConfiguration {
  /// The `runtime` section with every key.
  package var jsonValue: JSONValue {
    let workerCount: JSONValue =
      switch workers {
      case .auto: .string("auto")
      case .count(let count): .integer(count)
      }
    let place: JSONValue.Member =
      switch policy {
      case .close: .init("policy", .string("close"))
      case .scatter: .init("policy", .string("scatter"))
      case .none: .init("policy", .string("none"))
      case .cpus(let list): .init("cpus", .string(list))
      }
    let nodeList: JSONValue = nodes.map { .array($0.map { .integer($0) }) } ?? .string("all")
    return .object([
      .init("workers", workerCount), .init("shard_size", .integer(shardSize)),
      .init("placement", .object([place, .init("nodes", nodeList), .init("use_smt", .bool(useSMT))])),
      .init(
        "memory",
        .object([.init("dataset", .string(memory.dataset.rawValue)), .init("huge_pages", .bool(memory.hugePages))])),
    ])
  }
}
