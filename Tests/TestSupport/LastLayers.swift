import Network

extension TestNetworks {
  /// Nets by what stands before softmax; most have no dense layer, so that softmax alone ends the front.
  package static let lastLayers: [(name: String, model: ModelSpecification)] = [
    ("one convolution over the whole image", [conv(3, 6, .valid), .flatten, .softmax]),
    ("valid, direct", [conv(5, 3, .valid), .relu, conv(4, 4, .valid), .flatten, .softmax]),
    ("valid, after a pool", [conv(5, 3), .relu, .maxPool2d(ties: .all), conv(7, 3, .valid), .flatten, .softmax]),
    ("valid, Winograd", [conv(18, 2, .valid), conv(17, 5, .valid, .winograd), .flatten, .softmax]),
    (
      "same on one pixel, Winograd",
      [conv(5, 6, .valid), .relu, conv(33, 3, .same, .winograd), conv(10, 5, .same, .winograd), .flatten, .softmax]
    ),
    ("same on one pixel, an even kernel", [conv(6, 6, .valid), conv(3, 4, .same), .flatten, .softmax]),
    ("1×1 on one pixel", [conv(6, 6, .valid), .relu, conv(3, 1), .flatten, .softmax]),
    // 512 floats are a multiple of 2 KiB: images lie 16 floats further apart than they are long.
    ("512 classes", [conv(4, 3, .valid), conv(512, 4, .valid), .flatten, .softmax]),
    ("one class", [conv(4, 3, .valid), conv(1, 4, .valid), .flatten, .softmax]),
    ("a maximum", [conv(6, 5, .valid), .relu, .maxPool2d(ties: .first), .flatten, .softmax]),
    ("a mean", [conv(3, 4), conv(6, 5, .valid), .averagePool2d, .flatten, .softmax]),
    ("dense", [conv(4, 3), .relu, .flatten, .dense(units: 17), .softmax]),
    ("ReLU of a dense layer", [.flatten, .dense(units: 5), .relu, .softmax]),
    ("ReLU of the second dense layer", [.flatten, .dense(units: 9), .relu, .dense(units: 18), .relu, .softmax]),
    ("ReLU twice", [.flatten, .dense(units: 5), .relu, .relu, .softmax]),
    ("ReLU of a convolution, flatten", [conv(4, 3, .valid), .relu, conv(7, 4, .valid), .relu, .flatten, .softmax]),
    ("ReLU of a convolution after flatten", [conv(7, 6, .valid), .flatten, .relu, .softmax]),
    ("ReLU before and after flatten", [conv(7, 6, .valid), .relu, .flatten, .relu, .softmax]),
    ("ReLU of Winograd", [conv(18, 2, .valid), conv(17, 5, .valid, .winograd), .relu, .flatten, .softmax]),
    ("ReLU of a pool", [conv(6, 5, .valid), .maxPool2d(ties: .all), .relu, .flatten, .softmax]),
    ("ReLU of 512 classes", [conv(4, 3), .flatten, .dense(units: 512), .relu, .softmax]),
  ].map { ($0.0, ModelSpecification(input: ImageShape(height: 6, width: 6, channels: 3), layers: named($0.1))) }
}
