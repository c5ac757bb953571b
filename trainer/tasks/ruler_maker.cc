#include "trainer/tasks/ruler_maker.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/data/encode_example.h"
#include "trainer/tasks/encode_pair.h"
#include "trainer/tasks/fit_units.h"

namespace ropeway {
namespace {

// Examples take up to so many tokens, as RULER's for vt, and of short lengths a quarter.
constexpr int64_t kExampleTokens = 500;
// Draws of worked examples are those of samples that no evaluation reaches.
constexpr uint64_t kExampleIndex = uint64_t{1} << 31;

std::string without_blank(const std::string& prefix) {
  return prefix.substr(prefix.starts_with(' ') ? 1 : 0);
}

}  // namespace

RulerMaker::RulerMaker(RulerTask task, const RulerSources& sources, const Tokenizer& tokenizer,
                       const ChatTemplate& chat, RulerMakerOptions options)
    : task_(task), sources_(sources), tokenizer_(tokenizer), chat_(chat), options_(std::move(options)) {
  const RulerTraits& traits = traits_of(task);
  if (options_.prompt == RulerPrompt::kAuto) {
    options_.prompt = chat.format ? RulerPrompt::kChat : RulerPrompt::kBase;
  }
  if (options_.prompt == RulerPrompt::kChat && !chat.format) {
    throw NoChatFormat(ErrorKind::kConfig, fmt::format("{}: prompts that are conversations", word_of(task)),
                       chat);
  }
  if (traits.needs_prose && sources.prose.empty()) {
    fail(ErrorKind::kBadData, "{}: its haystack is prose, and there is no text", word_of(task));
  }
  if (traits.questions > 0 && sources.questions[traits.questions - 1].questions.empty()) {
    fail(ErrorKind::kBadData, "{}: there is no file of questions for it", word_of(task));
  }
}

int64_t RulerMaker::tokens(const std::string& text) const { return std::ssize(tokenizer_.encode(text)); }

// As many sentences of noise as fit; RULER counts them by fives.
std::string RulerMaker::tracking_example(int64_t index) const {
  const RulerDraw draw = {options_.seed, static_cast<uint64_t>(index), options_.length};
  const int64_t limit = std::min(kExampleTokens, options_.length / 4);
  const auto text_of = [&](int64_t units) {
    const RulerSample sample = make_tracking_example(units, draw);
    return sample.input + sample.prefix + sample.target + "\n\n\n\n";
  };
  int64_t units = traits_of(task_).smallest_units;
  while (tokens(text_of(units + 5)) + traits_of(task_).new_tokens <= limit) units += 5;
  return text_of(units);
}

// One sample of the task with its answer: a model that is not tuned to follow instructions goes on like this.
std::string RulerMaker::worked_example(int64_t index) const {
  const RulerDraw draw = {options_.seed, kExampleIndex + static_cast<uint64_t>(index), options_.length};
  const int64_t smallest = traits_of(task_).smallest_units;
  const auto text_of = [&](int64_t units) {
    const RulerSample sample = make_ruler_sample(task_, sources_, units, draw);
    return sample.input + sample.prefix + sample.target + "\n\n";
  };
  const int64_t limit = std::min(kExampleTokens, options_.length / 4);
  const int64_t units = fit_units(smallest, limit, [&](int64_t count) { return tokens(text_of(count)); });
  return text_of(std::max(units, smallest));
}

RulerCase RulerMaker::encode(const RulerSample& sample, int64_t units) const {
  RulerCase made = {.prompt = {}, .with_answer = {}, .answer = 0, .answers = sample.answers, .units = units};
  EncodedPair pair;
  if (options_.prompt == RulerPrompt::kChat) {
    Example example;
    example.kind = RecordKind::kMessages;
    example.turns = {{"user", sample.example + sample.input}, {"assistant", "x"}};
    const EncodedExample turns =
        ExampleEncoder(tokenizer_, chat_, options_.vocab_size).encode(example, std::string(word_of(task_)));
    ROPEWAY_CHECK(!turns.scored.empty(), "{}: the assistant says nothing", word_of(task_));
    PairOptions behind = {.start = turns.ids, .prefix = -1, .window = int64_t{1} << 40};
    behind.start.resize(static_cast<size_t>(turns.scored.back().begin));
    pair = encode_pair(tokenizer_, without_blank(sample.prefix), sample.target, behind);
  } else {
    const PairOptions behind = {.start = options_.start, .prefix = -1, .window = int64_t{1} << 40};
    pair = encode_pair(tokenizer_, sample.example + sample.input + sample.prefix, sample.target, behind);
  }
  made.with_answer = std::move(pair.tokens);
  made.answer = pair.continuation;
  made.prompt.assign(made.with_answer.begin(), made.with_answer.end() - made.answer);
  return made;
}

std::vector<std::string> RulerMaker::answers(int64_t index) const {
  const RulerDraw draw = {options_.seed, static_cast<uint64_t>(index), options_.length};
  return make_ruler_sample(task_, sources_, traits_of(task_).smallest_units, draw).answers;
}

RulerCase RulerMaker::make(int64_t index) const {
  const RulerTraits& traits = traits_of(task_);
  const RulerDraw draw = {options_.seed, static_cast<uint64_t>(index), options_.length};
  std::string example;
  if (task_ == RulerTask::kVariableTracking) {
    example = tracking_example(index);
  } else if (options_.prompt == RulerPrompt::kBase && task_ != RulerTask::kCommonWords) {
    example = worked_example(index);
  }
  const auto case_of = [&](int64_t units) {
    RulerSample sample = make_ruler_sample(task_, sources_, units, draw);
    sample.example = example + sample.example;
    return encode(sample, units);
  };
  const auto size_of = [&](int64_t units) {
    const RulerCase made = case_of(units);
    return std::ssize(made.prompt) + std::max(traits.new_tokens, made.answer);
  };
  const int64_t units = fit_units(traits.smallest_units, options_.length, size_of);
  if (units < 0) {
    fail(ErrorKind::kConfig, "{} in {} tokens: there is no room: the smallest sample takes {}",
         word_of(task_), options_.length, size_of(traits.smallest_units));
  }
  return case_of(units);
}

}  // namespace ropeway
