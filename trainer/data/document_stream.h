// All documents joined to one endless sequence, pass after pass: within a pass each document stands as often
// as its weight says, in an order of the pass's own. Position -> token is a pure function of the seed and the
// documents' lengths, so a window of the stream depends neither on the number of ranks nor on how often a run
// was resumed.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "kernels/base/random.h"

namespace ropeway {

class MarkedDocuments;

// How often a document stands in a pass. With a weight that is no whole number, it is in some passes and not
// in others, in the long run `weight` times per pass.
int64_t copies_in_pass(const MarkedDocuments& documents, uint64_t seed, int64_t pass, size_t document);

// Fisher-Yates.
template <typename Item>
void shuffle(std::vector<Item>& items, Philox& random) {
  for (size_t left = items.size(); left > 1; --left) std::swap(items[left - 1], items[random.below(left)]);
}

class DocumentStream {
 public:
  // Keeps a reference. Examples of instruction data are not joined and not in it. Throws kBadData when there
  // is no token.
  DocumentStream(const MarkedDocuments& documents, uint64_t seed);

  struct Stretch {
    std::vector<int32_t> tokens;
    std::vector<int64_t> starts;  // where in it documents start: 0 always, in the midst of one too
  };
  Stretch stretch(int64_t begin, int64_t length) const;  // safe to share between threads
  // Where window `index` begins, of those that the stream is cut into: the windows of `length` tokens of
  // a pass come in an order of its own, so that a long document is not all that some steps see.
  int64_t window_begin(int64_t index, int64_t length) const;

  int64_t pass_tokens(int64_t pass) const;
  // Of a pass in the long run: weights that are no whole numbers make passes of different sizes.
  double mean_pass_tokens() const { return mean_pass_tokens_; }
  int64_t documents() const { return documents_used_; }  // that are in some pass

 private:
  struct Pass {
    int64_t number = 0, begin = 0;  // in the stream
    std::vector<uint32_t> order;    // documents
    std::vector<int64_t> ends;      // of each, counted from the pass's begin
  };
  int64_t copies(int64_t pass, size_t document) const;
  std::shared_ptr<const Pass> pass_at(int64_t position) const;
  std::shared_ptr<const Pass> make_pass(int64_t number, int64_t begin) const;

  const MarkedDocuments& documents_;
  const uint64_t seed_;
  bool whole_weights_ = true;  // then all passes have as many tokens
  double mean_pass_tokens_ = 0;
  int64_t documents_used_ = 0;
  mutable std::mutex mutex_;
  mutable std::vector<int64_t> begins_ = {0};                // of the passes up to the farthest asked for
  mutable std::vector<std::shared_ptr<const Pass>> recent_;  // the last two used
};

// Throws kBadData naming `purpose` and sizes unless a pass has `length` tokens in the long run.
void require_pass_of(const DocumentStream& stream, const MarkedDocuments& documents, int64_t length,
                     const std::string& purpose);

}  // namespace ropeway
