#include "trainer/evaluate/ruler_eval.h"

#include <algorithm>
#include <cstring>

#include "kernels/base/error.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/evaluate/score_sequences.h"

namespace ropeway {
namespace {

// Tokens of samples that are in memory at once: prompts of 2M tokens are not all made beforehand.
constexpr int64_t kTokensAtOnce = int64_t{1} << 25;

std::string packed(const RulerCase& made) {
  std::string bytes(reinterpret_cast<const char*>(made.with_answer.data()),
                    made.with_answer.size() * sizeof(int32_t));
  bytes.append(reinterpret_cast<const char*>(&made.answer), sizeof made.answer);
  return bytes;
}

RulerCase unpacked(const std::string& bytes) {
  RulerCase made;
  const size_t tokens = (bytes.size() - sizeof made.answer) / sizeof(int32_t);
  made.with_answer.resize(tokens);
  std::memcpy(made.with_answer.data(), bytes.data(), tokens * sizeof(int32_t));
  std::memcpy(&made.answer, bytes.data() + tokens * sizeof(int32_t), sizeof made.answer);
  return made;
}

// Samples [begin, end), each made by one rank and known to all.
std::vector<RulerCase> make_cases(Communicator& world, const RulerMaker& maker, int64_t begin, int64_t end) {
  std::vector<RulerCase> cases(static_cast<size_t>(end - begin));
  for (int64_t round = begin; round < end; round += world.size()) {
    std::string mine;
    run_on_all_ranks(world, [&] {
      if (round + world.rank() < end) mine = packed(maker.make(round + world.rank()));
    });
    const std::vector<std::string> all = all_gather_strings(world, mine);
    for (int64_t i = round; i < std::min<int64_t>(end, round + world.size()); ++i) {
      cases[static_cast<size_t>(i - begin)] = unpacked(all[static_cast<size_t>(i - round)]);
    }
  }
  return cases;
}

class Scores {
 public:
  explicit Scores(const RulerInputs& inputs, const FactorSet& factors, RulerTask task, int64_t length)
      : inputs_(inputs), factors_(factors), task_(task), length_(length) {}

  // Cases are of unlike lengths: shorter ones are filled up at their end, which nothing before it sees.
  void add_forced(const std::vector<RulerCase>& cases, const std::function<void()>& done) {
    size_t longest = 0;
    for (const RulerCase& made : cases) longest = std::max(longest, made.with_answer.size());
    const SequenceSet sequences = {
        std::ssize(cases), static_cast<int64_t>(longest), [&](int64_t index) {
          const RulerCase& made = cases[static_cast<size_t>(index)];
          SequenceToScore sequence = {made.with_answer, std::ssize(made.with_answer) - 1 - made.answer};
          sequence.tokens.resize(longest, made.with_answer.back());
          return sequence;
        }};
    score_sequences(inputs_.model, inputs_.mesh, factors_, sequences,
                    fmt::format("{} at length {}", word_of(task_), length_),
                    [&](int64_t index, const SequenceScore& score) {
                      const RulerCase& made = cases[static_cast<size_t>(index)];
                      const size_t end = made.with_answer.size() - 1;
                      bool right = true;
                      for (size_t t = end - static_cast<size_t>(made.answer); t < end; ++t) {
                        nll_ += score.nll[t];
                        right = right && score.correct[t] != 0;
                      }
                      answer_tokens_ += made.answer;
                      total_ += right ? 1 : 0;
                      done();
                    });
  }

  // Rows of the mesh take samples in turn. answers: of the first case on.
  void add_generated(const std::vector<RulerCase>& cases,
                     const std::vector<std::vector<std::string>>& answers,
                     const std::function<void()>& done) {
    const int64_t rows = inputs_.mesh.size(Axis::kData), row = inputs_.mesh.index(Axis::kData);
    std::vector<double> scores(cases.size(), 0.0);
    for (size_t i = 0; i < cases.size(); ++i) {
      if (static_cast<int64_t>(i) % rows == row) {
        const RulerCase& made = cases[i];
        const std::vector<int64_t> prompt(made.with_answer.begin(), made.with_answer.end() - made.answer);
        const std::vector<int64_t> generated =
            inputs_.generate(prompt, static_cast<int>(traits_of(task_).new_tokens));
        scores[i] =
            ruler_score(task_, inputs_.tokenizer.decode({generated.begin(), generated.end()}), answers[i]);
      }
      done();
    }
    all_reduce_sum(inputs_.mesh.group(Axis::kData), scores);
    for (const double score : scores) total_ += score;
  }

  void finish(RulerResult& result) const {
    result.score = wilson_proportion(std::min(total_, static_cast<double>(result.samples)), result.samples);
    if (answer_tokens_ > 0) result.answer_nll = nll_ / static_cast<double>(answer_tokens_);
  }

 private:
  const RulerInputs& inputs_;
  const FactorSet& factors_;
  const RulerTask task_;
  const int64_t length_;
  double total_ = 0, nll_ = 0;
  int64_t answer_tokens_ = 0;
};

}  // namespace

RulerResult evaluate_ruler(const RulerInputs& inputs, const FactorSet& factors, RulerTask task,
                           const RulerMaker& maker, int64_t length, int64_t samples,
                           const std::function<void(int64_t done, int64_t total)>& progress) {
  const RulerTraits& traits = traits_of(task);
  ROPEWAY_CHECK(samples > 0, "{} samples", samples);
  if (traits.is_list && !inputs.generate) {
    fail(ErrorKind::kConfig, "{}: is answered by generating text, which is not possible here", word_of(task));
  }
  RulerResult result;
  result.samples = samples;
  Scores scores(inputs, factors, task, length);
  int64_t done = 0;
  const auto count = [&] {
    ++done;
    if (progress) progress(done, samples);
  };
  const int64_t at_once = std::max<int64_t>(inputs.mesh.world().size(), kTokensAtOnce / length);
  for (int64_t begin = 0; begin < samples; begin += at_once) {
    const int64_t end = std::min(samples, begin + at_once);
    const std::vector<RulerCase> cases = make_cases(inputs.mesh.world(), maker, begin, end);
    for (const RulerCase& made : cases) {
      const int64_t room = std::max(traits.new_tokens, made.answer);
      result.tokens += static_cast<double>(std::ssize(made.with_answer) - made.answer + room);
    }
    if (!traits.is_list) {
      scores.add_forced(cases, count);
      continue;
    }
    std::vector<std::vector<std::string>> answers;
    for (int64_t i = begin; i < end; ++i) answers.push_back(maker.answers(i));
    scores.add_generated(cases, answers, count);
  }
  result.tokens /= static_cast<double>(samples);
  scores.finish(result);
  return result;
}

}  // namespace ropeway
