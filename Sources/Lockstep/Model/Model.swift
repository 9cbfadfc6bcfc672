internal import Storage

/// A convolutional net: its layers from the images to the classes' probabilities, or a known net by its name.
///
/// ```swift
/// Model(input: ImageSize(8, 8, 1), layers: [.flatten(), .dense(units: 10), .softmax()])
/// Model.preset(.resnet20, classes: 10)
/// ```
/// Layers are called `<type>_<n>`, n counted from 1 for each type, unless they have names.
public struct Model: Sendable, Hashable {
  let json: JSONValue

  /// A net of these layers.
  /// - Parameters:
  ///   - input: the size of an image.
  ///   - layers: at most 1024, of which the last is ``Layer/softmax(name:)``.
  ///   - frozen: names of layers or blocks that are not trained, or beginnings of names before a `*`.
  public init(input: ImageSize, layers: [Layer], frozen: [String] = []) {
    json = .section([("input", input), ("layers", layers), ("frozen", frozen.isEmpty ? nil : frozen)])
  }

  private init(_ json: JSONValue) { self.json = json }

  /// A known net.
  /// - Parameters:
  ///   - preset: which one.
  ///   - classes: outputs of the net, 1 to 65,536.
  ///   - input: the size of an image; `nil` for the size that the net was made for.
  ///   - stem: how a net for ImageNet begins; `nil` for the only way of the others, else as in the paper.
  ///   - frozen: names of layers or blocks that are not trained, or beginnings of names before a `*`.
  public static func preset(
    _ preset: Preset, classes: Int, input: ImageSize? = nil, stem: Stem? = nil, frozen: [String] = []
  ) -> Model {
    Model(
      .section([
        ("preset", preset), ("input", input), ("classes", classes), ("stem", stem),
        ("frozen", frozen.isEmpty ? nil : frozen),
      ]))
  }

  /// A known net.
  public enum Preset: String, Sendable, Hashable, CaseIterable {
    /// LeNet for images of 28×28×1 (LeCun et al., 1998).
    case lenet
    /// Caffe's quick net for CIFAR-10, 32×32×3.
    case caffeCifar = "caffe_cifar"
    /// VGG with 11 layers and norms, 32×32×3 (Simonyan and Zisserman, 2015).
    case vgg11BN = "vgg11_bn"
    /// VGG with 16 layers and norms, 32×32×3.
    case vgg16BN = "vgg16_bn"
    /// A residual net of 20 layers for CIFAR, 32×32×3 (He et al., 2016).
    case resnet20
    /// The same with 32 layers.
    case resnet32
    /// The same with 56 layers.
    case resnet56
    /// A residual net of 18 layers for ImageNet.
    case resnet18
    /// The same with 34 layers.
    case resnet34
    /// The same with 50 layers and bottlenecks.
    case resnet50
    /// MobileNetV2 (Sandler et al., 2018).
    case mobilenetV2 = "mobilenet_v2"
  }

  /// How a net for ImageNet begins.
  public enum Stem: String, Sendable, Hashable, CaseIterable {
    /// As in the paper, for images of 224×224×3: height and width are a quarter after it.
    case imagenet
    /// For small images, 32×32×3: a 3×3 convolution with strides 1.
    case cifar
  }
}

extension Model: ConfigurationValue {}
extension Model.Preset: ConfigurationWord {}
extension Model.Stem: ConfigurationWord {}
