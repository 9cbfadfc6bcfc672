import Training

extension Session {
  /// Runs `body` in the only worker of the session's plan, with its memory and prepared weights.
  ///
  /// - Returns: what `body` returns.
  /// - Throws: as `run`.
  func alone<Result>(_ body: @escaping @Sendable (borrowing Worker) throws -> Result) throws -> Result {
    precondition(plan.workerCount == 1, "A session of \(plan.workerCount) workers does not have just one.")
    let box = ResultBox<Result>()
    try run { worker in box.value = try body(worker) }
    guard let result = box.value else { fatalError("The worker left no result.") }
    return result
  }
}

/// `@unchecked Sendable`: written by the only worker, read after it has finished.
final class ResultBox<Result>: @unchecked Sendable { var value: Result? }
