/// How workers reach each other's partial sums, and exchange the results.
///
/// Between two barriers a float of a partial sum has one reader and writer: the worker in whose segment it lies.
package protocol Transport: Sendable {
  /// The partial sum in buffer `slot` of `worker`, where the caller reads the floats of its segment and adds to them.
  ///
  /// - Precondition: that worker has entered it, before a barrier.
  func partialSum(worker: Int, slot: Int) -> UnsafeMutablePointer<Float>

  /// Groups that have a copy of the results each.
  var groupCount: Int { get }

  /// Brings `range` of the results that `group` holds to all other groups, which may read it after the next barrier.
  func distribute(_ range: Range<Int>, of group: Int)
}
