import Diagnostics
import Dispatch
import Machine
import Synchronization

/// How image files are decoded: by how many threads, who hears how far it is, and who may end it.
package struct ImageDecoding: Sendable {
  /// `nil`: one per processor.
  package var threads: Int?
  /// Called by the thread that asked for the images, at most ten times a second, with the files done and all of them.
  package var progress: @Sendable (_ done: Int, _ count: Int) -> Void
  /// Whether decoding is to end; asked as often.
  package var isStopped: @Sendable () -> Bool

  package init(
    threads: Int? = nil, progress: @escaping @Sendable (_ done: Int, _ count: Int) -> Void = { _, _ in },
    isStopped: @escaping @Sendable () -> Bool = { false }
  ) {
    self.threads = threads
    self.progress = progress
    self.isStopped = isStopped
  }

  private static let secondsBetweenReports = 0.1
  /// Files that a thread takes at once: enough that taking them costs nothing, few enough that all threads end together.
  private static let filesAtATime = 16

  /// Decodes the files with some numbers into their places in `pixels`, which do not depend on the threads.
  ///
  ///     files     0 … 15 │ 16 … 31 │ 32 … 47 │ …      each run of files is taken by the next thread that is free
  ///
  /// - Returns: what failed, in the files' order, and how many threads there were: one where the system allows no others.
  /// - Throws: `UserError(.interrupted)` about `subject` when it is stopped.
  func decode(
    _ files: [String], _ numbers: Range<Int>, fit: ImageFit, into pixels: PageBuffer<UInt8>, subject: String
  ) throws(UserError) -> (failures: [(index: Int, error: UserError)], threads: Int) {
    var count = min(threads ?? ThreadSupply.processors, (numbers.count + Self.filesAtATime - 1) / Self.filesAtATime)
    // Dispatch would wait forever for a thread that cannot be created.
    if count > 1, !ThreadSupply.allows(count - 1) { count = 1 }
    let work = DecodingWork(files, numbers, fit: fit, pixels, filesAtATime: Self.filesAtATime)
    if isStopped() { work.stop() }
    let group = DispatchGroup()
    for number in 1..<max(1, count) {
      // Serial queues have a thread each, however many processors there are.
      DispatchQueue(label: "lockstep.reader-\(number)").async(group: group) { work.run {} }
    }
    var last = monotonicNanoseconds()
    work.run {
      let now = monotonicNanoseconds()
      guard Double(clockSpan(last, now)) >= Self.secondsBetweenReports * 1e9 else { return }
      last = now
      progress(work.filesDone, numbers.count)
      if isStopped() { work.stop() }
    }
    while group.wait(timeout: .now() + Self.secondsBetweenReports) == .timedOut {
      progress(work.filesDone, numbers.count)
      if isStopped() { work.stop() }
    }
    guard !work.isStopped else {
      throw UserError(
        .interrupted, subject, "was being decoded when a signal came, \(work.filesDone) of \(numbers.count) files",
        hint: "run again; nothing is kept of it")
    }
    return (work.failures, max(1, count))
  }
}

/// Files that several threads decode.
///
/// Pixels of a file are written by the thread that took it.
private final class DecodingWork: Sendable {
  private let files: [String]
  private let fit: ImageFit
  nonisolated(unsafe) private let target: UnsafeMutableBufferPointer<UInt8>
  private let filesAtATime: Int
  private let end: Int
  private let next: Atomic<Int>
  private let done = Atomic<Int>(0)
  private let stopped = Atomic<Bool>(false)
  private let failed = Mutex<[(index: Int, error: UserError)]>([])

  init(_ files: [String], _ numbers: Range<Int>, fit: ImageFit, _ pixels: PageBuffer<UInt8>, filesAtATime: Int) {
    self.files = files
    self.fit = fit
    target = pixels.elements
    self.filesAtATime = filesAtATime
    end = numbers.upperBound
    next = Atomic(numbers.lowerBound)
  }

  var filesDone: Int { done.load(ordering: .relaxed) }
  var isStopped: Bool { stopped.load(ordering: .relaxed) }
  func stop() { stopped.store(true, ordering: .relaxed) }
  /// In the files' order.
  var failures: [(index: Int, error: UserError)] { failed.withLock { $0 }.sorted { $0.index < $1.index } }

  /// Decodes until no file is left; calls `afterEach` after every file.
  func run(_ afterEach: () -> Void) {
    let reader: ImageFileReader
    do throws(UserError) { reader = try ImageFileReader() } catch {
      failed.withLock { $0.append((0, error)) }
      return
    }
    while !isStopped {
      let start = next.add(filesAtATime, ordering: .relaxed).oldValue
      guard start < end else { return }
      for index in start..<min(start + filesAtATime, end) {
        if let error = decode(index, reader) { failed.withLock { $0.append((index, error)) } }
        done.add(1, ordering: .relaxed)
        afterEach()
        if isStopped { return }
      }
    }
  }

  private func decode(_ index: Int, _ reader: ImageFileReader) -> UserError? {
    do throws(UserError) {
      let image = try fit.apply(to: try reader.raster(path: files[index]), name: files[index])
      let start = index * fit.byteCount
      for k in 0..<fit.byteCount { target[start + k] = image.pixels[k] }
      return nil
    } catch { return error }
  }
}
