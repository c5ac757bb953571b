// write(2) until everything is written.
#pragma once

#include <cstddef>

namespace ropeway {

// 0, or the errno of the call that failed: after a short write the next call says why it was short.
int write_all(int descriptor, const void* data, size_t bytes);

}  // namespace ropeway
