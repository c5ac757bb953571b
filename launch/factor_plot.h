// Factors as a picture of characters: for terminals and logs.
#pragma once

#include <string>
#include <vector>

namespace ropeway {

// Rotary pairs from left to right, the factor upwards on a logarithmic scale from the smallest to the largest; indented
// by four. At most `columns` pairs wide (several pairs share a column then: their mean), `rows` lines high. Empty for
// fewer than two factors and where all are the same. Infinite factors stand with the largest finite one.
std::string factor_plot(const std::vector<double>& factors, size_t rows = 6, size_t columns = 64);

}  // namespace ropeway
