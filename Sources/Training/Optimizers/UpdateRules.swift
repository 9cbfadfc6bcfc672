import Configuration
import Network

/// What the optimizer does with a stretch of the flat parameter buffer: the one place where parameters differ in their rate
/// or decay.
package struct UpdateRule: Sendable, Hashable {
  /// Cut at multiples of 32.
  package var floats: Range<Int>
  /// What the learning rate is multiplied by.
  package var rateScale: Double
  package var decay: Double
  /// Whether the stretch is a weight tensor whose rate depends on its norms.
  package var adapts: Bool
}

/// The rules of all trained parameters, ascending and without gaps; neighbours that are treated alike are one.
struct UpdateRules: Sendable {
  private(set) var rules: [UpdateRule] = []

  /// - Parameter adapts: whether the optimizer reads the norms of weight tensors.
  init(_ table: ParameterTable, _ configuration: OptimizerConfiguration, adapts: Bool) {
    for parameter in table.parameters where parameter.isTrained {
      let isWeight = parameter.role == .weight
      let rule = UpdateRule(
        floats: parameter.offset..<parameter.offset + parameter.packedCount, rateScale: parameter.rateScale,
        decay: isWeight ? configuration.weightDecay : configuration.normWeightDecay ?? configuration.weightDecay,
        adapts: adapts && isWeight)
      if let last = rules.last, last.joins(rule) {
        rules[rules.count - 1].floats = last.floats.lowerBound..<rule.floats.upperBound
      } else {
        rules.append(rule)
      }
    }
  }

  /// Calls `body` with the parts of `block` that have one rule each, in ascending order, and the rule's number.
  @inline(__always)
  func forEachPart(of block: Range<Int>, _ body: (_ part: Range<Int>, _ rule: Int) -> Void) {
    var (low, high) = (0, rules.count)
    while low < high {
      let middle = (low + high) / 2
      if rules[middle].floats.upperBound <= block.lowerBound { low = middle + 1 } else { high = middle }
    }
    while low < rules.count, rules[low].floats.lowerBound < block.upperBound {
      body(rules[low].floats.clamped(to: block), low)
      low += 1
    }
  }
}

extension UpdateRule {
  /// Whether `next` begins where this rule ends and says the same.
  fileprivate func joins(_ next: UpdateRule) -> Bool {
    floats.upperBound == next.floats.lowerBound && !adapts && !next.adapts && rateScale == next.rateScale
      && decay == next.decay
  }
}
