#pragma once

// Whether processor and operating system together offer what one build of the kernels needs.
#if defined(__x86_64__)
static inline int lockstep_cpu_supports_avx2(void) { __builtin_cpu_init(); return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static inline int lockstep_cpu_supports_avx512(void) { return lockstep_cpu_supports_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"); }
#else
static inline int lockstep_cpu_supports_avx2(void) { return 0; }
static inline int lockstep_cpu_supports_avx512(void) { return 0; }
#endif

// A hint to bring the cache line at `address` near; C has it as a built-in that Swift cannot name.
static inline void lockstep_prefetch(const void *address) { __builtin_prefetch(address); }
// The same, near enough for the second-level cache, which leaves the first to what is read now.
static inline void lockstep_prefetch_l2(const void *address) { __builtin_prefetch(address, 0, 2); }
