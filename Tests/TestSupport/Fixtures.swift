/// The path of a file under Tests/Fixtures, such as `safetensors/python.safetensors`.
package func fixture(_ path: String) -> String {
  // This file is Tests/TestSupport/Fixtures.swift.
  let folders: [Substring] = #filePath.split(separator: "/").dropLast(2)
  return "/" + folders.joined(separator: "/") + "/Fixtures/" + path
}
