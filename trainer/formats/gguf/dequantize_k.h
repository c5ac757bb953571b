// The K types: super-blocks of 256 elements whose sub-blocks have 6- or 8-bit scales under one binary16
// scale. Inside this folder; each function takes one block and writes 256 values.
#pragma once

#include <cstddef>

namespace ropeway {

void dequantize_q4_k(const std::byte* block, float* out);
void dequantize_q5_k(const std::byte* block, float* out);
void dequantize_q6_k(const std::byte* block, float* out);

}  // namespace ropeway
