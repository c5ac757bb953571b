// Lengths in tokens as people write them.
#pragma once

#include <cstdint>
#include <string>

namespace ropeway {

// "4096", "4K", "256K", "2M": powers of two. Throws kUsage naming the text.
int64_t parse_length(const std::string& text);
std::string format_length(int64_t length);  // 262144 -> "256K"
std::string format_count(double count);     // in powers of ten: 812345678 -> "812M"; up to 9999 as it is

}  // namespace ropeway
