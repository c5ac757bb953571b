// What benchmarks are done with.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "trainer/benchmarks/benchmark.h"
#include "trainer/benchmarks/choice_eval.h"
#include "trainer/benchmarks/longppl_eval.h"
#include "trainer/benchmarks/ruler_eval.h"
#include "trainer/data/chat_template.h"
#include "trainer/data/documents.h"

namespace ropeway {

struct BenchmarkInputs {
  const Tokenizer& tokenizer;
  int64_t vocab_size = 0;
  std::vector<int32_t> start = {};       // tokens in front of every input, such as a BOS
  int32_t prefix = -1;                   // PairOptions::prefix
  const Documents* documents = nullptr;  // prose; null: none
  ChatTemplate chat = {};                // of the model
  uint64_t seed = 0;                     // of samples
  // Generation under a factor set, for tasks that are answered by it; empty: there is none.
  std::function<Complete(const FactorSet& factors)> generate = {};
  // LongPPL's key tokens as another model finds them; empty: the model itself does.
  std::function<KeyTokensOfWindows(const std::vector<std::vector<int32_t>>& windows,
                                   const LongPplOptions& options, const TellDone& tell)>
      find_keys = {};
  std::string evaluator = {};  // which model that is
  // Told of every answer's score, as soon as a file of questions is done under a set.
  std::function<void(const ChoiceTask&, const BenchmarkLabel&, const ChoiceResult&)> scored = {};
};

}  // namespace ropeway
