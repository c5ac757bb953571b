#include "trainer/evaluate/ruler_cells.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

// The files that a task reads, for what kept figures are of.
std::string fingerprint_of(const RulerTraits& traits, const RulerSources& sources) {
  std::string text;
  if (traits.needs_prose) text += fmt::format("{}", fmt::join(sources.prose, " "));
  if (traits.questions > 0) {
    const RulerQuestions& all = sources.questions[traits.questions - 1];
    for (const RulerQuestion& question : all.questions) text += question.text + "\n";
    text += fmt::format("{}", fmt::join(all.documents, "\n"));
  }
  return sha256_of(text);
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
  for (const EvaluationCell& cell : at) {
    for (const RulerTask task : settings.tasks) {
      const RulerTraits& traits = traits_of(task);
      if (traits.is_list && !inputs.generate) {
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
                                 {"sources", fingerprint_of(traits, sources)},
                                 {"start", inputs.start},
                                 {"tokenizer", inputs.tokenizer.fingerprint()}};
      const auto run = [&inputs, maker, task, label, factors = cell.factors,
                        samples = settings.samples](const auto& progress) {
        RulerInputs with{inputs.model, inputs.mesh, inputs.tokenizer};
        if (traits_of(task).is_list) with.generate = inputs.generate(factors);
        return numbers_of(evaluate_ruler(with, factors, task, *maker, label.length, samples, progress),
                          !traits_of(task).is_list);
      };
      cells.push_back({label, cell.factors, of.dump(), run});
    }
  }
  return cells;
}

}  // namespace ropeway
