// Small documents on disk for tests of evaluation.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernels/base/random.h"
#include "parallel/comm/world_of_one.h"
#include "tests/support/errors.h"
#include "tests/support/python.h"
#include "tests/support/temp_dir.h"
#include "trainer/data/documents.h"
#include "trainer/tokenizer/byte_tokenizer.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

inline std::string random_letters(size_t size, uint64_t seed) {
  Philox random(seed, Stream::kInit);
  std::string text;
  while (text.size() < size) text.push_back("etaoin shrdlu"[random.below(13)]);
  return text;
}

// Documents with exactly these texts, in this order.
class Corpus {
 public:
  explicit Corpus(const std::vector<std::string>& texts,
                  const Tokenizer& tokenizer = *make_byte_tokenizer()) {
    for (size_t i = 0; i < texts.size(); ++i) write_bytes(folder_ / fmt::format("text/{:03}", i), texts[i]);
    const auto world = make_world_of_one();
    documents_.emplace(load_documents(*world, {(folder_ / "text/*").string()}, tokenizer, folder_ / "cache"));
  }
  const Documents& operator*() const { return *documents_; }

 private:
  TempDir folder_;
  std::optional<Documents> documents_;
};

}  // namespace ropeway
