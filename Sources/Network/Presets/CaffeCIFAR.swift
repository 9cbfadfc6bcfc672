/// The net of Config/caffe-cifar.json: Caffe's `cifar10_full` without its normalisation layers and with 2×2 pools.
enum CaffeCIFAR {
  static let preset = Preset("caffe_cifar", input: .cifar) { classes in
    func convolution(_ filters: Int) -> LayerKind {
      .conv2d(filters: filters, kernelSize: 5, padding: .same, algorithm: .auto)
    }
    var net = PresetEntries()
    net.add(convolution(32), .relu, .maxPool2d(ties: .all))
    net.add(convolution(32), .relu, .averagePool2d)
    net.add(convolution(64), .relu, .averagePool2d)
    net.add(.flatten, .dense(units: classes), .softmax)
    return net.entries
  }
}
