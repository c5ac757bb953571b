#include "trainer/benchmarks/choice_eval.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "kernels/base/error.h"
#include "trainer/files/utf8.h"
#include "trainer/score/answer_score.h"

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

// Options that one pass scores: one, or all of a question that has one context and answers of one token each.
struct PassToScore {
  size_t first = 0, count = 1;  // of the pairs, which are in the order of questions and options
};

bool share_a_context(std::span<const PairToScore> options) {
  const std::vector<int32_t>& first = options.front().pair.tokens;
  return std::ranges::all_of(options, [&](const PairToScore& option) {
    const std::vector<int32_t>& tokens = option.pair.tokens;
    return option.pair.continuation == 1 && tokens.size() == first.size() &&
           std::equal(tokens.begin(), tokens.end() - 1, first.begin());
  });
}

std::vector<PassToScore> passes_of(const ChoiceTask& task, const std::vector<PairToScore>& pairs) {
  std::vector<PassToScore> passes;
  size_t begin = 0;
  for (const ChoiceQuestion& question : task.questions) {
    const size_t count = question.options.size();
    if (share_a_context(std::span(pairs).subspan(begin, count))) {
      passes.push_back({begin, count});
    } else {
      for (size_t i = 0; i < count; ++i) passes.push_back({begin + i, 1});
    }
    begin += count;
  }
  return passes;
}

// Sequences that are scored together have one length: the shorter ones are filled up at their end, which no
// position before it sees. At most an eighth of the longest is filled. They also have as many options each.
constexpr int64_t kMostFilling = 8;

// Ends of the runs of passes, sorted by their options and falling length, that are scored together.
std::vector<size_t> runs_of_equal_length(const std::vector<PassToScore>& passes,
                                         const std::vector<PairToScore>& pairs) {
  const auto length = [&](size_t pass) { return std::ssize(pairs[passes[pass].first].pair.tokens); };
  std::vector<size_t> ends;
  for (size_t begin = 0; begin < passes.size();) {
    const int64_t longest = length(begin);
    size_t end = begin;
    while (end < passes.size() && passes[end].count == passes[begin].count &&
           longest - length(end) <= longest / kMostFilling) {
      ++end;
    }
    ends.push_back(end);
    begin = end;
  }
  return ends;
}

SequenceToScore sequence_of(const PassToScore& pass, const std::vector<PairToScore>& pairs, int64_t length) {
  const EncodedPair& pair = pairs[pass.first].pair;
  SequenceToScore sequence = {pair.tokens, std::ssize(pair.tokens) - 1 - pair.continuation};
  sequence.others.position = std::ssize(pair.tokens) - 2;
  for (size_t i = 1; i < pass.count; ++i) {
    sequence.others.tokens.push_back(pairs[pass.first + i].pair.tokens.back());
  }
  sequence.tokens.resize(static_cast<size_t>(length), pair.tokens.back());
  return sequence;
}

OptionScore score_of(const EncodedPair& pair, const SequenceScore& score) {
  const AnswerScore answer =
      score_of_answer(score, std::ssize(pair.tokens) - pair.continuation, pair.continuation);
  return {.loglikelihood = -answer.nll, .is_greedy = answer.right, .tokens = answer.tokens};
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

ChoiceResult evaluate_choices(const ScoreSequences& score, const Tokenizer& tokenizer, const ChoiceTask& task,
                              const PairOptions& options, const TellDone& tell) {
  const std::vector<PairToScore> pairs = encode_all(tokenizer, task, options);
  std::vector<PassToScore> passes = passes_of(task, pairs);
  std::ranges::stable_sort(passes, [&](const PassToScore& a, const PassToScore& b) {
    const size_t of_a = pairs[a.first].pair.tokens.size(), of_b = pairs[b.first].pair.tokens.size();
    return a.count != b.count ? a.count > b.count : of_a > of_b;
  });

  ChoiceResult result;
  result.questions = std::ssize(task.questions);
  result.options = std::ssize(pairs);
  for (const ChoiceQuestion& question : task.questions) result.scores.emplace_back(question.options.size());
  for (const PairToScore& pair : pairs) result.cut += pair.pair.is_cut ? 1 : 0;

  int64_t done = 0;
  size_t begin = 0;
  for (const size_t end : runs_of_equal_length(passes, pairs)) {
    const auto length = std::ssize(pairs[passes[begin].first].pair.tokens);
    const auto pass_at = [&](int64_t index) { return passes[begin + static_cast<size_t>(index)]; };
    SequenceSet sequences = {static_cast<int64_t>(end - begin), length,
                             [&](int64_t index) { return sequence_of(pass_at(index), pairs, length); }};
    sequences.others = static_cast<int64_t>(passes[begin].count) - 1;
    score(sequences, "answers", [&](int64_t index, const SequenceScore& scored) {
      const PassToScore pass = pass_at(index);
      for (size_t i = 0; i < pass.count; ++i) {
        const PairToScore& pair = pairs[pass.first + i];
        result.scores[pair.question][pair.option] =
            i == 0 ? score_of(pair.pair, scored)
                   : OptionScore{-scored.other_nll[i - 1], scored.other_correct[i - 1] != 0, 1};
      }
      done += static_cast<int64_t>(pass.count);
      if (tell) tell("answers", done, result.options);
    });
    begin = end;
  }
  count_right(task, result);
  return result;
}

}  // namespace ropeway
