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
// The same for a line that will be written.
static inline void lockstep_prefetch_write(const void *address) { __builtin_prefetch(address, 1); }

// `a·b + c`, rounded once, in every lane: Swift's own goes lane by lane, and the compiler does not always put it together again.
typedef float lockstep_float8 __attribute__((ext_vector_type(8)));
typedef float lockstep_float16 __attribute__((ext_vector_type(16)));
static inline lockstep_float8 lockstep_fma8(lockstep_float8 a, lockstep_float8 b, lockstep_float8 c) { return __builtin_elementwise_fma(a, b, c); }
static inline lockstep_float16 lockstep_fma16(lockstep_float16 a, lockstep_float16 b, lockstep_float16 c) { return __builtin_elementwise_fma(a, b, c); }
