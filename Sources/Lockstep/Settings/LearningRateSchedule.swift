internal import Storage

/// How the learning rate moves: PyTorch's schedules, one step at a time.
///
/// Those that do not rise by themselves can have a warm-up, in which a factor rises from its start to 1, evenly.
public struct LearningRateSchedule: Sendable, Hashable {
  let json: JSONValue

  private init(_ type: String, warmup: Warmup?, _ members: [(String, (any ConfigurationValue)?)] = []) {
    json = .section(
      [("type", type)] + members
        + [("warmup_epochs", warmup?.epochs), ("warmup_start_factor", warmup?.startFactor)])
  }

  /// Epochs at the start in which the learning rate rises.
  public struct Warmup: Sendable, Hashable {
    /// How many; parts of an epoch are allowed.
    public var epochs: Double
    /// What the first step's learning rate is multiplied by.
    public var startFactor: Double

    /// A rise from `startFactor` of the learning rate to all of it.
    public init(epochs: Double, startFactor: Double = 0.1) { (self.epochs, self.startFactor) = (epochs, startFactor) }
  }

  /// How the rate of ``oneCycle(pctStart:divFactor:finalDivFactor:annealStrategy:)`` rises and falls.
  public enum Annealing: String, Sendable, Hashable, CaseIterable {
    /// Along half a cosine.
    case cos
    /// Along a line.
    case linear
  }

  /// Whether a better value is better by a share of the best one or as it is.
  public enum ThresholdMode: String, Sendable, Hashable, CaseIterable {
    /// As a share of the best value.
    case rel
    /// As it is.
    case abs
  }

  /// The optimizer's learning rate throughout.
  public static func constant(warmup: Warmup? = nil) -> LearningRateSchedule {
    LearningRateSchedule("constant", warmup: warmup)
  }

  /// Times `gamma` after every `stepSize` epochs.
  public static func step(stepSize: Double = 30, gamma: Double = 0.1, warmup: Warmup? = nil) -> LearningRateSchedule {
    LearningRateSchedule("step", warmup: warmup, [("step_size", stepSize), ("gamma", gamma)])
  }

  /// Times `gamma` at each of `milestones`, epochs that ascend.
  public static func multiStep(
    milestones: [Double], gamma: Double = 0.1, warmup: Warmup? = nil
  ) -> LearningRateSchedule {
    LearningRateSchedule("multi_step", warmup: warmup, [("milestones", milestones), ("gamma", gamma)])
  }

  /// Times `gamma` over every epoch, each step its part of that.
  public static func exponential(gamma: Double, warmup: Warmup? = nil) -> LearningRateSchedule {
    LearningRateSchedule("exponential", warmup: warmup, [("gamma", gamma)])
  }

  /// Half a cosine down to `minLr` at the run's end.
  public static func cosine(minLr: Double = 0, warmup: Warmup? = nil) -> LearningRateSchedule {
    LearningRateSchedule("cosine", warmup: warmup, [("min_lr", minLr)])
  }

  /// A line from `startFactor` of the learning rate to `endFactor` of it at the run's end.
  public static func linear(
    startFactor: Double = 1, endFactor: Double = 0, warmup: Warmup? = nil
  ) -> LearningRateSchedule {
    LearningRateSchedule("linear", warmup: warmup, [("start_factor", startFactor), ("end_factor", endFactor)])
  }

  /// A rise to the learning rate and a fall far below its start (Smith and Topin, 2019).
  /// - Parameters:
  ///   - pctStart: the share of the steps in which the rate rises.
  ///   - divFactor: the first rate is the learning rate over this.
  ///   - finalDivFactor: the last rate is the first over this.
  ///   - annealStrategy: how the rate rises and falls.
  public static func oneCycle(
    pctStart: Double = 0.3, divFactor: Double = 25, finalDivFactor: Double = 10_000, annealStrategy: Annealing = .cos
  ) -> LearningRateSchedule {
    LearningRateSchedule(
      "one_cycle", warmup: nil,
      [
        ("pct_start", pctStart), ("div_factor", divFactor), ("final_div_factor", finalDivFactor),
        ("anneal_strategy", annealStrategy),
      ])
  }

  /// Times `factor` whenever a metric has not become better for a while.
  /// - Parameters:
  ///   - monitor: what is to get better.
  ///   - factor: what a fall multiplies the rate by.
  ///   - patience: evaluations without a better value that are waited for.
  ///   - threshold: by how much a better value is to be better.
  ///   - thresholdMode: what that is measured by.
  ///   - cooldown: evaluations after a fall that are not counted.
  ///   - minLr: the least rate.
  ///   - warmup: epochs at the start in which the rate rises; `nil` for none.
  public static func plateau(
    monitor: Metric = .valLoss, factor: Double = 0.1, patience: Int = 10, threshold: Double = 1e-4,
    thresholdMode: ThresholdMode = .rel, cooldown: Int = 0, minLr: Double = 0, warmup: Warmup? = nil
  ) -> LearningRateSchedule {
    LearningRateSchedule(
      "plateau", warmup: warmup,
      [
        ("monitor", monitor), ("factor", factor), ("patience", patience), ("threshold", threshold),
        ("threshold_mode", thresholdMode), ("cooldown", cooldown), ("min_lr", minLr),
      ])
  }
}

extension LearningRateSchedule: ConfigurationValue {}
extension LearningRateSchedule.Annealing: ConfigurationWord {}
extension LearningRateSchedule.ThresholdMode: ConfigurationWord {}
