/// The path of a file under Tests/Fixtures, such as `safetensors/python.safetensors`.
package func fixture(_ path: String) -> String { "\(root)/Tests/Fixtures/\(path)" }

/// The path of a page under docs.
package func documentPath(_ name: String) -> String { "\(root)/docs/\(name)" }

/// The repository: this file is Tests/TestSupport/Fixtures.swift.
private let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
