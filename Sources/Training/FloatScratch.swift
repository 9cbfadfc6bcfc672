/// Floats that belong to one worker.
///
/// `@unchecked Sendable`: no one else reads or writes them.
final class FloatScratch: @unchecked Sendable {
  let floats: UnsafeMutablePointer<Float>

  init(_ count: Int) {
    floats = .allocate(capacity: count)
    floats.initialize(repeating: 0, count: count)
  }

  deinit { floats.deallocate() }
}
