extension NetworkPlan {
  /// What stopped being finite first in a forward pass of one image: the pixels, or a layer's output; `nil` if all is finite.
  ///
  /// - Precondition: the plan's capacity is one image, so that every map still holds it.
  package func firstNotFinite(_ w: Workspace) -> String? {
    precondition(capacity.run == 1, "A map that holds several images may have lost one of them.")
    for (i, map) in maps.enumerated() {
      for row in 0..<map.shape.height {
        for column in 0..<map.shape.width {
          let pixel = w.maps[i] + map.offset(row, column)
          guard (0..<map.shape.channels).contains(where: { !pixel[$0].isFinite }) else { continue }
          return i == 0 ? "the normalized input" : "the output of \(work[i - 1].name)"
        }
      }
    }
    return nil
  }
}
