/// The net of Config/lenet.json: LeNet-5's sequence of layers (LeCun et al. 1998), as wide as TensorFlow's and Caffe's
/// tutorials have it, with one pool of each kind.
enum LeNet {
  static let preset = Preset("lenet", input: ImageShape(height: 28, width: 28, channels: 1)) { classes in
    var net = PresetEntries()
    net.add(.conv2d(filters: 32, kernelSize: 5, padding: .same, algorithm: .auto), .relu, .maxPool2d(ties: .all))
    net.add(.conv2d(filters: 64, kernelSize: 5, padding: .same, algorithm: .auto), .relu, .averagePool2d)
    net.add(.flatten, .dense(units: 512), .relu, .dense(units: classes), .softmax)
    return net.entries
  }
}
