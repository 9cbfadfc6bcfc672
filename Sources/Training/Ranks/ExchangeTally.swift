/// What the exchanges of one kind came to.
package struct ExchangeTally: Sendable, Hashable {
  /// `meeting`, `sums`, `squares`, `weights`, `state` or `evaluation`; see `RankExchange`.
  package var name: String
  package var count = 0
  /// That the rank itself sent.
  package var bytesSent = 0
  /// From when the rank was ready until all was there: time in which it waited for later ranks is part of it.
  package var nanoseconds: UInt64 = 0

  package init(name: String) { self.name = name }

  /// What two parts of a run exchanged together; both have the same kinds.
  package static func sums(_ first: [ExchangeTally], _ second: [ExchangeTally]) -> [ExchangeTally] {
    zip(first, second).map { a, b in
      precondition(a.name == b.name, "Parts of a run exchange the same kinds of messages.")
      var sum = a
      sum.count += b.count
      sum.bytesSent += b.bytesSent
      sum.nanoseconds += b.nanoseconds
      return sum
    }
  }

  package var meanMilliseconds: Double { count == 0 ? 0 : Double(nanoseconds) * 1e-6 / Double(count) }
  /// Bytes sent over the time, which is not the link's speed where the rank waited for others.
  package var gigabytesPerSecond: Double { nanoseconds == 0 ? 0 : Double(bytesSent) / Double(nanoseconds) }
  package var meanBytesSent: Double { count == 0 ? 0 : Double(bytesSent) / Double(count) }
}
