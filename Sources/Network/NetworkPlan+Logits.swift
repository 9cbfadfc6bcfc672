import KernelInterface

extension NetworkPlan {
  /// The logits of image `n` of a run after a forward pass, `classes` of them.
  package func logits(_ w: Workspace, image n: Int) -> UnsafeMutablePointer<Float> {
    let value = work[work.count - 1].inputs[0].gradient
    return w.maps[value] + maps[value].origin + n * maps[value].imageStride
  }

  /// The last layer alone: probabilities, losses and correctness of the `images` of a chunk from their logits.
  package func classify(_ w: Workspace, images: Range<Int>, _ inputs: borrowing PassInputs) {
    forward(layers: layers.count - 1..<layers.count, Pass(w, inputs), images) { _ in }
  }
}
