// Copies and fills of memory most of which was never written: device memory, which kernels that do nothing
// leave as it was, and pinned memory. Pages that do not exist are not made, so that a job of hundreds of
// gigabytes runs.
#pragma once

#include <cstddef>

namespace ropeway::pretend {

// `to` and `from`: device or host addresses.
void sparse_copy(void* to, const void* from, size_t bytes);
void sparse_fill(void* device, int value, size_t bytes);

}  // namespace ropeway::pretend
