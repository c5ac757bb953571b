// A pattern of tokenizer.json, {"String": ...} or {"Regex": ...}, and what becomes of the pieces it cuts.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "trainer/files/strict_json.h"
#include "trainer/tokenizer/pieces.h"
#include "trainer/tokenizer/regex.h"

namespace ropeway {

class SplitPattern {
 public:
  explicit SplitPattern(const JsonValue& value);  // the object; kBadData
  explicit SplitPattern(Regex regex);
  // As Regex::for_each_match; a string never overlaps itself, the empty string is between all characters.
  void for_each_match(std::string_view text, const std::function<void(size_t, size_t)>& found) const;
  std::string replaced(std::string_view text, std::string_view content) const;  // every match by `content`

 private:
  std::string literal_;  // where there is no regex_
  std::unique_ptr<const Regex> regex_;
};

// Where the matches go. With "a-b" and the pattern "-": Removed a, b; Isolated a, -, b; MergedWithPrevious
// a-, b; MergedWithNext a, -b; Contiguous: as Isolated, but neighbouring matches are one piece.
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };
SplitBehavior split_behavior(const JsonValue& name);

// Collects a piece's parts in order, each a match or not, and appends the pieces they make.
class PieceSplitter {
 public:
  PieceSplitter(std::string_view piece, SplitBehavior behavior, Pieces& to)
      : piece_(piece), behavior_(behavior), to_(to) {}
  void part(size_t begin, size_t end, bool match);
  void finish();

 private:
  void flush();

  std::string_view piece_;
  SplitBehavior behavior_;
  Pieces& to_;
  size_t begin_ = 0, end_ = 0;  // the piece that may still grow
  bool open_ = false, last_match_ = false;
};

}  // namespace ropeway
