// Passages at the end of a window that stood in it before: where the copies lie.
#pragma once

#include <cstdint>
#include <vector>

namespace ropeway {

// Passage k, of `passage` tokens, begins at length - targets() + k * passage; its copy so many tokens
// earlier. Copies overlap neither each other nor the passages.
struct RepetitionLayout {
  int64_t passage = 0;
  std::vector<int64_t> distances = {};  // ascending

  int64_t targets() const { return passage * static_cast<int64_t>(distances.size()); }
};

// Up to 8 distances at equal ratios of at least 2, from half the original window to all that lies before the
// passages, behind `start` tokens; passages of a sixteenth of the window.
RepetitionLayout repetition_layout(int64_t length, int64_t original_window, int64_t start);

// The window with each copy written over what stood in its place.
std::vector<int32_t> with_copies(std::vector<int32_t> window, const RepetitionLayout& layout);

}  // namespace ropeway
