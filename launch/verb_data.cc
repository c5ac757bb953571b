// ropeway data: what the texts of a recipe hold, and what its stages make of them.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "kernels/base/error.h"
#include "launch/command_page.h"
#include "launch/recipe_loading.h"
#include "launch/source_report.h"
#include "launch/verbs.h"
#include "parallel/comm/world_of_one.h"
#include "trainer/config/lengths.h"
#include "trainer/data/documents.h"
#include "trainer/data/marked_documents.h"
#include "trainer/data/windows.h"
#include "trainer/evaluate/evaluation.h"
#include "trainer/evaluate/scored_windows.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/stages/run_inputs.h"
#include "trainer/tokenizer/byte_tokenizer.h"
#include "trainer/tokenizer/load_tokenizer.h"
#include "trainer/tokenizer/reading_special_tokens.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

constexpr size_t kSamples = 3;
constexpr size_t kSampleBytes = 160;  // shown of each part of a sample

// Patterns of a split, and the names of their keys.
struct Split {
  std::string name;  // "train"
  std::vector<TextSource> sources;

  std::vector<std::string> patterns() const {
    std::vector<std::string> patterns;
    for (const TextSource& source : sources) patterns.push_back(source.path);
    return patterns;
  }
};

std::vector<Split> splits_of(const DataRecipe& data) {
  std::vector<Split> splits{{"train", data.train}, {"validation", {}}, {"test", {}}};
  for (const std::string& path : data.validation) splits[1].sources.push_back({path});
  for (const std::string& path : data.test) splits[2].sources.push_back({path});
  return splits;
}

struct TokenizerAndMarks {
  std::unique_ptr<Tokenizer> tokenizer;  // null: the model's folder is not there
  int64_t vocab_size = 0, original_window = 0;
  NamedTokens named;
  DocumentMarks marks;
  ChatTemplate chat;
};

TokenizerAndMarks open_tokenizer(const Recipe& recipe) {
  TokenizerAndMarks opened;
  const fs::path folder = recipe.model.path;
  if (recipe.model.has_architecture) {
    opened.tokenizer = make_byte_tokenizer();
    opened.vocab_size = recipe.model.architecture.vocab_size;
    opened.original_window = recipe.model.architecture.window;
  } else if (fs::exists(folder)) {
    require_no_gguf(folder);
    opened.tokenizer = load_tokenizer(folder);
    const ModelConfig config = read_config_and_sets(folder).config;
    opened.vocab_size = config.vocab_size;
    opened.original_window =
        recipe.model.original_window > 0 ? recipe.model.original_window : config.original_window;
    opened.named = named_tokens(folder, *opened.tokenizer, {config.bos_token_id, config.eos_token_id});
  } else {
    return opened;
  }
  if (recipe.data.special_tokens == SpecialTokensInText::kParse) {
    opened.tokenizer = reading_special_tokens(std::move(opened.tokenizer));
  }
  opened.chat = chat_template_of(folder, recipe.data.chat_template, *opened.tokenizer, opened.named);
  opened.marks = document_marks(*opened.tokenizer, opened.named, {recipe.data.bos, recipe.data.eos});
  return opened;
}

// One line of a sample: its text cut to a length, as a C string would be written.
std::string shown(const std::string& text) {
  const bool cut = text.size() > kSampleBytes;
  const std::string kept =
      cut ? text.substr(0, kSampleBytes / 2) + " ... " + text.substr(text.size() - kSampleBytes / 2) : text;
  std::string line;
  for (const char c : kept) {
    if (c == '\n') {
      line += "\\n";
    } else {
      line += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return line + (cut ? fmt::format("  ({} bytes)", text.size()) : "");
}

// The window in runs of tokens whose predictions have one loss weight. A token's prediction is made at the
// position before it; the first of a document that is kept apart has none.
std::string sample_text(const WindowSampler& windows, uint64_t index, const Tokenizer& tokenizer) {
  const Window window = windows.window(index);
  const auto weight_of = [&](size_t token) {
    const bool starts = std::ranges::binary_search(window.documents, static_cast<int64_t>(token));
    return starts ? 0.0f : window.weights[token - 1];
  };
  std::string text = fmt::format(
      "  window {}: {} tokens{}{}\n", index, window.tokens.size(),
      window.documents.size() == 1 ? "" : fmt::format(", {} documents apart", window.documents.size()),
      window.is_short ? ", under the original RoPE" : "");
  for (const PositionJump& jump : window.jumps) {
    text += fmt::format("    from token {} on counted from {}\n", jump.at, jump.at + jump.by);
  }
  for (size_t begin = 0; begin < window.tokens.size();) {
    size_t end = begin + 1;
    while (end < window.tokens.size() && weight_of(end) == weight_of(begin)) ++end;
    const std::vector<int32_t> run(window.tokens.begin() + static_cast<int64_t>(begin),
                                   window.tokens.begin() + static_cast<int64_t>(end));
    text += fmt::format("    weight {:<4g} {}\n", weight_of(begin), shown(tokenizer.decode(run)));
    begin = end;
  }
  return text;
}

std::string windows_text(int64_t count) { return fmt::format("{} window{}", count, count == 1 ? "" : "s"); }

class DataReport {
 public:
  explicit DataReport(const Recipe& recipe) : recipe_(recipe), opened_(open_tokenizer(recipe)) {}

  std::string text() {
    std::string text;
    if (!opened_.tokenizer) {
      text = fmt::format("{}: no such folder: texts are counted in bytes\n\n", recipe_.model.path);
    }
    for (const Split& split : splits_of(recipe_.data)) text += split_text(split);
    if (!opened_.tokenizer) return text;
    text += fmt::format("around each document: {}\n\n", describe(opened_.marks));
    for (const StageRecipe& stage : recipe_.stages) text += stage_text(stage);
    return text + "\n" + samples_text();
  }
  const std::optional<Error>& problem() const { return problem_; }

 private:
  TextFileLimits limits() const {
    return {.max_document_bytes = recipe_.data.max_document, .vocab_size = opened_.vocab_size};
  }

  std::string split_text(const Split& split) {
    std::string text;
    if (split.sources.empty()) return text;
    if (opened_.tokenizer) {
      documents_.emplace(split.name, load_documents(*world_, split.patterns(), *opened_.tokenizer,
                                                    recipe_.data.cache, limits(), opened_.chat));
    }
    for (size_t i = 0; i < split.sources.size(); ++i) {
      SourceReport report = opened_.tokenizer ? report_of(documents_.at(split.name), i)
                                              : report_of_text(split.sources[i].path, limits());
      report.key = fmt::format("data.{}[{}]", split.name, i);
      report.pattern = split.sources[i].path;
      report.weight = split.sources[i].weight;
      text += text_of(report) + "\n";
    }
    return text;
  }

  // A stage's text, or why it has too little; the first such error is kept.
  std::string stage_text(const StageRecipe& stage) {
    std::string found;
    try {
      found = is_training(stage.kind())    ? training_text(stage)
              : is_searching(stage.kind()) ? search_text(stage)
                                           : evaluation_text(stage);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kBadData && error.kind() != ErrorKind::kConfig) throw;
      found = error.what();
      if (!problem_) problem_ = Error(error.kind(), fmt::format("stage {}: {}", stage.name, error.what()));
    }
    return fmt::format("{} ({}): {}\n", stage.name, word_of(stage.kind()), found);
  }

  std::string training_text(const StageRecipe& stage) {
    const WindowOptions options = window_options(recipe_, stage, opened_.marks, opened_.original_window);
    auto windows = std::make_unique<WindowSampler>(documents_.at("train"), *opened_.tokenizer, options);
    const WindowFacts facts = windows->facts();
    const TrainRecipe& train = stage.train();
    const auto used = static_cast<double>(train.steps * train.batch_sequences);
    const std::string described = windows->describe();
    if (!samples_) samples_ = {&stage, std::move(windows)};
    const double per_pass = static_cast<double>(facts.tokens) / static_cast<double>(train.length) +
                            static_cast<double>(facts.example_windows);
    return fmt::format("{}; {} of {} per pass, {} used in {} steps: {:.2f} passes", described,
                       windows_text(facts.windows + facts.example_windows), format_length(train.length), used,
                       train.steps, used / per_pass);
  }

  std::string search_text(const StageRecipe& stage) {
    const SearchRecipe& search = stage.search();
    const Documents& validation = documents_.at("validation");
    const bool by_gradient = search.refine == SearchRefine::kGradient;
    const SearchSequencesWanted wanted = sequences_of(search, opened_.original_window);
    require_search_texts(recipe_.data, wanted, validation, by_gradient ? &documents_.at("train") : nullptr,
                         opened_.marks);
    return describe_search_sequences(validation, opened_.marks, wanted);
  }

  std::string evaluation_text(const StageRecipe& stage) {
    const Documents& test = documents_.at("test");
    const DocumentMarks marks{window_start(recipe_, stage, *opened_.tokenizer, opened_.named),
                              opened_.marks.after};
    require_evaluation_texts(stage.evaluate(), test, marks);
    if (holds_examples(test)) {
      const int64_t longest = std::ranges::max(stage.evaluate().lengths);
      return fmt::format("{} of {}", used_examples(MarkedDocuments(test, marks), longest),
                         format_length(longest));
    }
    const MarkedDocuments framed(test, {marks.before, {}});
    const EvaluateRecipe& evaluate = stage.evaluate();
    const bool scores_text = evaluate.measures(EvaluateTask::kPerplexity);
    const EvaluationTasks tasks = tasks_of(evaluate, recipe_.seed, marks);
    std::string text;
    for (const int64_t length : evaluate.lengths) {
      std::string windows = windows_text(disjoint_windows(framed, length));
      if (scores_text) {
        int64_t targets = 0;
        const auto scored = scored_windows(framed, rule_of(perplexity_options(length, tasks)));
        for (const ScoredWindow& window : scored) targets += window.targets;
        windows = fmt::format("{} ({} targets)", windows_text(std::ssize(scored)), targets);
      }
      text += fmt::format("{}{} of {}", text.empty() ? "" : ", ", windows, format_length(length));
    }
    return text + (scores_text && !tasks.aligned.empty() ? ", which end at the same places" : "");
  }

  std::string samples_text() const {
    if (!samples_) return "";
    std::string text =
        fmt::format("sequences of {}, with the loss weight of their tokens\n", samples_->stage->name);
    std::set<uint64_t> shown;
    if (const auto example = samples_->windows->first_of_examples()) shown.insert(*example);
    for (uint64_t i = 0; shown.size() < kSamples; ++i) shown.insert(i);
    for (const uint64_t i : shown) text += sample_text(*samples_->windows, i, *opened_.tokenizer);
    return text;
  }

  struct Samples {
    const StageRecipe* stage;
    std::unique_ptr<WindowSampler> windows;
  };
  const Recipe& recipe_;
  const TokenizerAndMarks opened_;
  const std::unique_ptr<Communicator> world_ = make_world_of_one();
  std::map<std::string, Documents> documents_;
  std::optional<Samples> samples_;
  std::optional<Error> problem_;
};

}  // namespace

CommandPage data_page() {
  return {.usage = "RECIPE.yaml [--set KEY=VALUE ...]",
          .about =
              "Reads every text of a recipe and prints per source: files, documents, tokens,\n"
              "bytes per token, the shortest and the longest document, a histogram of lengths;\n"
              "per stage: how many windows it has; and three sequences of the first stage that\n"
              "trains, decoded, with the loss weight of every token. Encoded text is kept in\n"
              "data.cache, where the run finds it. Where the model's folder is not there, texts\n"
              "are read and counted in bytes.\n",
          .options = {set_option()},
          .notes = "Ends with 65 where a stage has not the text it needs.\n",
          .examples = "ropeway data configs/tiny_cpu.yaml\n",
          .positional = "RECIPE.yaml"};
}

void data_verb(const Arguments& arguments, bool prints) {
  const CommandLine line = command_line("data", data_page());
  po::variables_map values;
  if (!parse_command_line(line, arguments, values)) {
    if (prints) std::cout << line.help;
    return;
  }
  if (!prints) return;  // one process reads the texts and writes the cache
  ParseRecipeOptions options;
  options.overrides = read_overrides(values);
  const Recipe recipe = load_recipe(values["RECIPE.yaml"].as<std::string>(), options);
  DataReport report(recipe);
  std::cout << report.text() << std::flush;
  if (report.problem()) throw *report.problem();
}

}  // namespace ropeway
