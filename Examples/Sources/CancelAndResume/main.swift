// Trains on arrays in memory, cancels the task, and goes on from its checkpoint to the same weights.
import Lockstep

/// Bars on noise, lying (class 0) and standing (class 1): `count` images of 12×12 bytes.
func bars(_ count: Int) throws -> LabeledImages {
  var state: UInt32 = 1
  func noise(below limit: UInt32) -> Int {
    state = state &* 1_664_525 &+ 1_013_904_223
    return Int((state >> 16) % limit)
  }
  var pixels: [UInt8] = []
  for image in 0..<count {
    let place = 1 + noise(below: 10)
    for row in 0..<12 {
      for column in 0..<12 {
        let isBar = (image % 2 == 0 ? row : column) == place
        pixels.append(UInt8(noise(below: 120) + (isBar ? 120 : 0)))
      }
    }
  }
  return try LabeledImages(
    Images(size: ImageSize(12, 12, 1), pixels: pixels), labels: (0..<count).map { $0 % 2 },
    classNames: ["lying", "standing"])
}

let model = Model(
  input: ImageSize(12, 12, 1),
  layers: [
    .conv2d(filters: 8, kernelSize: 3, activation: .relu), .maxPool2d(), .flatten(), .dense(units: 2), .softmax(),
  ])
var data = DataSettings.memory(train: try bars(1024), test: try bars(256))
(data.mean, data.std) = (.auto, .auto)
let experiment = try Experiment(
  model: model, data: data, training: TrainingSettings(epochs: 60, batchSize: 16),
  logging: LoggingSettings(everySteps: 1))

// A stream hands the steps from the callback to this task, which cancels the one that trains.
let (steps, reported) = AsyncStream.makeStream(of: Int.self)
let training = Task {
  defer { reported.finish() }
  return try await experiment.train { event in
    if case .step(let metrics) = event { reported.yield(metrics.step) }
  }
}
for await step in steps where step == 20 { training.cancel() }
let part = try await training.value
guard !part.isComplete, let checkpoint = part.checkpoint else {
  fatalError("The run was over before it was cancelled.")
}
print("cancelled: \(part.steps < 3840)")

// Another program, or this one tomorrow, would read it with `Checkpoint(contentsOf:)`.
try checkpoint.save(to: "bars.checkpoint.safetensors", overwrite: true)
let rest = try await experiment.train(from: .checkpoint(Checkpoint(contentsOf: "bars.checkpoint.safetensors")))
let whole = try await experiment.train()
print("complete: \(rest.isComplete), \(rest.steps) steps")
print("the same weights as without a break: \(rest.weights.digest == whole.weights.digest)")
print("right: \(rest.valAccuracy ?? 0)")
