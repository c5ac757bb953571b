// Several neighbouring elements read or written at once: GPUs move 128 bits per thread in one instruction,
// and a kernel that is bound by memory needs that to keep the memory busy. N = 1 is the plain element, for
// rows whose addresses or lengths are odd.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/base/element.h"
#include "kernels/base/host_device.h"

namespace ropeway {

// Elements of type T in 128 bits.
template <typename T>
inline constexpr int kPackOf = 16 / static_cast<int>(sizeof(T));

// Alignment a pack of n elements of this many bytes is read with: its size, at most 16.
constexpr int64_t pack_alignment(int n, int64_t element_bytes) {
  return n * element_bytes < 16 ? n * element_bytes : 16;
}

template <typename T, int N>
struct alignas(pack_alignment(N, sizeof(T))) ElementPack {
  T at[N];
};

namespace internal {

// nvcc turns memcpy into loads of single bytes, whatever it is told about alignment; on the device
// whole words are named.
#if defined(__CUDA_ARCH__)
template <int bytes>
struct WordOf;
template <>
struct WordOf<16> {
  using type = uint4;
};
template <>
struct WordOf<8> {
  using type = uint2;
};
template <>
struct WordOf<4> {
  using type = uint32_t;
};
template <>
struct WordOf<2> {
  using type = uint16_t;
};

// As instructions, because the compiler splits a store of several words when the alignment it remembers
// is that of the elements.
__device__ __forceinline__ void store_word(uint4* to, const uint4& w) {
  asm volatile("st.v4.b32 [%0], {%1, %2, %3, %4};" ::"l"(to), "r"(w.x), "r"(w.y), "r"(w.z), "r"(w.w)
               : "memory");
}
__device__ __forceinline__ void store_word(uint2* to, const uint2& w) {
  asm volatile("st.v2.b32 [%0], {%1, %2};" ::"l"(to), "r"(w.x), "r"(w.y) : "memory");
}
__device__ __forceinline__ void store_word(uint32_t* to, uint32_t w) { *to = w; }
__device__ __forceinline__ void store_word(uint16_t* to, uint16_t w) { *to = w; }

template <typename T, int N>
using PackWord = typename WordOf<alignof(ElementPack<T, N>)>::type;

template <typename T, int N>
__device__ __forceinline__ void read_pack(ElementPack<T, N>& to, const T* from) {
  using Word = PackWord<T, N>;
#pragma unroll
  for (int i = 0; i < static_cast<int>(sizeof to / sizeof(Word)); ++i) {
    reinterpret_cast<Word*>(to.at)[i] = reinterpret_cast<const Word*>(from)[i];
  }
}

template <typename T, int N>
__device__ __forceinline__ void write_pack(T* to, const ElementPack<T, N>& from) {
  using Word = PackWord<T, N>;
#pragma unroll
  for (int i = 0; i < static_cast<int>(sizeof from / sizeof(Word)); ++i) {
    store_word(reinterpret_cast<Word*>(to) + i, reinterpret_cast<const Word*>(from.at)[i]);
  }
}

// Two results rounded in one instruction, as store_element rounds them.
template <int N>
__device__ __forceinline__ void round_pack(bfloat16* to, const float (&from)[N]) {
  union {
    uint32_t pairs[N / 2];
    PackWord<bfloat16, N> word;
  } rounded;
#pragma unroll
  for (int i = 0; i < N / 2; ++i) {
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(rounded.pairs[i]) : "f"(from[2 * i + 1]), "f"(from[2 * i]));
  }
  store_word(reinterpret_cast<PackWord<bfloat16, N>*>(to), rounded.word);
}
#else
template <typename T, int N>
void read_pack(ElementPack<T, N>& to, const T* from) {
  std::memcpy(&to, static_cast<const void*>(from), sizeof to);
}
template <typename T, int N>
void write_pack(T* to, const ElementPack<T, N>& from) {
  std::memcpy(static_cast<void*>(to), &from, sizeof from);
}
#endif

}  // namespace internal

template <int N, typename T>
ROPEWAY_HOST_DEVICE void load_pack(const T* from, accumulation_t<T> (&to)[N]) {
  ElementPack<T, N> pack;
  internal::read_pack(pack, from);
  for (int i = 0; i < N; ++i) to[i] = load_element(pack.at + i);
}

template <int N, typename T>
ROPEWAY_HOST_DEVICE void store_pack(T* to, const accumulation_t<T> (&from)[N]) {
#if defined(__CUDA_ARCH__)
  if constexpr (std::is_same_v<T, bfloat16> && N > 1 && N <= 8) {
    internal::round_pack<N>(to, from);
    return;
  }
#endif
  ElementPack<T, N> pack;
  for (int i = 0; i < N; ++i) store_element(pack.at + i, from[i]);
  internal::write_pack(to, pack);
}

// Whether rows that start at `data`, `stride` elements apart, can be read in packs of n elements.
template <typename T>
bool fits_packs(int n, const T* data, int64_t stride) {
  const int64_t alignment = pack_alignment(n, sizeof(T));
  return reinterpret_cast<uintptr_t>(data) % alignment == 0 && stride * int64_t{sizeof(T)} % alignment == 0;
}

// Calls body with N = n as a std::integral_constant where packs of n fit, and with N = 1 where they do not.
template <int n, typename Body>
void with_pack(bool fits, const Body& body) {
  fits ? body(std::integral_constant<int, n>{}) : body(std::integral_constant<int, 1>{});
}

}  // namespace ropeway
