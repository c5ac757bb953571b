// Runs a loop nest compiled for the widest vector instructions this processor has. One binary serves every
// x86-64 machine: the body is a lambda, compiled three times (AVX-512, AVX2 with FMA, baseline) because it is
// inlined into three functions with different targets. Unlike whole files built with -march, no inline
// function of a header can leak wide instructions into the rest of the program; unlike ifunc clones, it works
// on templates and under sanitizers.
//
//   with_widest_vectors([=](auto vector_bytes) ROPEWAY_VECTOR_BODY { loops });
//
// vector_bytes is a std::integral_constant with the width of a register: 64, 32 or 16. Whatever the body
// calls in its loops must be always inlined too (ROPEWAY_HOST_DEVICE). Results may differ in the last bits
// between machines of different width (order of sums, fused multiply-add), never between runs on one machine.
// The environment variable ROPEWAY_VECTOR_BYTES = 16 or 32 sets an upper limit, so that unlike machines
// compute alike and tests reach every width.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <type_traits>

#define ROPEWAY_VECTOR_BODY __attribute__((always_inline))

namespace ropeway {

template <int bytes>
using VectorBytes = std::integral_constant<int, bytes>;

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__CUDACC__)

namespace internal {

template <typename Body>
__attribute__((target("arch=x86-64-v4,prefer-vector-width=512"), noinline)) void run_avx512(
    const Body& body) {
  body(VectorBytes<64>{});
}
template <typename Body>
__attribute__((target("arch=x86-64-v3"), noinline)) void run_avx2(const Body& body) {
  body(VectorBytes<32>{});
}

inline int supported_vector_bytes() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return 64;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
    return 32;
  return 16;
}

inline int widest_vector_bytes() {
  static const int bytes = [] {
    const char* const limit = std::getenv("ROPEWAY_VECTOR_BYTES");
    const int supported = supported_vector_bytes();
    return limit ? std::min(supported, std::max(16, std::atoi(limit))) : supported;
  }();
  return bytes;
}

}  // namespace internal

template <typename Body>
void with_widest_vectors(const Body& body) {
  switch (internal::widest_vector_bytes()) {
    case 64:
      return internal::run_avx512(body);
    case 32:
      return internal::run_avx2(body);
    default:
      return body(VectorBytes<16>{});
  }
}

#else

template <typename Body>
void with_widest_vectors(const Body& body) {
  body(VectorBytes<16>{});
}

#endif

}  // namespace ropeway
