// PredictAndExport CONFIG WEIGHTS IMAGE MODEL: what a trained net says about an image, and the net as an ONNX model.
import Glibc
import Lockstep

let words = CommandLine.arguments.dropFirst()
guard words.count == 4 else {
  print("usage: PredictAndExport CONFIG WEIGHTS IMAGE MODEL")
  exit(64)
}
let (configuration, file, image, model) = (words[1], words[2], words[3], words[4])
do {
  let experiment = try Experiment(contentsOf: configuration)
  let weights = try experiment.loadWeights(from: file)
  for prediction in try await experiment.predict(files: [image], weights: weights) {
    let probability = prediction.probabilities[prediction.classIndex]
    print("\(prediction.file ?? image) shows a \(prediction.classIndex), with probability \(probability)")
  }
  try experiment.export(weights, to: model, format: .onnx(), overwrite: true)
  print("\(model) holds the net")
} catch {
  // One sentence with what was found and what is allowed, and a hint where there is one.
  print(error)
  exit(1)
}
