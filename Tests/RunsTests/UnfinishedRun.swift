import Diagnostics
import Runs

extension RunDirectory {
  /// Where the unfinished run in the folder at `path` left off; `nil` where there is none. Throws as `state(of:)`.
  static func unfinishedRun(in path: String) throws(UserError) -> ResumePoint? {
    guard case .unfinished(let point) = try state(of: path) else { return nil }
    return point
  }
}
