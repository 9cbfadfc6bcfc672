import Configuration
import Diagnostics
import Foundation
import Testing
import Training

@testable import Pages

/// The server of `--watch`, spoken to through sockets.
@Suite struct WatchServerTests {
  /// What the server answers to `request`, until it closes the connection or `isEnough`.
  private func answer(_ port: Int, _ request: String, isEnough: (String) -> Bool = { _ in false }) throws -> String {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let isConnected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    try #require(isConnected)
    _ = send(descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL))
    var (bytes, buffer): ([UInt8], [UInt8]) = ([], [UInt8](repeating: 0, count: 65536))
    while true {
      var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      try #require(poll(&state, 1, 60_000) == 1, "no answer: \(String(decoding: bytes, as: UTF8.self))")
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { break }
      bytes += buffer[..<count]
      if isEnough(String(decoding: bytes, as: UTF8.self)) { break }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func server() throws -> WatchServer {
    let run = try ConfigurationReader.digits(overrides: [])
    return try WatchServer(port: 0, LiveRun(run, folder: "runs/digits"))
  }

  private func request(_ server: WatchServer, _ line: String, host: String? = nil) -> String {
    "\(line) HTTP/1.1\r\nHost: \(host ?? "127.0.0.1:\(server.port)")\r\n\r\n"
  }

  private func record(step: Int) -> TrainingEvent {
    .step(
      StepRecord(
        epoch: 1, step: step, stepInEpoch: step, loss: 0.5, accuracy: 0.5, learningRate: 0.1, imagesPerSecond: 1,
        stepMilliseconds: 1, reduceMilliseconds: 0, barrierMilliseconds: 0, meetingsMilliseconds: 0, steps: 1,
        elapsedSeconds: 1), progress: false)
  }

  @Test("the page is served, and nothing else")
  func thePageIsServedAndNothingElse() throws {
    let server = try server()
    defer { server.finish() }
    let page = try answer(server.port, request(server, "GET /"))
    #expect(
      page.hasPrefix("HTTP/1.1 200 OK\r\n") && page.contains("<title>digits") && page.contains("connect-src 'self'"))
    let length = try #require(page.firstRange(of: "\r\n\r\n").map { page[$0.upperBound...].utf8.count })
    #expect(page.contains("Content-Length: \(length)\r\n"))
    #expect(try answer(server.port, request(server, "GET /?x=1")).hasPrefix("HTTP/1.1 200 "))
    #expect(try answer(server.port, request(server, "GET /etc/passwd")).hasPrefix("HTTP/1.1 404 "))
    #expect(try answer(server.port, request(server, "GET /../events")).hasPrefix("HTTP/1.1 404 "))
    for method in ["POST /", "PUT /", "DELETE /", "HEAD /", "OPTIONS /events", "nonsense"] {
      #expect(try answer(server.port, request(server, method)).hasPrefix("HTTP/1.1 405 "), "\(method)")
    }
  }

  @Test(
    "requests under other names are refused", arguments: ["evil.example", "127.0.0.1", "localhost", "127.0.0.1:1", ""])
  func otherNamesAreRefused(host: String) throws {
    let server = try server()
    defer { server.finish() }
    #expect(try answer(server.port, request(server, "GET /", host: host)).hasPrefix("HTTP/1.1 403 "))
    #expect(try answer(server.port, "GET / HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 403 "))
    let local = request(server, "GET /", host: "LOCALHOST:\(server.port)")
    #expect(try answer(server.port, local).hasPrefix("HTTP/1.1 200 "))
    #expect(try answer(server.port, String(repeating: "x", count: 10_000)).hasPrefix("HTTP/1.1 431 "))
  }

  @Test("changes are sent as they come, and the end last")
  func changesAreSentAsTheyCome() throws {
    let server = try server()
    let events = [record(step: 1), record(step: 2), record(step: 3)]
    Thread.detachNewThread {
      for event in events {
        server.update { $0.add(event) }
        Thread.sleep(forTimeInterval: 0.7)
      }
      server.update { $0.end(isInterrupted: false) }
      server.finish()
    }
    let sent = try answer(server.port, request(server, "GET /events"))
    #expect(sent.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"))
    let parts = sent.components(separatedBy: "\n\n").filter { $0.contains("data: {\"runs\"") }
    #expect(parts.count >= 2, "\(sent.count) bytes")
    let last = try #require(parts.last)
    #expect(last.contains("\"state\":\"finished\"") && last.contains("\"steps\":3"))
    #expect(sent.hasSuffix("event: end\ndata: {}\n\n"))
  }

  @Test("it listens on this machine alone, and a taken port is an error")
  func itListensOnThisMachineAlone() throws {
    let server = try server()
    defer { server.finish() }
    let run = try ConfigurationReader.digits(overrides: [])
    #expect(throws: UserError.self) { try WatchServer(port: server.port, LiveRun(run, folder: "x")) }
    let table = try String(contentsOfFile: "/proc/net/tcp", encoding: .utf8)
    let hexadecimal = String(server.port, radix: 16, uppercase: true)
    let port = String(repeating: "0", count: 4 - hexadecimal.count) + hexadecimal
    let places = table.split(separator: "\n").compactMap { line -> String? in
      let cells = line.split(separator: " ")
      // 0A: listening.
      return cells.count > 3 && cells[1].hasSuffix(":\(port)") && cells[3] == "0A" ? String(cells[1]) : nil
    }
    #expect(places == ["0100007F:\(port)"])
  }

  @Test("connections that send nothing or go away do no harm")
  func badConnectionsDoNoHarm() throws {
    let server = try server()
    defer { server.finish() }
    for part in ["", "GET", "GET / HTTP/1.1\r\nHost"] {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(UInt16(server.port).bigEndian)
      address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
      _ = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      _ = send(descriptor, part, part.utf8.count, Int32(MSG_NOSIGNAL))
      close(descriptor)
    }
    // More than are served at a time, of which none sends a request.
    let idle = (0..<32).map { _ in socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
    for descriptor in idle { close(descriptor) }
    #expect(try answer(server.port, request(server, "GET /")).hasPrefix("HTTP/1.1 200 "))
  }
}
