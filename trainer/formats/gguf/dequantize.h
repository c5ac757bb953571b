// Rows of GGUF tensors to float32 and back. Every product and sum is rounded to float32 in the order of
// quants.py in the PyPI package gguf, so the results equal its own to the last bit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "trainer/formats/gguf/ggml_type.h"

namespace ropeway {

// Bytes of a row of `elements`; a multiple of the type's block_elements.
int64_t ggml_row_bytes(GgmlType type, int64_t elements);

// `row` may lie at any address.
void dequantize_row(GgmlType type, const std::byte* row, int64_t elements, float* out);

// To F32, F16, BF16 or Q8_0. Values that the type cannot hold (not finite; in F16 65520 or more) are reported
// by returning false.
bool quantize_row(GgmlType type, const float* row, int64_t elements, std::byte* out);

}  // namespace ropeway
