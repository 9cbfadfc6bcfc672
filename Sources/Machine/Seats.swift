/// The CPUs that may get a worker, in the order of worker numbers, and the orders in which they fill.
struct Seats {
  private struct Seat {
    let cpu: Int
    let node: Int
    let cache: Int
    /// 0 for the first usable CPU of a core, 1 for its sibling, and so on.
    let sibling: Int
  }

  /// By node, cache, core, then sibling.
  private let seats: [Seat]

  var count: Int { seats.count }

  /// - Precondition: `cpus` is not empty and on `nodes`.
  init(_ topology: Topology, nodes: [Topology.Node], cpus: CPUSet, everySibling: Bool) {
    var seats: [Seat] = []
    for node in nodes {
      let cores = topology.cores.filter { $0.node == node.id }.enumerated().sorted {
        ($0.element.lastLevelCache, $0.offset) < ($1.element.lastLevelCache, $1.offset)
      }
      for (_, core) in cores {
        for (sibling, cpu) in core.cpus.intersection(cpus).enumerated() where sibling == 0 || everySibling {
          seats.append(Seat(cpu: cpu, node: node.id, cache: core.lastLevelCache, sibling: sibling))
        }
      }
    }
    precondition(!seats.isEmpty, "A placement needs a CPU.")
    self.seats = seats
  }

  /// The places of `count` workers, by worker number; seats are taken again once all are taken.
  func take(_ count: Int, scattered: Bool) -> [Placement.Worker] {
    let order = fillingOrder(scattered: scattered)
    var workersOfSeat = [Int](repeating: 0, count: seats.count)
    for worker in 0..<count { workersOfSeat[order[worker % order.count]] += 1 }
    return zip(seats, workersOfSeat).flatMap { seat, workers in
      [Placement.Worker](repeating: Placement.Worker(cpu: seat.cpu, node: seat.node), count: workers)
    }
  }

  /// Indices of seats, the first to be taken first. Whole cores come before siblings.
  ///
  ///     close    node 0 core 0, core 1, …, node 1 core 0, …
  ///     scatter  node 0 cache 0 core 0, node 1 cache 2 core 0, node 0 cache 1 core 0, …
  private func fillingOrder(scattered: Bool) -> [Int] {
    guard scattered else { return sorted { [$0.sibling] } }
    let inCache = positions(in: [Int](seats.indices)) { [$0.sibling, $0.node, $0.cache] }
    let byTurnsOfCaches = sorted(and: inCache) { [$0.sibling, $0.node] }
    let inNode = positions(in: byTurnsOfCaches) { [$0.sibling, $0.node] }
    return sorted(and: inNode) { [$0.sibling] }
  }

  /// Seat indices by `key`, then by `turn` of the seat, then by worker number.
  private func sorted(and turn: [Int]? = nil, by key: (Seat) -> [Int]) -> [Int] {
    let keys = seats.enumerated().map { index, seat in key(seat) + [turn?[index] ?? 0, index] }
    return seats.indices.sorted { keys[$0].lexicographicallyPrecedes(keys[$1]) }
  }

  /// For each seat, how many seats with the same `key` come before it in `order`.
  private func positions(in order: [Int], by key: (Seat) -> [Int]) -> [Int] {
    var seen: [[Int]: Int] = [:]
    var positions = [Int](repeating: 0, count: seats.count)
    for index in order {
      positions[index] = seen[key(seats[index]), default: 0]
      seen[key(seats[index]), default: 0] += 1
    }
    return positions
  }
}
