#include "trainer/evaluate/choice_eval.h"

#include <algorithm>
#include <numeric>

#include "kernels/base/error.h"
#include "trainer/evaluate/score_sequences.h"
#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

// One option of one question, ready to be scored.
struct PairToScore {
  size_t question = 0, option = 0;
  EncodedPair pair;
};

std::vector<PairToScore> encode_all(const Tokenizer& tokenizer, const ChoiceTask& task,
                                    const PairOptions& options) {
  std::vector<PairToScore> pairs;
  for (size_t q = 0; q < task.questions.size(); ++q) {
    const ChoiceQuestion& question = task.questions[q];
    for (size_t o = 0; o < question.options.size(); ++o) {
      try {
        const ChoiceOption& option = question.options[o];
        pairs.push_back({q, o, encode_pair(tokenizer, option.context, option.continuation, options)});
      } catch (const Error& error) {
        fail(error.kind(), "{}: answer {}: {}", question.where, o, error.what());
      }
    }
  }
  return pairs;
}

// Sequences that are scored together have one length: the shorter ones are filled up at their end, which no
// position before it sees. At most an eighth of the longest is filled.
constexpr int64_t kMostFilling = 8;

// Ends of the runs of pairs, sorted by falling length, that are scored together.
std::vector<size_t> runs_of_equal_length(const std::vector<PairToScore>& pairs) {
  std::vector<size_t> ends;
  for (size_t begin = 0; begin < pairs.size();) {
    const int64_t longest = std::ssize(pairs[begin].pair.tokens);
    size_t end = begin;
    while (end < pairs.size() && longest - std::ssize(pairs[end].pair.tokens) <= longest / kMostFilling)
      ++end;
    ends.push_back(end);
    begin = end;
  }
  return ends;
}

OptionScore score_of(const EncodedPair& pair, const SequenceScore& score) {
  OptionScore result = {.loglikelihood = 0, .is_greedy = true, .tokens = pair.continuation};
  const size_t end = pair.tokens.size() - 1;
  for (size_t t = end - static_cast<size_t>(pair.continuation); t < end; ++t) {
    result.loglikelihood -= score.nll[t];
    result.is_greedy = result.is_greedy && score.correct[t] != 0;
  }
  return result;
}

// Characters of an answer, without the blank that parts it from its context.
double characters(std::string_view continuation) {
  const std::string_view answer = continuation.substr(continuation.starts_with(' ') ? 1 : 0);
  const auto count =
      std::count_if(answer.begin(), answer.end(), [](char c) { return !is_utf8_continuation(c); });
  return static_cast<double>(std::max<std::ptrdiff_t>(1, count));
}

// The first of the largest, as numpy's argmax.
int64_t largest(const std::vector<double>& values) {
  return std::max_element(values.begin(), values.end()) - values.begin();
}

void count_right(const ChoiceTask& task, ChoiceResult& result) {
  int64_t right = 0, right_norm = 0, tokens = 0;
  double nll = 0;
  for (size_t q = 0; q < task.questions.size(); ++q) {
    const ChoiceQuestion& question = task.questions[q];
    std::vector<double> whole, per_character;
    for (size_t o = 0; o < question.options.size(); ++o) {
      whole.push_back(result.scores[q][o].loglikelihood);
      per_character.push_back(whole.back() / characters(question.options[o].continuation));
    }
    right += largest(whole) == question.gold ? 1 : 0;
    right_norm += largest(per_character) == question.gold ? 1 : 0;
    const OptionScore& gold = result.scores[q][static_cast<size_t>(question.gold)];
    nll -= gold.loglikelihood;
    tokens += gold.tokens;
  }
  result.accuracy = wilson_proportion(static_cast<double>(right), result.questions);
  result.accuracy_norm = wilson_proportion(static_cast<double>(right_norm), result.questions);
  result.right_nll = nll / static_cast<double>(tokens);
}

}  // namespace

ChoiceResult evaluate_choices(CausalLM& model, const Mesh& mesh, const Tokenizer& tokenizer,
                              const FactorSet& factors, const ChoiceTask& task, const PairOptions& options,
                              const std::function<void(int64_t done, int64_t total)>& progress) {
  std::vector<PairToScore> pairs = encode_all(tokenizer, task, options);
  std::stable_sort(pairs.begin(), pairs.end(), [](const PairToScore& a, const PairToScore& b) {
    return a.pair.tokens.size() > b.pair.tokens.size();
  });

  ChoiceResult result;
  result.questions = std::ssize(task.questions);
  result.options = std::ssize(pairs);
  for (const ChoiceQuestion& question : task.questions) result.scores.emplace_back(question.options.size());
  for (const PairToScore& pair : pairs) result.cut += pair.pair.is_cut ? 1 : 0;

  const std::string purpose = fmt::format("{}: answers", task.name);
  size_t begin = 0;
  for (const size_t end : runs_of_equal_length(pairs)) {
    const auto length = std::ssize(pairs[begin].pair.tokens);
    const SequenceSet sequences = {
        static_cast<int64_t>(end - begin), length, [&](int64_t index) {
          const EncodedPair& pair = pairs[begin + static_cast<size_t>(index)].pair;
          SequenceToScore sequence = {pair.tokens, std::ssize(pair.tokens) - 1 - pair.continuation};
          sequence.tokens.resize(static_cast<size_t>(length), pair.tokens.back());
          return sequence;
        }};
    score_sequences(model, mesh, factors, sequences, purpose, [&](int64_t index, const SequenceScore& score) {
      const PairToScore& pair = pairs[begin + static_cast<size_t>(index)];
      result.scores[pair.question][pair.option] = score_of(pair.pair, score);
      if (progress) progress(static_cast<int64_t>(begin) + index + 1, result.options);
    });
    begin = end;
  }
  count_right(task, result);
  return result;
}

}  // namespace ropeway
