// Colours of the pictures. Lines and dots take the eight colours of Okabe and Ito (Color Universal Design, 2008),
// which people with any common colour vision tell apart; marker shapes and dashes repeat what the colour says.
// Cells take "cividis" (Nunez, Anderton and Renslow, PLoS ONE 2018), which grows evenly in lightness.
#pragma once

#include <string>

namespace ropeway::charts {

constexpr int kColours = 8;

// Rules for the classes that the pictures use: c0 .. c7 with "line", "dot", "area" or "bar"; axis, grid, label.
// Colours are variables (--_c0, --_ink, ...; the underline tells them from options), in light and dark, and black
// on white on paper.
std::string style_sheet();

// Of a cell with a share between 0 and 1: "fill:#..." and the colour of the text on it.
std::string cell_style(double share);
std::string cell_text_style(double share);

}  // namespace ropeway::charts
