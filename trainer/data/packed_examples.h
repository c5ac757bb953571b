// Windows of whole examples: as many as fit side by side, none cut, what is left of a window stays empty. In
// each pass an example stands as often as its weight says, in an order of the pass's own; the first window
// with room takes it (first fit), so little room is lost, and the windows of a pass come in random order. A
// pure function of the seed and the examples' lengths.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace ropeway {

class MarkedDocuments;

class PackedExamples {
 public:
  struct Sizes {
    int64_t window = 0;   // tokens
    int64_t longest = 0;  // example, at most the window
  };
  // Keeps a reference. joins: several in a window; otherwise each in one of its own. Examples longer than
  // the longest are left out.
  PackedExamples(const MarkedDocuments& documents, const Sizes& sizes, bool joins, uint64_t seed);

  // The documents in window `index`, in their order. Safe to share between threads.
  std::vector<uint32_t> window(int64_t index) const;
  int64_t pass_windows(int64_t pass) const;
  // As many windows as a pass has in the long run, where weights are no whole numbers.
  double mean_windows() const;

  int64_t examples() const { return static_cast<int64_t>(examples_.size()); }
  int64_t tokens() const { return tokens_; }
  int64_t scored_tokens() const { return scored_tokens_; }
  int64_t too_long() const { return too_long_; }

 private:
  struct Pass {
    int64_t number = 0, begin = 0;               // of its windows
    std::vector<std::vector<uint32_t>> windows;  // documents
  };
  std::shared_ptr<const Pass> pass_of(int64_t index) const;
  std::shared_ptr<const Pass> make_pass(int64_t number, int64_t begin) const;

  const MarkedDocuments& documents_;
  const int64_t length_;
  const bool joins_;
  const uint64_t seed_;
  std::vector<uint32_t> examples_;  // documents that fit
  int64_t tokens_ = 0, scored_tokens_ = 0, too_long_ = 0;
  mutable std::mutex mutex_;
  mutable std::vector<int64_t> begins_ = {0};                // of the passes up to the farthest asked for
  mutable std::vector<std::shared_ptr<const Pass>> recent_;  // the last two used
};

}  // namespace ropeway
