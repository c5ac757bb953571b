// Training windows: window i of a run is a pure function of (documents, options, i), so data order depends
// neither on the number of ranks nor on how often a run was resumed.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/data/text_windows.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

struct Window {
  std::vector<int32_t> tokens;  // `length`
  std::vector<float> weights;   // weights[t]: of predicting tokens[t+1] from tokens[0..t]; the last one is 0
};

struct WindowOptions {
  int64_t length = 0;
  uint64_t seed = 0;
  double passkey_fraction = 0;  // share of windows that carry a passkey
  // Loss weight of the digits an earlier mention tells: the answer's, and those of the key's second mention
  // in the needle (copying from near by is learnt first, and retrieval from far grows out of it).
  double passkey_answer_weight = 1;
};

class WindowSampler {
 public:
  // Keeps references. Throws kBadData unless some document has `length` tokens.
  WindowSampler(const Documents& documents, const Tokenizer& tokenizer, const WindowOptions& options);
  // Draw `index` of the text, with a passkey put into some (TextWindows::draw).
  Window window(uint64_t index) const;

 private:
  TextWindows texts_;
  const Tokenizer& tokenizer_;
  WindowOptions options_;
};

}  // namespace ropeway
