#pragma once
#include <linux/futex.h>
#include <malloc.h>
#include <numa.h>
#include <numaif.h>
#include <sched.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

// glibc hides these behind _GNU_SOURCE, and Swift's Glibc module, whose types must agree with ours, is built without it.
extern int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *mask);
extern int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *mask);
extern int sched_getcpu(void);

// One-line forms of what Swift cannot import: variadic functions, macros and builtins, each named after its original.

static inline long futex(uint32_t *address, int operation, uint32_t value, const struct timespec *timeout) {
  return syscall(SYS_futex, address, operation, value, timeout, (void *)0, 0);
}

#if defined(__x86_64__) || defined(__i386__)
static inline void mm_pause(void) { __builtin_ia32_pause(); }
#elif defined(__aarch64__)
static inline void mm_pause(void) { __asm__ volatile("isb"); }
#else
static inline void mm_pause(void) { __asm__ volatile(""); }
#endif
