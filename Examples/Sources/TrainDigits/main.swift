import Lockstep

let model = Model(
  input: ImageSize(8, 8, 1),
  layers: [
    .conv2d(filters: 16, kernelSize: 3, padding: .same, activation: .relu), .maxPool2d(),
    .conv2d(filters: 32, kernelSize: 3, padding: .same, activation: .relu), .maxPool2d(),
    .flatten(), .dense(units: 64, activation: .relu), .dense(units: 10), .softmax(),
  ])
let experiment = try Experiment(
  model: model, data: .digits, training: TrainingSettings(epochs: 5, batchSize: 64))
let result = try await experiment.train { event in
  if case .epoch(let epoch) = event {
    print("epoch \(epoch.training.epoch): \(epoch.valAccuracy ?? 0) of the test digits are right")
  }
}
try result.weights.save(to: "digits.safetensors", overwrite: true)
print(result.weights.digest)
