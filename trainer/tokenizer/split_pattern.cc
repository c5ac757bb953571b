#include "trainer/tokenizer/split_pattern.h"

#include "trainer/files/utf8.h"

namespace ropeway {

SplitPattern::SplitPattern(const JsonValue& value) {
  if (const auto literal = value.find("String")) {
    literal_ = literal->string();
  } else if (const auto regex = value.find("Regex")) {
    regex_ = std::make_unique<Regex>(regex->string(), regex->place());
  } else {
    value.refuse("{\"String\": ...} or {\"Regex\": ...}");
  }
}

SplitPattern::SplitPattern(Regex regex) : regex_(std::make_unique<Regex>(std::move(regex))) {}

void SplitPattern::for_each_match(std::string_view text,
                                  const std::function<void(size_t, size_t)>& found) const {
  if (regex_ != nullptr) return regex_->for_each_match(text, found);
  if (literal_.empty()) {
    for (size_t at = 0; at < text.size(); at += utf8_length(text[at])) found(at, at);
    return found(text.size(), text.size());
  }
  for (size_t at = 0; (at = text.find(literal_, at)) != std::string_view::npos; at += literal_.size()) {
    found(at, at + literal_.size());
  }
}

std::string SplitPattern::replaced(std::string_view text, std::string_view content) const {
  std::string result;
  size_t copied = 0;
  for_each_match(text, [&](size_t begin, size_t end) {
    result += text.substr(copied, begin - copied);
    result += content;
    copied = end;
  });
  result += text.substr(copied);
  return result;
}

SplitBehavior split_behavior(const JsonValue& name) {
  const std::string text = name.string();
  if (text == "Removed") return SplitBehavior::kRemoved;
  if (text == "Isolated") return SplitBehavior::kIsolated;
  if (text == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (text == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (text == "Contiguous") return SplitBehavior::kContiguous;
  name.refuse("Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

void PieceSplitter::flush() {
  if (open_) to_.add(piece_.substr(begin_, end_ - begin_));
  open_ = false;
}

void PieceSplitter::part(size_t begin, size_t end, bool match) {
  bool grows = false;
  switch (behavior_) {
    case SplitBehavior::kRemoved:
    case SplitBehavior::kIsolated:
      break;
    case SplitBehavior::kMergedWithPrevious:
      grows = match && !last_match_;
      break;
    case SplitBehavior::kMergedWithNext:
      // Of a run of matches, only the last one belongs to what follows.
      grows = !match && last_match_;
      break;
    case SplitBehavior::kContiguous:
      grows = match == last_match_;
      break;
  }
  last_match_ = match;
  if (grows && open_) {
    end_ = end;
    return;
  }
  flush();
  if (match && behavior_ == SplitBehavior::kRemoved) {
    if (begin == 0 && end > 0) to_.at_start = to_.count() > 0 && to_.at_start;
    return;
  }
  begin_ = begin;
  end_ = end;
  open_ = true;
}

void PieceSplitter::finish() { flush(); }

}  // namespace ropeway
