// Elements of one floating-point type as another: exact when it widens, rounded to nearest (ties to even)
// when it narrows. F64 goes through F32: no weight file in use has more.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/base/dtype.h"
#include "trainer/formats/safetensors/safetensors_reader.h"
#include "trainer/formats/safetensors/safetensors_writer.h"

namespace ropeway {

// count elements from `in`, which may lie at any address, to `out`. Returns the index of the first finite
// element that is not finite any more, -1 when there is none.
int64_t convert_elements(const void* in, DType from, void* out, DType to, int64_t count);
// One element as a number.
double element_value(const void* in, DType dtype);

// The tensor of the file as `dtype`, converted while it is read. The stream refers to the file; producing it
// throws kBadData naming file, tensor and value when a value is beyond the type's range.
TensorStream converted_tensor(const SafetensorsFile& file, const std::string& name, DType dtype);

}  // namespace ropeway
