import Diagnostics
import Runs
import Storage

/// A page that needs nothing but a browser: markup, style, script and data in one file.
///
/// The script draws everything from the data, which is JSON without a character that could end its element. A policy in the
/// page lets no other script run and nothing be loaded.
package struct Page: Sendable {
  package var title: String
  package var data: JSONValue
  /// Whether the page asks the server it came from for newer data.
  package var isLive = false

  package init(title: String, data: JSONValue) {
    self.title = title
    self.data = data
  }

  /// The start of every page, by which a file is known to be one.
  static let mark = "<!doctype html>\n<!-- A report by Lockstep -->\n"

  package var html: String {
    let script = String(decoding: PackageResources.page_js, as: UTF8.self)
    let style = String(decoding: PackageResources.page_css, as: UTF8.self)
    let digest = Base64.text(Self.digest(of: script))
    let policy =
      "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-\(digest)'"
      + (isLive ? "; connect-src 'self'" : "") + "; base-uri 'none'; form-action 'none'"
    return Self.mark + """
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="\(policy)">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta name="generator" content="Lockstep \(ProgramVersion.current)">
      <title>\(Self.escaped(title))</title>
      <link rel="icon" href="data:,">
      <style>
      \(style)</style>
      </head>
      <body\(isLive ? " data-live" : "")>
      <a class="skip" href="#main">To the results</a>
      <header id="head"><h1>\(Self.escaped(title))</h1></header>
      <main id="main"><noscript><p>This page draws its charts and tables with a script of its own, which is switched off.</p></noscript></main>
      <footer>Written by Lockstep \(ProgramVersion.current). This page loads nothing and sends nothing.</footer>
      <script type="application/json" id="data">\(Self.embedded(data))</script>
      <script>\(script)</script>
      </body>
      </html>

      """
  }

  /// JSON that stays inside its element whatever its texts are, on one line.
  static func embedded(_ value: JSONValue) -> String {
    var text: [UInt8] = []
    for byte in value.compactText.utf8 {
      switch byte {
      case UInt8(ascii: "<"): text += Array("\\u003c".utf8)
      case UInt8(ascii: ">"): text += Array("\\u003e".utf8)
      case UInt8(ascii: "&"): text += Array("\\u0026".utf8)
      case _: text.append(byte)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Text for an element or an attribute.
  static func escaped(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F: escaped += " "
      case _: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  private static func digest(of text: String) -> [UInt8] {
    var hash = SHA256()
    hash.update(Array(text.utf8))
    return hash.digest
  }
}

extension Page {
  /// Writes the page to `place`, whole or not at all.
  ///
  /// - Throws: `UserError(.cannotWrite)` if the file cannot be written, or if one is there that is not a page of this program.
  package func write(to place: FilePlace) throws(UserError) {
    try Self.requireOwn(place, startsWith: Self.mark)
    try AtomicFile.write(html, to: place)
  }

  /// Refuses to replace a file that starts otherwise.
  static func requireOwn(_ place: FilePlace, startsWith mark: String) throws(UserError) {
    guard try place.exists() else { return }
    let start: [UInt8]
    do throws(UserError) {
      let input = try ByteInput(place)
      start = try input.read(min(mark.utf8.count, input.remaining))
    } catch {
      throw UserError(.cannotWrite, place.path, "is there and cannot be read: it \(error.message)")
    }
    guard start.isEmpty || start == Array(mark.utf8) else {
      throw UserError(
        .cannotWrite, place.path, "is not a report of this program, and was left as it is",
        hint: "move it away, or choose another name")
    }
  }
}
