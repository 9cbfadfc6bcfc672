import Glibc
import Synchronization

// The program's own `malloc` and relatives, which the dynamic linker prefers to the C library's: each passes the call on,
// and counts it where it comes from another thread than the first. The first thread prepares and reports and may
// allocate; all others are workers. The linker gives `probe_malloc` the name `malloc`, and so on: see Package.swift.

@_silgen_name("__libc_malloc")
private func libcMalloc(_ size: Int) -> UnsafeMutableRawPointer?
@_silgen_name("__libc_calloc")
private func libcCalloc(_ count: Int, _ size: Int) -> UnsafeMutableRawPointer?
@_silgen_name("__libc_realloc")
private func libcRealloc(_ old: UnsafeMutableRawPointer?, _ size: Int) -> UnsafeMutableRawPointer?
@_silgen_name("__libc_memalign")
private func libcMemalign(_ alignment: Int, _ size: Int) -> UnsafeMutableRawPointer?

private let calls = Atomic<Int>(0)
private let firstThread = Atomic<UInt>(0)
private let otherThread = Atomic<UInt>(0)

/// Allocations of all threads but the first since `startCounting`.
func workerAllocations() -> Int { calls.load(ordering: .relaxed) }

/// To be called on the first thread.
func startCounting() {
  firstThread.store(UInt(pthread_self()), ordering: .relaxed)
  calls.store(0, ordering: .relaxed)
}

/// To be called on a thread that prepares and reports as the first does, for another rank; one at a time.
func leaveOutThread() { otherThread.store(UInt(pthread_self()), ordering: .relaxed) }

private func count() {
  let thread = UInt(pthread_self())
  guard thread != firstThread.load(ordering: .relaxed), thread != otherThread.load(ordering: .relaxed) else { return }
  calls.add(1, ordering: .relaxed)
}

@_cdecl("probe_malloc")
public func countedMalloc(_ size: Int) -> UnsafeMutableRawPointer? {
  count()
  return libcMalloc(size)
}

@_cdecl("probe_calloc")
public func countedCalloc(_ number: Int, _ size: Int) -> UnsafeMutableRawPointer? {
  count()
  return libcCalloc(number, size)
}

@_cdecl("probe_realloc")
public func countedRealloc(_ old: UnsafeMutableRawPointer?, _ size: Int) -> UnsafeMutableRawPointer? {
  count()
  return libcRealloc(old, size)
}

@_cdecl("probe_memalign")
public func countedMemalign(_ alignment: Int, _ size: Int) -> UnsafeMutableRawPointer? {
  count()
  return libcMemalign(alignment, size)
}

@_cdecl("probe_aligned_alloc")
public func countedAlignedAlloc(_ alignment: Int, _ size: Int) -> UnsafeMutableRawPointer? {
  count()
  return libcMemalign(alignment, size)
}

@_cdecl("probe_posix_memalign")
public func countedPosixMemalign(
  _ result: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ alignment: Int, _ size: Int
) -> Int32 {
  count()
  guard let pointer = libcMemalign(alignment, size) else { return ENOMEM }
  result.pointee = pointer
  return 0
}
