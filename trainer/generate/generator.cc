#include "trainer/generate/generator.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "kernels/base/error.h"
#include "parallel/comm/communicator.h"
#include "trainer/model/causal_lm.h"
#include "trainer/model/key_cache.h"

namespace ropeway {
namespace {

// Tokens of a prompt that follow on cached ones are read so many at a time: their scores exist at once.
constexpr int64_t kTokensAtOnce = 128;

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start_ = Clock::now();
};

bool turn_alike(const FactorSet& a, const FactorSet& b) {
  return a.rope_theta == b.rope_theta && a.factors == b.factors &&
         a.attention_temperature == b.attention_temperature && a.start_tokens == b.start_tokens;
}

std::vector<double> doubles_of(const at::Tensor& logits) {
  const at::Tensor wide = logits.to(at::kDouble).contiguous();
  const double* const values = wide.const_data_ptr<double>();
  return {values, values + wide.numel()};
}

}  // namespace

struct Generator::Choice {
  int32_t token = 0;
  bool stops = false, is_last = false;
};

Generator::Generator(CausalLM& model, Communicator& group, GeneratorOptions options)
    : model_(model),
      group_(group),
      options_(std::move(options)),
      cache_(model.make_cache(group, options_.may_cross && options_.on_crossing == OnCrossing::kKeep)) {}

Generator::~Generator() = default;

Generated Generator::generate(std::span<const int32_t> prompt, const GenerateOptions& options) {
  if (prompt.empty()) fail(ErrorKind::kBadData, "an empty prompt: there is no token to go on from");
  Generated result;
  if (options.max_new_tokens <= 0) return result;
  cache_->reserve(std::ssize(prompt) + options.max_new_tokens);
  // The last token is read in any case: its logits are wanted.
  const auto same = std::ranges::mismatch(sequence_, prompt).in2 - prompt.begin();
  const auto common = std::min(same, std::ssize(prompt) - 1);
  const Stopwatch reading;
  std::vector<double> logits = logits_after(prompt.subspan(static_cast<size_t>(common)), common);
  figures_.read_seconds += reading.seconds();
  for (;;) {
    const Choice choice = agreed_choice(logits, options);
    result.stopped = choice.stops;
    if (choice.stops) break;
    result.tokens.push_back(choice.token);
    if (choice.is_last || std::ssize(result.tokens) >= options.max_new_tokens) break;
    const double crossing_before = crossing_seconds_;
    const Stopwatch making;
    logits = logits_after(std::span(&choice.token, 1), std::ssize(sequence_));
    const double crossing = crossing_seconds_ - crossing_before;
    figures_.read_seconds += crossing;
    figures_.made_seconds += making.seconds() - crossing;
    ++figures_.tokens_made;
  }
  return result;
}

// The sequence becomes its first `common` tokens and `more`.
std::vector<double> Generator::logits_after(std::span<const int32_t> more, int64_t common) {
  const int64_t length = common + std::ssize(more);
  const FactorSet factors = options_.factors(length);
  const bool crosses = common > 0 && !turn_alike(factors, in_force_);
  sequence_.resize(static_cast<size_t>(common));
  sequence_.insert(sequence_.end(), more.begin(), more.end());
  const bool rereads = options_.on_crossing == OnCrossing::kReread;
  // All ranks share the reading of a whole sequence, and each goes through all of what follows on a cache.
  const bool much = rereads && std::ssize(more) > 1 && std::ssize(more) * group_.size() > length;
  at::Tensor logits;
  const Stopwatch watch;
  if (common == 0 || much || (crosses && rereads) || !cache_->reaches_back_to(common)) {
    logits = model_.read(sequence_, factors, *cache_);
    figures_.tokens_read += length;
  } else {
    cache_->truncate(common);
    if (crosses) model_.turn(factors, *cache_);
    for (size_t begin = 0; begin < more.size(); begin += kTokensAtOnce) {
      const auto some = more.subspan(begin, std::min<size_t>(kTokensAtOnce, more.size() - begin));
      logits = model_.extend({some.begin(), some.end()}, factors, *cache_);
    }
    if (more.size() > 1) figures_.tokens_read += std::ssize(more);
  }
  if (crosses) {
    crossing_seconds_ += watch.seconds();
    if (options_.crossed) options_.crossed({in_force_, factors, length, rereads, watch.seconds()});
  }
  in_force_ = factors;
  figures_.cache_bytes = std::max(figures_.cache_bytes, cache_->bytes());
  return doubles_of(logits);
}

// That of rank 0, so that ranks cannot part over a rounding.
Generator::Choice Generator::agreed_choice(const std::vector<double>& logits,
                                           const GenerateOptions& options) {
  Choice choice;
  std::span<const double> choices = logits;
  if (options.vocabulary > 0)
    choices = choices.first(std::min(choices.size(), static_cast<size_t>(options.vocabulary)));
  choice.token = choose_token(choices, options.sampling, std::ssize(sequence_));
  choice.stops = std::ranges::find(options.stop, choice.token) != options.stop.end();
  if (group_.rank() == 0 && !choice.stops && options.told) choice.is_last = !options.told(choice.token);
  group_.broadcast(&choice, sizeof choice, 0);
  return choice;
}

Complete completion_by(Generator& generator, GenerateOptions options) {
  return [&generator, options](std::span<const int32_t> prompt, int64_t max_new_tokens) {
    GenerateOptions own = options;
    own.max_new_tokens = max_new_tokens;
    return generator.generate(prompt, own).tokens;
  };
}

}  // namespace ropeway
