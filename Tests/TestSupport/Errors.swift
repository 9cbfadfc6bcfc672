import Diagnostics

/// The `UserError` that `body` throws; nil if it returns or throws anything else.
package func userError(_ body: () throws -> Void) -> UserError? {
  do {
    try body()
    return nil
  } catch {
    return error as? UserError
  }
}
