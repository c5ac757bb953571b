// Numbers as people read them on an axis and in a table.
#pragma once

#include <cstdint>
#include <string>

namespace ropeway::charts {

std::string length_text(double tokens);     // 256, 1K, 16K, 2M where a power of two divides it; else 1500
std::string duration_text(double seconds);  // 0.4 s, 12 s, 3 min 20 s, 2 h 05 min, 3 d 04 h
std::string bytes_text(double bytes);       // 512 B, 1.5 KiB, 139 GiB
std::string count_text(double value);       // 950, 7.3k, 1.25M
std::string share_text(double share);       // 0.95 -> "95%", 0.005 -> "0.5%"
std::string figure_text(double value, int digits = 4);  // significant digits, "-" where it is not finite

}  // namespace ropeway::charts
