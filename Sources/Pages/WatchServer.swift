import Diagnostics
import Glibc
import Synchronization

/// Serves the page of a run that goes on to browsers on the same machine, and sends them newer data as server-sent events.
///
/// One thread, one loop over sockets that never block. It listens on 127.0.0.1 alone, answers only GET, and only requests that
/// name this machine, so that no page of another site can read it through a name of its own (DNS rebinding).
///
/// ```
/// GET /        the page
/// GET /events  "data: JSON" at once and after changes, at most once a second; "event: end" when the run has ended
/// ```
/// `@unchecked Sendable`: the run is behind a lock; all else belongs to the server's thread, or is set before it starts.
package final class WatchServer: @unchecked Sendable {
  /// Connections at a time; others are closed at once.
  private static let mostClients = 16
  private static let mostRequestBytes = 8192
  private static let millisecondsBetweenLooks: Int32 = 100
  private static let secondsBetweenEvents = 1.0
  /// A connection that has sent no request by then is closed.
  private static let patience = 10.0

  package let port: Int
  private let listener: Int32
  private let run: Mutex<LiveRun>
  private let isEnding = Atomic<Bool>(false)
  private var thread = pthread_t()

  private struct Client {
    let socket: Int32
    let since: Double
    var request: [UInt8] = []
    var output: ArraySlice<UInt8> = []
    var isSubscribed = false
    /// The version that it has, and when it was sent.
    var version = -1
    var sent = -Double.infinity
    var closesWhenSent = false
  }

  /// Starts to serve.
  ///
  /// - Parameter port: 0 for any that is free.
  /// - Throws: `UserError(.systemRefused)` if the port is taken or not allowed, or there is no thread.
  package init(port: Int, _ run: LiveRun) throws(UserError) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    Self.prepare(descriptor)
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 }
    }
    guard descriptor >= 0, isBound, listen(descriptor, 8) == 0 else {
      let reason = String(cString: strerror(errno))
      if descriptor >= 0 { close(descriptor) }
      throw UserError(
        .systemRefused, "--watch \(port)", "127.0.0.1 cannot be listened on: \(reason)", hint: "0 finds a free port")
    }
    _ = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    listener = descriptor
    self.port = Int(UInt16(bigEndian: address.sin_port))
    self.run = Mutex(run)
    let context = Unmanaged.passRetained(self)
    let status = pthread_create(
      &thread, nil,
      { context in
        if let context { Unmanaged<WatchServer>.fromOpaque(context).takeRetainedValue().serve() }
        return nil
      }, context.toOpaque())
    guard status == 0 else {
      context.release()
      close(descriptor)
      throw UserError(
        .systemRefused, "--watch \(port)", "a thread cannot be started: \(String(cString: strerror(status)))")
    }
  }

  package var address: String { "http://127.0.0.1:\(port)/" }

  /// Changes what is shown; the browsers learn of it within a second.
  package func update(_ change: (inout LiveRun) -> Void) { run.withLock { change(&$0) } }

  /// Sends the last change to all browsers and stops; called once.
  package func finish() {
    isEnding.store(true, ordering: .releasing)
    pthread_join(thread, nil)
  }

  // MARK: The server's thread

  private func serve() {
    var clients: [Client] = []
    var isLast = false
    while !isLast {
      isLast = isEnding.load(ordering: .acquiring)
      if !isLast { wait(for: clients) }
      accept(&clients)
      let now = Self.seconds()
      for index in clients.indices { step(&clients[index], now, isLast: isLast) }
      clients.removeAll { client in
        let isOver =
          client.closesWhenSent && client.output.isEmpty || !client.isSubscribed && now - client.since > Self.patience
        if isOver { close(client.socket) }
        return isOver
      }
    }
    for client in clients { close(client.socket) }
    close(listener)
  }

  private func wait(for clients: [Client]) {
    var states = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
    for client in clients {
      let wanted = client.output.isEmpty ? POLLIN : POLLOUT
      states.append(pollfd(fd: client.socket, events: Int16(wanted), revents: 0))
    }
    _ = poll(&states, nfds_t(states.count), Self.millisecondsBetweenLooks)
  }

  private func accept(_ clients: inout [Client]) {
    while true {
      let socket = Glibc.accept(listener, nil, nil)
      guard socket >= 0 else { return }
      guard clients.count < Self.mostClients else {
        close(socket)
        continue
      }
      Self.prepare(socket)
      clients.append(Client(socket: socket, since: Self.seconds()))
    }
  }

  /// Reads what a client has sent, answers it, and writes as much as its connection takes.
  private func step(_ client: inout Client, _ now: Double, isLast: Bool) {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(client.socket, &buffer, buffer.count, 0)
      if count < 0, errno == EINTR { continue }
      if count == 0 || count < 0 && errno != EAGAIN {
        client.output = []
        client.closesWhenSent = true
        return
      }
      guard count > 0 else { break }
      // What comes after the request is not read.
      if !client.isSubscribed, !client.closesWhenSent { client.request += buffer[..<count] }
      guard client.request.count <= Self.mostRequestBytes else {
        client.output = Self.answer("431 Request Header Fields Too Large")
        client.closesWhenSent = true
        break
      }
    }
    if !client.isSubscribed, !client.closesWhenSent, let request = HTTPRequest(client.request) {
      answer(request, &client)
    }
    if client.isSubscribed, client.output.isEmpty, isLast || now - client.sent >= Self.secondsBetweenEvents {
      let current = run.withLock { $0 }
      if current.version != client.version {
        (client.version, client.sent) = (current.version, now)
        client.output += Array("data: \(Page.embedded(current.page.data))\n\n".utf8)
      }
    }
    if isLast, client.isSubscribed {
      client.output += Array("event: end\ndata: {}\n\n".utf8)
      client.closesWhenSent = true
    }
    send(&client, isLast: isLast)
  }

  private func answer(_ request: HTTPRequest, _ client: inout Client) {
    client.closesWhenSent = true
    guard request.isFor(port: port) else {
      client.output = Self.answer("403 Forbidden")
      return
    }
    switch (request.method, request.path) {
    case ("GET", "/"):
      var page = run.withLock { $0 }.page
      page.isLive = true
      client.output = Self.answer("200 OK", type: "text/html; charset=utf-8", page.html)
    case ("GET", "/events"):
      client.output =
        Array(
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\(Self.headers)\r\n".utf8)[...]
      client.isSubscribed = true
      client.closesWhenSent = false
    case ("GET", _): client.output = Self.answer("404 Not Found")
    case _: client.output = Self.answer("405 Method Not Allowed")
    }
  }

  private func send(_ client: inout Client, isLast: Bool) {
    while !client.output.isEmpty {
      let count = client.output.withUnsafeBytes {
        Glibc.send(client.socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EAGAIN {
        // At the end the rest is given a moment; a browser that does not read is not waited for.
        var state = pollfd(fd: client.socket, events: Int16(POLLOUT), revents: 0)
        guard isLast, poll(&state, 1, Self.millisecondsBetweenLooks) == 1 else { return }
        continue
      }
      guard count > 0 else {
        client.output = []
        client.closesWhenSent = true
        return
      }
      client.output = client.output.dropFirst(count)
    }
  }

  private static let headers =
    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n"

  private static func answer(_ status: String, type: String = "text/plain", _ text: String? = nil) -> ArraySlice<UInt8>
  {
    let body = Array((text ?? status + "\n").utf8)
    let head = "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.count)\r\n\(headers)\r\n"
    return (Array(head.utf8) + body)[...]
  }

  /// Makes a socket one that never blocks and that no other program inherits.
  private static func prepare(_ socket: Int32) {
    _ = fcntl(socket, F_SETFL, O_NONBLOCK)
    _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
  }

  private static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// The head of a request: all that the server reads of one.
struct HTTPRequest {
  let method: String
  /// Without what follows a question mark.
  let path: String
  private let hosts: [String]

  /// - Returns: `nil` until the head is whole.
  init?(_ bytes: [UInt8]) {
    let end = Array("\r\n\r\n".utf8)
    guard let last = bytes.indices.dropLast(3).first(where: { bytes[$0..<$0 + 4].elementsEqual(end) }) else {
      return nil
    }
    let lines = String(decoding: bytes[..<last], as: UTF8.self).split(
      separator: "\r\n", omittingEmptySubsequences: false)
    let words = lines[0].split(separator: " ", omittingEmptySubsequences: false)
    method = words.count == 3 ? String(words[0]) : ""
    path = words.count == 3 ? String(words[1].prefix { $0 != "?" }) : ""
    hosts = lines.dropFirst().compactMap { line in
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, parts[0].lowercased() == "host" else { return nil }
      return parts[1].drop { $0 == " " }.lowercased()
    }
  }

  /// Whether it names this machine and the port, once.
  func isFor(port: Int) -> Bool {
    hosts.count == 1 && ["127.0.0.1:\(port)", "localhost:\(port)"].contains(hosts[0])
  }
}
