import Machine

@testable import Collectives

/// Plain memory shared by workers.
///
/// `@unchecked Sendable` because the tests keep one writer per element between two barriers; ThreadSanitizer checks it.
final class SharedInts: @unchecked Sendable {
  let values: UnsafeMutableBufferPointer<Int>

  init(_ count: Int) {
    values = .allocate(capacity: count)
    values.initialize(repeating: 0)
  }

  deinit { values.deallocate() }
}

struct Mishap: Error, Equatable {
  var worker: Int
}

func unpinned(_ count: Int) -> Placement {
  Placement(workers: [Placement.Worker](repeating: Placement.Worker(cpu: nil, node: 0), count: count), notes: [])
}
