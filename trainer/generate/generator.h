// Text token by token: a prompt is read in one pass that the ranks share (the ring), and each token after it in
// a pass over that token alone, which attends to the keys of those before it in a cache that is spread over the
// ranks (model/key_cache.h).
//
// Which factors a sequence has depends on its length, and the length grows. Where it passes from one set to the
// next ("a crossing"), what is in the cache was computed under the set before:
//   kReread  the sequence is read again, in one pass under the new set. From there on every token is what a
//            fresh pass over all tokens before it gives, under the set for their number.
//   kKeep    keys are rotated anew from what they were before RoPE, and nothing is read again. This is a fresh
//            pass in the first layer only: the inputs of later layers' keys and values remain those of passes
//            under the set that was in force when their tokens were read.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "trainer/config/choices.h"
#include "trainer/generate/sampling.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {

class CausalLM;
class Communicator;
class KeyCache;

enum class OnCrossing { kReread, kKeep };
template <>
struct ChoiceTable<OnCrossing> {
  using enum OnCrossing;
  static constexpr Choice<OnCrossing> choices[] = {{kReread, "reread"}, {kKeep, "keep"}};
};

struct GenerateOptions {
  int64_t max_new_tokens = 256;
  Sampling sampling = {};
  std::vector<int32_t> stop = {};  // tokens that end the text; they are no part of it
  int64_t vocabulary = 0;  // ids below it can be chosen, where the model has more than its tokenizer; 0: all
  // Told of each new token as it is chosen, on rank 0 of the group; false: this is the last one.
  std::function<bool(int32_t token)> told = {};
};

struct Generated {
  std::vector<int32_t> tokens;  // new ones
  bool stopped = false;         // by one of the tokens for it
};

// What was done since construction.
struct GenerationFigures {
  int64_t tokens_read = 0;  // of prompts, and again at crossings
  double read_seconds = 0;
  int64_t tokens_made = 0;  // in passes over one token; a prompt's pass gives the first one
  double made_seconds = 0;
  int64_t cache_bytes = 0;  // of this rank, at most
};

struct Crossing {
  FactorSet from, to;
  int64_t length = 0;  // tokens that `to` is for
  bool reread = false;
  double seconds = 0;
};

struct GeneratorOptions {
  // The set for a sequence of so many tokens; the same on every rank.
  std::function<FactorSet(int64_t length)> factors;
  OnCrossing on_crossing = OnCrossing::kReread;
  bool may_cross = true;                              // false: there is one set for all lengths
  std::function<void(const Crossing&)> crossed = {};  // on every rank
};

class Generator {
 public:
  // model, and the group of ranks that its attention spreads a sequence over, must outlive the generator.
  Generator(CausalLM& model, Communicator& group, GeneratorOptions options);
  ~Generator();

  // Collective over the group, with the same result on every rank. What the prompt has in common with the
  // sequence before it (another turn of a conversation) is not read again. Throws kBadData for an empty prompt
  // or an id outside the vocabulary, kNumerics for logits that are not numbers.
  Generated generate(std::span<const int32_t> prompt, const GenerateOptions& options);

  const GenerationFigures& figures() const { return figures_; }

 private:
  struct Choice;
  std::vector<double> logits_after(std::span<const int32_t> more, int64_t common);
  Choice agreed_choice(const std::vector<double>& logits, const GenerateOptions& options);

  CausalLM& model_;
  Communicator& group_;
  const GeneratorOptions options_;
  std::unique_ptr<KeyCache> cache_;
  std::vector<int32_t> sequence_;  // whose keys are in the cache
  FactorSet in_force_;             // of these keys
  GenerationFigures figures_;
  double crossing_seconds_ = 0;
};

// Tokens behind a prompt; collective over the ranks that share a sequence, the same on each.
using Complete = std::function<std::vector<int32_t>(std::span<const int32_t> prompt, int64_t max_new_tokens)>;
// The generator as a function of ids alone, for whoever scores what is generated.
Complete completion_by(Generator& generator, GenerateOptions options);

}  // namespace ropeway
