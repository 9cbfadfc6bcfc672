import Diagnostics
import Pages
import Reporting
import Storage

extension CommandCall {
  /// The page of the runs in the folders that are named.
  func report() throws -> Int32 {
    let folders = invocation.operands
    let page = try RunPage.read(folders)
    let file = invocation.value(.output) ?? (folders.count == 1 ? "\(folders[0])/\(RunPage.file)" : RunPage.file)
    try page.write(to: FilePlace(path: file))
    try print(PageSummary(file: file, runs: folders.count))
    return ExitCode.success
  }
}
