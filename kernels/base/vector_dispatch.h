// Runs a loop nest compiled for the widest vector instructions this processor has. One binary serves every
// x86-64 machine: the body is a lambda, compiled three times (AVX-512, AVX2 with FMA, baseline) because it is
// inlined into three functions with different targets. Unlike whole files built with -march, no inline
// function of a header can leak wide instructions into the rest of the program; unlike ifunc clones, it works
// on templates and under sanitizers.
//
//   with_widest_vectors([&]() ROPEWAY_VECTOR_BODY { #pragma omp simd \n for (...) ... });
//
// Results may differ in the last bit between machines of different width (sum order, fused multiply-add),
// never between runs on one machine.
#pragma once

#define ROPEWAY_VECTOR_BODY __attribute__((always_inline))

namespace ropeway {

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__CUDACC__)

namespace internal {

template <typename Body>
__attribute__((target("arch=x86-64-v4,prefer-vector-width=512"), noinline)) void run_avx512(
    const Body& body) {
  body();
}
template <typename Body>
__attribute__((target("arch=x86-64-v3"), noinline)) void run_avx2(const Body& body) {
  body();
}

enum class VectorLevel { kBaseline, kAvx2, kAvx512 };

inline VectorLevel vector_level() {
  static const VectorLevel level = [] {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
      return VectorLevel::kAvx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
      return VectorLevel::kAvx2;
    }
    return VectorLevel::kBaseline;
  }();
  return level;
}

}  // namespace internal

template <typename Body>
void with_widest_vectors(const Body& body) {
  switch (internal::vector_level()) {
    case internal::VectorLevel::kAvx512:
      return internal::run_avx512(body);
    case internal::VectorLevel::kAvx2:
      return internal::run_avx2(body);
    case internal::VectorLevel::kBaseline:
      return body();
  }
}

#else

template <typename Body>
void with_widest_vectors(const Body& body) {
  body();
}

#endif

}  // namespace ropeway
