#include "trainer/evaluate/scored_windows.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/data/marked_documents.h"

namespace ropeway {
namespace {

int64_t text_size(const MarkedDocuments& documents, size_t document) {
  return std::ssize(documents.text(document));
}

// How many of the windows that there are, all of `targets` tokens; 0: all.
int64_t wanted_windows(const WindowRule& rule, int64_t targets) {
  const int64_t for_targets = (rule.target_tokens + targets - 1) / targets;
  if (rule.windows == 0 || for_targets == 0) return std::max(rule.windows, for_targets);
  return std::min(rule.windows, for_targets);
}

std::vector<ScoredWindow> plain_windows(const MarkedDocuments& documents, const WindowRule& rule) {
  const int64_t stride = documents.text_tokens(rule.length);
  const int64_t targets = targets_in_full(documents, rule.length), wanted = wanted_windows(rule, targets);
  std::vector<ScoredWindow> windows;
  for (size_t d = 0; d < documents.count(); ++d) {
    for (int64_t end = stride; end <= text_size(documents, d); end += stride) {
      if (wanted > 0 && std::ssize(windows) == wanted) return windows;
      windows.push_back({d, end - stride, rule.length - 1 - targets, targets});
    }
  }
  return windows;
}

// Ends of windows that have room for `longest` tokens of text, `spacing` apart.
struct End {
  size_t document;
  int64_t end;
};
std::vector<End> ends_of(const MarkedDocuments& documents, int64_t longest, int64_t spacing) {
  std::vector<End> ends;
  for (size_t d = 0; d < documents.count(); ++d) {
    for (int64_t end = longest; end <= text_size(documents, d); end += spacing) ends.push_back({d, end});
  }
  return ends;
}

std::vector<ScoredWindow> aligned_windows(const MarkedDocuments& documents, const WindowRule& rule) {
  if (rule.align_to < rule.length) {
    fail(ErrorKind::kConfig, "windows of {} tokens cannot be aligned to the shorter length {}", rule.length,
         rule.align_to);
  }
  const int64_t full = targets_in_full(documents, rule.length);
  const int64_t targets = rule.targets == 0 ? full : rule.targets;
  ROPEWAY_CHECK(targets <= full, "{} targets in a window of {}", targets, rule.length);
  const int64_t longest = documents.text_tokens(rule.align_to), own = documents.text_tokens(rule.length);
  const int64_t wanted = wanted_windows(rule, targets);
  std::vector<End> ends = ends_of(documents, longest, longest);
  if (wanted > std::ssize(ends)) ends = ends_of(documents, longest, targets);
  const int64_t all = std::ssize(ends), count = wanted == 0 ? all : std::min(wanted, all);
  std::vector<ScoredWindow> windows;
  for (int64_t i = 0; i < count; ++i) {
    const auto [document, end] = ends[static_cast<size_t>(i * all / count)];
    windows.push_back({document, end - own, rule.length - 1 - targets, targets});
  }
  return windows;
}

std::vector<ScoredWindow> sliding_windows(const MarkedDocuments& documents, const WindowRule& rule) {
  const int64_t full = targets_in_full(documents, rule.length), text = documents.text_tokens(rule.length);
  if (rule.stride > full) {
    fail(ErrorKind::kConfig, "a stride of {}: windows of {} tokens score at most {}", rule.stride,
         rule.length, full);
  }
  std::vector<ScoredWindow> windows;
  int64_t targets = 0;
  const auto enough = [&] {
    return (rule.windows > 0 && std::ssize(windows) >= rule.windows) ||
           (rule.target_tokens > 0 && targets >= rule.target_tokens);
  };
  bool found = true;
  for (int64_t turn = 0; found && !enough(); ++turn) {
    found = false;
    for (size_t d = 0; d < documents.count() && !enough(); ++d) {
      const int64_t begin = turn * rule.stride;
      if (begin + text > text_size(documents, d)) continue;
      const int64_t scored = turn == 0 ? full : rule.stride;
      windows.push_back({d, begin, rule.length - 1 - scored, scored});
      targets += scored;
      found = true;
    }
  }
  std::ranges::stable_sort(windows, {}, &ScoredWindow::document);
  return windows;
}

}  // namespace

int64_t targets_in_full(const MarkedDocuments& documents, int64_t length) {
  return length - std::max<int64_t>(1, std::ssize(documents.marks().before));
}

std::vector<ScoredWindow> scored_windows(const MarkedDocuments& documents, const WindowRule& rule) {
  if (rule.length < 2) fail(ErrorKind::kConfig, "a window of {} tokens: wanted at least 2", rule.length);
  documents.text_tokens(rule.length);  // throws where the start fills it
  if (rule.stride > 0) return sliding_windows(documents, rule);
  return rule.align_to > 0 ? aligned_windows(documents, rule) : plain_windows(documents, rule);
}

}  // namespace ropeway
