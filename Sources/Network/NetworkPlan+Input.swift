extension NetworkPlan {
  /// Where image `n` of a run takes its pixels while `chunk` is loaded: the address of pixel (0, 0), and the strides of
  /// rows and pixels.
  package func input(
    _ w: Workspace, image n: Int, of chunk: Range<Int>
  ) -> (pixels: UnsafeMutablePointer<Float>, row: Int, pixel: Int) {
    assert(chunk.contains(n), "Image \(n) is not one of the chunk \(chunk).")
    var slice = wholeChunk(chunk)
    slice.first = n
    return (w.maps[0] + maps[0].start(of: slice) + maps[0].origin, maps[0].rowStride, maps[0].channelStride)
  }

  /// The probabilities of image `n` of a run after an inference, `classes` of them.
  package func probabilities(_ w: Workspace, image n: Int) -> UnsafePointer<Float> {
    UnsafePointer(w.maps[maps.count - 1] + n * maps[maps.count - 1].imageStride)
  }

  /// The gradient of the summed loss by the pixels of image `n` of the last chunk, [H, W, C]; the plan
  /// must compute it.
  package func inputGradient(_ w: Workspace, imageOfChunk n: Int) -> [Float] {
    precondition(computesInputGradient, "This plan does not compute the gradient of its input.")
    let map = gradients[0]
    var values: [Float] = []
    for i in 0..<map.shape.height {
      for j in 0..<map.shape.width {
        for c in 0..<map.shape.channels { values.append(w.gradients[0][n * map.imageStride + map.offset(i, j) + c]) }
      }
    }
    return values
  }
}
