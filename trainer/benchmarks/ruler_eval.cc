#include "trainer/benchmarks/ruler_eval.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

#include "kernels/base/error.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/config/generated_tasks.h"
#include "trainer/files/files.h"
#include "trainer/score/answer_score.h"

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
  Scores(const RulerInputs& inputs, RulerTask task, int64_t length)
      : inputs_(inputs), task_(task), length_(length) {}

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
    inputs_.score(sequences, fmt::format("{} at length {}", word_of(task_), length_),
                  [&](int64_t index, const SequenceScore& scored) {
                    const RulerCase& made = cases[static_cast<size_t>(index)];
                    const AnswerScore answer =
                        score_of_answer(scored, std::ssize(made.with_answer) - made.answer, made.answer);
                    answers_.add(answer);
                    total_ += answer.right ? 1 : 0;
                    done();
                  });
  }

  // Rows of the mesh take samples in turn. answers: of the first case on.
  void add_generated(const std::vector<RulerCase>& cases,
                     const std::vector<std::vector<std::string>>& answers,
                     const std::function<void()>& done) {
    const int64_t rows = inputs_.mesh.size(Axis::kData), count = std::ssize(cases);
    for (int64_t begin = 0; begin < count; begin += rows) {
      std::vector<double> scores(static_cast<size_t>(std::min(rows, count - begin)), 0.0);
      if (const auto kept = kept_scores(cases, begin, std::ssize(scores))) {
        scores = *kept;
      } else {
        const int64_t own = begin + inputs_.mesh.index(Axis::kData);
        if (own < count) {
          scores[static_cast<size_t>(own - begin)] =
              generated_score(cases[static_cast<size_t>(own)], answers[static_cast<size_t>(own)]);
        }
        all_reduce_sum(inputs_.mesh.group(Axis::kData), scores);
        keep(cases, begin, scores);
      }
      for (const double score : scores) {
        total_ += score;
        done();
      }
      if (inputs_.between) inputs_.between();
    }
  }

  void finish(RulerResult& result) const {
    result.score = wilson_proportion(std::min(total_, static_cast<double>(result.samples)), result.samples);
    if (answers_.tokens > 0) result.answer_nll = answers_.mean_nll();
  }

 private:
  double generated_score(const RulerCase& made, const std::vector<std::string>& answers) const {
    const auto prompt =
        std::span(made.with_answer).first(made.with_answer.size() - static_cast<size_t>(made.answer));
    const auto generated = inputs_.generate(prompt, traits_of(task_).new_tokens);
    return ruler_score(task_, inputs_.tokenizer.decode(generated), answers);
  }

  // The score of a sample depends on its prompt, the answers, which are drawn with it, and the model.
  std::string key_of(const RulerCase& made) const {
    const auto bytes = std::as_bytes(std::span(made.with_answer));
    return sha256_of(inputs_.subject + word_of(task_).data() +
                     std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  std::optional<std::vector<double>> kept_scores(const std::vector<RulerCase>& cases, int64_t begin,
                                                 int64_t count) const {
    std::vector<double> scores;
    for (int64_t i = begin; inputs_.pieces != nullptr && i < begin + count; ++i) {
      const auto kept = inputs_.pieces->find([&] { return key_of(cases[static_cast<size_t>(i)]); });
      if (!kept) return std::nullopt;
      scores.push_back(std::stod(*kept));
    }
    return std::ssize(scores) == count ? std::optional(scores) : std::nullopt;
  }
  void keep(const std::vector<RulerCase>& cases, int64_t begin, const std::vector<double>& scores) const {
    if (inputs_.pieces == nullptr) return;
    for (size_t i = 0; i < scores.size(); ++i) {
      inputs_.pieces->add([&] { return key_of(cases[static_cast<size_t>(begin) + i]); },
                          [&] { return fmt::format("{}", scores[i]); });
    }
    inputs_.pieces->write_when_due();
  }

  const RulerInputs& inputs_;
  const RulerTask task_;
  const int64_t length_;
  double total_ = 0;
  AnswerTally answers_;
};

}  // namespace

RulerResult evaluate_ruler(const RulerInputs& inputs, RulerTask task, const RulerMaker& maker, int64_t length,
                           int64_t samples, const TellDone& tell) {
  const RulerTraits& traits = traits_of(task);
  ROPEWAY_CHECK(samples > 0, "{} samples", samples);
  if (is_generated(task) && !inputs.generate) {
    fail(ErrorKind::kConfig, "{}: is answered by generating text, which is not possible here", word_of(task));
  }
  RulerResult result;
  result.samples = samples;
  Scores scores(inputs, task, length);
  int64_t done = 0;
  const auto count = [&] {
    ++done;
    if (tell) tell("samples", done, samples);
  };
  const int64_t at_once = std::max<int64_t>(inputs.mesh.world().size(), kTokensAtOnce / length);
  for (int64_t begin = 0; begin < samples; begin += at_once) {
    const int64_t end = std::min(samples, begin + at_once);
    const std::vector<RulerCase> cases = make_cases(inputs.mesh.world(), maker, begin, end);
    for (const RulerCase& made : cases) {
      const int64_t room = std::max(traits.new_tokens, made.answer);
      result.tokens += static_cast<double>(std::ssize(made.with_answer) - made.answer + room);
    }
    if (!is_generated(task)) {
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
