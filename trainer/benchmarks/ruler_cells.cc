#include "trainer/benchmarks/ruler_cells.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/config/generated_tasks.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

// What the texts and files are that tasks are made from, for what kept figures are of; "": not read.
struct Fingerprints {
  std::string prose, questions[2];
};
Fingerprints fingerprints_of(const RulerSources& sources, const std::vector<RulerTask>& tasks) {
  Fingerprints found;
  for (const RulerTask task : tasks) {
    const RulerTraits& traits = traits_of(task);
    if (traits.needs_prose && found.prose.empty()) {
      found.prose = sha256_of(fmt::format("{}", fmt::join(sources.prose, " ")));
    }
    if (traits.questions == 0 || !found.questions[traits.questions - 1].empty()) continue;
    const RulerQuestions& all = sources.questions[traits.questions - 1];
    std::string text;
    for (const RulerQuestion& question : all.questions) text += question.text + "\n";
    text += fmt::format("{}", fmt::join(all.documents, "\n"));
    found.questions[traits.questions - 1] = sha256_of(text);
  }
  return found;
}

std::string of_task(const Fingerprints& sources, const RulerTraits& traits) {
  return (traits.needs_prose ? sources.prose : "") +
         (traits.questions > 0 ? sources.questions[traits.questions - 1] : "");
}

NamedNumbers numbers_of(const RulerResult& result, bool is_forced) {
  NamedNumbers numbers = {
      {"score", result.score.share}, {"score_low", result.score.low}, {"score_high", result.score.high}};
  if (is_forced) numbers.emplace_back("answer_nll", result.answer_nll);
  numbers.emplace_back("samples", static_cast<double>(result.samples));
  numbers.emplace_back("mean_tokens", result.tokens);
  return numbers;
}

void append_words(const std::string& text, std::vector<std::string>& words) {
  for (size_t begin = 0; (begin = text.find_first_not_of(" \t\r\n\f\v", begin)) != std::string::npos;) {
    const size_t end = std::min(text.find_first_of(" \t\r\n\f\v", begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end;
  }
}

}  // namespace

std::vector<std::string> prose_of(const Documents& documents, const Tokenizer& tokenizer, int64_t length) {
  std::vector<std::string> words;
  int64_t left = length;
  for (size_t d = 0; d < documents.count() && left > 0; ++d) {
    const auto tokens = documents.tokens(d).first(
        static_cast<size_t>(std::min<int64_t>(left, std::ssize(documents.tokens(d)))));
    append_words(tokenizer.decode({tokens.begin(), tokens.end()}), words);
    left -= std::ssize(tokens);
  }
  return words;
}

std::vector<BenchmarkCell> ruler_cells(const BenchmarkInputs& inputs, const RulerSources& sources,
                                       const RulerSettings& settings, const std::vector<EvaluationCell>& at) {
  std::vector<BenchmarkCell> cells;
  const Fingerprints fingerprints = fingerprints_of(sources, settings.tasks);
  for (const EvaluationCell& cell : at) {
    for (const RulerTask task : settings.tasks) {
      const RulerTraits& traits = traits_of(task);
      if (is_generated(task) && !inputs.generate) {
        fail(ErrorKind::kConfig, "{}: is answered by generating text, which is not possible here",
             word_of(task));
      }
      const auto maker =
          std::make_shared<const RulerMaker>(task, sources, inputs.tokenizer, inputs.chat,
                                             RulerMakerOptions{.length = cell.length,
                                                               .seed = inputs.seed,
                                                               .prompt = settings.prompt,
                                                               .start = inputs.start,
                                                               .vocab_size = inputs.vocab_size});
      const BenchmarkLabel label = {BenchmarkKind::kRuler, std::string(word_of(task)), cell.name,
                                    cell.length};
      const nlohmann::json of = {{"samples", settings.samples},
                                 {"seed", inputs.seed},
                                 {"prompt", word_of(maker->prompt())},
                                 {"chat", word_of(inputs.chat.format.value_or(ChatFormatName::kAuto))},
                                 {"sources", of_task(fingerprints, traits)},
                                 {"start", inputs.start},
                                 {"tokenizer", inputs.tokenizer.fingerprint()}};
      const auto run = [&inputs, maker, task, label, factors = cell.factors,
                        samples = settings.samples](const CellTools& tools) {
        RulerInputs with{.mesh = tools.mesh(),
                         .tokenizer = inputs.tokenizer,
                         .score = tools.scores(factors, false),
                         .pieces = tools.pieces(),
                         .subject = tools.subject(factors),
                         .between = [&] { tools.stop_if_asked(); }};
        if (is_generated(task)) with.generate = inputs.generate(factors);
        return numbers_of(evaluate_ruler(with, task, *maker, label.length, samples, tools.tell()),
                          !is_generated(task));
      };
      cells.push_back({label, cell.factors, of.dump(), run});
    }
  }
  return cells;
}

}  // namespace ropeway
