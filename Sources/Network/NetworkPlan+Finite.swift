extension NetworkPlan {
  /// What stops being finite first in a forward pass of the image in a workspace, layer by layer: the pixels, or a layer's output;
  /// `nil` if all is finite.
  ///
  /// - Precondition: the plan's capacity is one image.
  package func firstNotFinite(_ w: Workspace, _ inputs: borrowing PassInputs) -> String? {
    precondition(capacity.run == 1, "A pass layer by layer is over one image.")
    guard isFinite(w, map: 0) else { return "the normalized input" }
    let pass = Pass(w, inputs)
    for l in layers.indices {
      forward(layers: l..<l + 1, pass, 0..<1) { _ in }
      guard isFinite(w, map: l + 1) else { return "the output of \(work[l].name)" }
    }
    return nil
  }

  private func isFinite(_ w: Workspace, map value: Int) -> Bool {
    let map = maps[value]
    return (0..<map.shape.height).allSatisfy { row in
      (0..<map.shape.width).allSatisfy { column in
        let pixel = w.maps[value] + map.offset(row, column)
        return (0..<map.shape.channels).allSatisfy { pixel[$0].isFinite }
      }
    }
  }
}
