import CProcessor
import KernelInterface

/// What happens to one vector of outputs of channel `c`, the first of its lanes, before it is stored at `target`; `mask` is where
/// its mask would be. Types, so that the loops around them are specialised.
protocol OutputEpilogue {
  func apply(_ value: Vector, channel c: Int, mask: Int, target: UnsafePointer<Float>) -> Vector
  /// Brings the mask near.
  func prefetch(mask: Int)
}

extension OutputEpilogue {
  @inline(__always) func prefetch(mask: Int) {}
}

/// Adds to what is there before another epilogue.
struct AddTarget<E: OutputEpilogue>: OutputEpilogue {
  let then: E
  @inline(__always)
  func apply(_ value: Vector, channel c: Int, mask: Int, target: UnsafePointer<Float>) -> Vector {
    then.apply(load(target) + value, channel: c, mask: mask, target: target)
  }
  @inline(__always) func prefetch(mask: Int) { then.prefetch(mask: mask) }
}

struct Unchanged: OutputEpilogue {
  @inline(__always) func apply(_ value: Vector, channel c: Int, mask: Int, target: UnsafePointer<Float>) -> Vector {
    value
  }
}

struct AddBias: OutputEpilogue {
  let bias: UnsafePointer<Float>
  @inline(__always) func apply(_ value: Vector, channel c: Int, mask: Int, target: UnsafePointer<Float>) -> Vector {
    value + load(bias + c)
  }
}

/// `AddBiasReLU` without a limit.
struct AddBiasPositivePart: OutputEpilogue {
  let bias: UnsafePointer<Float>
  @inline(__always) func apply(_ value: Vector, channel c: Int, mask: Int, target: UnsafePointer<Float>) -> Vector {
    (value + load(bias + c)).positivePart
  }
}

/// `ReLUGradient` without a limit.
struct WherePositive: OutputEpilogue {
  let mask: UnsafePointer<Float>
  @inline(__always) func apply(_ value: Vector, channel c: Int, mask offset: Int, target: UnsafePointer<Float>)
    -> Vector
  {
    value.kept(where: load(mask + offset))
  }
  @inline(__always) func prefetch(mask offset: Int) { lockstep_prefetch(mask + offset) }
}

struct AddBiasReLU: OutputEpilogue {
  let bias: UnsafePointer<Float>
  let relu: FusedReLU
  @inline(__always) func apply(_ value: Vector, channel c: Int, mask: Int, target: UnsafePointer<Float>) -> Vector {
    (value + load(bias + c)).rectified(relu)
  }
}

struct ReLUGradient: OutputEpilogue {
  let mask: UnsafePointer<Float>
  let relu: FusedReLU
  @inline(__always) func apply(_ value: Vector, channel c: Int, mask offset: Int, target: UnsafePointer<Float>)
    -> Vector
  {
    value.passed(relu, load(mask + offset))
  }
  @inline(__always) func prefetch(mask offset: Int) { lockstep_prefetch(mask + offset) }
}
