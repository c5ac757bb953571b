// A text cut into pieces: one buffer, and where each piece ends. The steps before the model hand it from one
// to the next.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ropeway {

struct Pieces {
  std::string text;
  std::vector<size_t> ends;
  // The first piece starts where the text that was given to the tokenizer starts.
  bool at_start = false;

  size_t count() const { return ends.size(); }
  std::string_view piece(size_t i) const {
    const size_t begin = i == 0 ? 0 : ends[i - 1];
    return std::string_view(text).substr(begin, ends[i] - begin);
  }
  // Ends the piece that has been appended to `text`; an empty piece is dropped.
  void end_piece() {
    if (text.size() > (ends.empty() ? 0 : ends.back())) ends.push_back(text.size());
  }
  void add(std::string_view piece) {
    text += piece;
    end_piece();
  }
  void clear() {
    text.clear();
    ends.clear();
    at_start = false;
  }
};

}  // namespace ropeway
