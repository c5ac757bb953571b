#include "trainer/stages/input_checks.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "kernels/base/error.h"
#include "trainer/config/lengths.h"
#include "trainer/config/recipe.h"
#include "trainer/config/recipe_checks.h"
#include "trainer/config/recipe_problems.h"
#include "trainer/data/byte_stream.h"
#include "trainer/data/file_pattern.h"
#include "trainer/data/token_ids.h"
#include "trainer/files/output_file.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/plan/memory_model.h"
#include "trainer/stages/recipe_model.h"
#include "trainer/stages/stage_room.h"
#include "trainer/tokenizer/load_tokenizer.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

// A tokenizer makes at most one token of a byte, and two marks stand around a document.
constexpr int64_t kMarks = 2;

struct Text {
  std::string name;
  int64_t bytes = 0;
  bool is_packed = false;  // unpacked it has more
  int64_t most_tokens() const { return bytes + kMarks; }
};

fs::path nearest_existing(fs::path path) {
  path = fs::absolute(path);
  std::error_code ignored;
  while (path.has_relative_path() && !fs::exists(path, ignored)) path = path.parent_path();
  return path;
}

class Checks {
 public:
  explicit Checks(const Recipe& recipe) : recipe_(recipe), problems_(recipe) {}

  InputChecks run() {
    check_model();
    check_texts();
    check_files();
    check_lengths();
    check_room();
    return {errors_, checked_};
  }

 private:
  void add(ErrorKind kind, const std::string& path, const std::string& text) {
    errors_.push_back({problems_.where(path), std::make_exception_ptr(Error(kind, text))});
  }
  void note(const std::string& what) { checked_ += (checked_.empty() ? "" : ", ") + what; }

  // What `work` refuses stands at the key.
  void at(const std::string& path, const std::function<void()>& work) {
    try {
      work();
    } catch (const Error&) {
      errors_.push_back({problems_.where(path), std::current_exception()});
    }
  }

  void check_model() {
    if (recipe_.model.has_architecture) {
      config_ = config_of(recipe_.model.architecture);
      return;
    }
    const fs::path folder = recipe_.model.path;
    if (!fs::exists(folder)) {
      add(ErrorKind::kMissingInput, "model.path",
          fmt::format("found {}, which is not there, wanted a model folder", folder.string()));
      return;
    }
    at("model.path", [&] {
      ConfigAndSets model = model_of(recipe_);
      config_ = model.config;
      for (const std::string& error : errors_against_model(recipe_, model)) {
        errors_.push_back({"", std::make_exception_ptr(Error(ErrorKind::kConfig, error))});
      }
    });
    if (!config_) return;
    at("model.path", [&] { open_model_dir(folder); });
    note(fmt::format("model of {} parameters", format_count(static_cast<double>(config_->num_parameters()))));
    at("model.path", [&] {
      const auto tokenizer = load_tokenizer(folder);
      require_tokenizer_fits(*tokenizer, config_->vocab_size, folder.string());
      note("tokenizer");
    });
  }

  void check_texts() {
    std::vector<std::string> train;
    for (const TextSource& source : recipe_.data.train) train.push_back(source.path);
    check_split("train", train);
    check_split("validation", recipe_.data.validation);
    check_split("test", recipe_.data.test);
    int64_t bytes = 0;
    std::set<std::string> names;
    for (const auto& [split, texts] : texts_) {
      for (const Text& text : texts) {
        if (names.insert(text.name).second) bytes += text.bytes;
      }
    }
    if (!names.empty()) {
      note(fmt::format("{} text{} of {}", names.size(), names.size() == 1 ? "" : "s", bytes_text(bytes)));
    }
  }

  void check_split(const std::string& split, const std::vector<std::string>& patterns) {
    std::vector<Text>& texts = texts_[split];
    for (size_t i = 0; i < patterns.size(); ++i) {
      const std::string key = fmt::format("data.{}[{}]", split, i);
      at(key, [&] {
        const fs::path named = token_id_file(patterns[i]);
        const auto files =
            named != fs::path(patterns[i]) ? std::vector<fs::path>{named} : expand_file_pattern(patterns[i]);
        for (const fs::path& file : files) add_text(key, file, texts);
      });
    }
  }

  void add_text(const std::string& key, const fs::path& file, std::vector<Text>& texts) {
    if (::access(file.c_str(), R_OK) != 0) {
      add(ErrorKind::kMissingInput, key, fmt::format("found {}, which cannot be read", file.string()));
      return;
    }
    Text text{file.string(), static_cast<int64_t>(fs::file_size(file))};
    if (text.bytes == 0) {
      add(ErrorKind::kBadData, key, fmt::format("found {}, which is empty", file.string()));
      return;
    }
    text.is_packed = ByteStream(file).compression() != Compression::kNone;
    texts.push_back(text);
  }

  void check_files() {
    for (size_t i = 0; i < recipe_.stages.size(); ++i) {
      if (recipe_.stages[i].kind() != StageKind::kEvaluate) continue;
      const BenchmarkRecipe& benchmarks = recipe_.stages[i].evaluate().benchmarks;
      for (const std::string& pattern : benchmarks.requests) {
        at(stage_path(i, "requests"), [&] { expand_file_pattern(pattern); });
      }
      for (const auto& [key, file] : {std::pair{"ruler_questions", benchmarks.ruler_questions},
                                      std::pair{"ruler_questions_2", benchmarks.ruler_questions_2},
                                      std::pair{"longppl.evaluator", benchmarks.longppl_evaluator}}) {
        if (file.empty() || fs::exists(file)) continue;
        add(ErrorKind::kMissingInput, stage_path(i, key), fmt::format("found {}, which is not there", file));
      }
    }
  }

  void check_lengths() {
    for (size_t i = 0; i < recipe_.stages.size(); ++i) {
      const StageRecipe& stage = recipe_.stages[i];
      if (is_training(stage.kind())) {
        const bool joined = recipe_.data.packing == Packing::kConcat;
        require_tokens(i, "train", stage.train().length, joined);
      } else if (is_searching(stage.kind())) {
        require_windows(i, stage.search());
      } else if (!stage.evaluate().lengths.empty()) {
        require_tokens(i, "test", stage.evaluate().longest(), false);
      }
    }
  }

  // One text of so many tokens, or all of them together.
  void require_tokens(size_t stage, const std::string& split, int64_t length, bool together) {
    const std::vector<Text>& texts = texts_[split];
    int64_t most = 0;
    for (const Text& text : texts) {
      if (text.is_packed) return;
      most = together ? most + text.most_tokens() : std::max(most, text.most_tokens());
    }
    if (texts.empty() || length <= most) return;
    add(ErrorKind::kBadData, length_path(stage, recipe_.stages[stage]),
        fmt::format("found {}, wanted at most what data.{} can have: {} of {}", format_length(length), split,
                    together ? "all of it together are" : "its longest text is", bytes_text(most - kMarks)));
  }

  void require_windows(size_t stage, const SearchRecipe& search) {
    const std::vector<Text>& texts = texts_["validation"];
    int64_t windows = 0;
    for (const Text& text : texts) {
      if (text.is_packed) return;
      windows += text.most_tokens() / search.length;
    }
    const int64_t wanted = search.documents + search.finalist_documents;
    if (texts.empty() || wanted <= windows) return;
    add(ErrorKind::kBadData, stage_path(stage, "documents"),
        fmt::format("found {} and {} finalist_documents of {}, wanted at most the {} windows that "
                    "data.validation can have",
                    search.documents, search.finalist_documents, format_length(search.length), windows));
  }

  void check_room() {
    if (!config_) return;
    const fs::path folder = nearest_existing(recipe_.run_dir);
    if (::access(folder.c_str(), W_OK) != 0) {
      add(ErrorKind::kCannotCreate, "run_dir",
          fmt::format("found {}, wanted a folder that can be made: {} cannot be written", recipe_.run_dir,
                      folder.string()));
      return;
    }
    std::vector<StageToRun> stages;
    for (const StageRecipe& stage : recipe_.stages) stages.push_back({&stage});
    const fs::path base = recipe_.model.has_architecture ? "" : recipe_.model.path;
    const int64_t needed =
        bytes_still_needed(recipe_.run_dir, stages, model_bytes(*config_, recipe_.dtype, base));
    const int64_t free = free_bytes(folder);
    if (free < 0) return;
    if (free < needed) {
      add(ErrorKind::kCannotCreate, "run_dir",
          fmt::format("found {} free where {} lies, wanted {} for checkpoints and models", bytes_text(free),
                      recipe_.run_dir, bytes_text(needed)));
    }
    note(fmt::format("{} of disk ({} free)", bytes_text(needed), bytes_text(free)));
  }

  const Recipe& recipe_;
  const RecipeProblems problems_;
  std::vector<InputError> errors_;
  std::string checked_;
  std::optional<ModelConfig> config_;
  std::map<std::string, std::vector<Text>> texts_;
};

}  // namespace

InputChecks check_inputs(const Recipe& recipe) { return Checks(recipe).run(); }

}  // namespace ropeway
