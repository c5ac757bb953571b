// ropeway export: a model for other programs.
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "launch/command_page.h"
#include "launch/export_options.h"
#include "launch/model_card.h"
#include "launch/temperature_loss.h"
#include "launch/verbs.h"
#include "parallel/comm/mpi_session.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/config/lengths.h"
#include "trainer/config/recipe_problems.h"
#include "trainer/formats/gguf/gguf_export.h"
#include "trainer/formats/hf/export_hf.h"
#include "trainer/formats/hf/export_temperature.h"
#include "trainer/stages/open_model.h"
#include "trainer/stages/run_record.h"
#include "trainer/tokenizer/byte_tokenizer_json.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

// A stage's model or checkpoint that is named is meant.
void require_finished(const std::optional<RunRecord>& run) {
  if (!run || !run->of_stage.empty() || run->unfinished.empty()) return;
  fail(ErrorKind::kBadData, "{}: the run is not finished: {} not done yet; --unfinished exports it as it is",
       run->folder.string(),
       join_words(run->unfinished, "and") + (run->unfinished.size() == 1 ? " is" : " are"));
}

// What other programs show of the model.
std::string name_of(const OpenedModel& source, const std::optional<RunRecord>& run) {
  const fs::path folder = fs::weakly_canonical(source.dir.path);
  if (!run) {
    const std::string name = recipe_name_beside(folder);
    return name.empty() ? folder.filename().string() : name;
  }
  if (run->of_stage.empty()) return run->name;
  const std::string last = folder.filename().string();
  return fmt::format("{} {}{}", run->name, run->of_stage, last == "model" ? "" : " " + last);
}

void require_one(const std::vector<ExportFactors>& deployments) {
  if (deployments.size() == 1) return;
  std::vector<std::string> lengths;
  for (const ExportFactors& factors : deployments) lengths.push_back(format_length(factors.max_length));
  fail(ErrorKind::kUsage, "a GGUF file holds one declared length; give one of {} as --max-length",
       fmt::join(lengths, ", "));
}

// Everything that is decided before the first byte is written.
struct Export {
  ExportOptions options;
  OpenedModel source;
  std::optional<RunRecord> run;
  std::string name;
  std::vector<ExportFactors> deployments;
  std::vector<TemperatureLoss> losses;
  bool is_changed = false;  // an attention temperature that is not the set's own is written

  const ModelConfig& config() const { return source.dir.config; }
};

// Collective.
Export prepare(const ExportOptions& options, MpiSession& job) {
  Export what{.options = options,
              .source = open_verified(options.source, job.world()),
              .run = run_of(options.source),
              .name = {},
              .deployments = {},
              .losses = {},
              .is_changed = false};
  if (!options.unfinished) require_finished(what.run);
  what.name = name_of(what.source, what.run);
  what.options.request.weights = what.source.dir.weights;
  what.deployments = choose_export_factors(what.config(), what.source.dir.sets, what.options.request);
  if (options.format == ExportFormat::kGguf) require_one(what.deployments);
  if (!options.text.pattern.empty()) {
    what.losses = measure_temperatures(options.source, what.config(), what.deployments, options.text, job);
  }
  if (options.formula_temperature) {
    for (ExportFactors& factors : what.deployments) {
      what.is_changed |= take_formula_temperature(what.config(), factors);
    }
  }
  return what;
}

std::map<std::string, std::string> small_files(const Export& what) {
  std::map<std::string, std::string> files;
  if (what.source.tokenizer_folder.empty()) files["tokenizer.json"] = byte_tokenizer_json({"<s>", "</s>"});
  if (what.run) files["recipe.yaml"] = what.run->recipe;
  return files;
}

// What was written, how its readers take it, and what they cannot do as this program does.
void report(const fs::path& path, const ExportFactors& factors, const Export& what) {
  std::cout << line_of(path.string(), factors, what.config());
  for (const std::string& words : use_words(what.options.format, factors, what.config())) {
    std::cout << "  " << words << "\n";
  }
  const bool gguf = what.options.format == ExportFormat::kGguf;
  for (const std::string& warning :
       {temperature_warning(what.config(), factors, gguf ? "llama.cpp" : "transformers"),
        gguf ? "" : transformers4_warning(what.config(), factors)}) {
    if (!warning.empty()) log_warning("{}: {}", path.string(), warning);
  }
}

void write_gguf(const Export& what) {
  export_gguf({.model = what.source.dir,
               .name = what.name,
               .tokenizer_folder = what.source.tokenizer_folder,
               .files = small_files(what),
               .factors = what.deployments.front(),
               .type = what.options.gguf_type(what.source.dir.dtype()),
               .replace = what.options.replace},
              what.options.target);
  report(what.options.target, what.deployments.front(), what);
}

// A model of no run keeps the card it came with.
std::vector<std::string> cards_of(const Export& what) {
  std::vector<std::string> cards;
  const fs::path& base = what.source.tokenizer_folder;
  if (!what.run && !base.empty() && fs::exists(base / "README.md")) return cards;
  for (const ExportFactors& factors : what.deployments) {
    std::vector<std::string> notes = use_words(what.options.format, factors, what.config());
    for (const TemperatureLoss& loss : what.losses) {
      if (loss.window == factors.max_length)
        notes.push_back(fmt::format("Loss of a text: {}.", words_for(loss)));
    }
    cards.push_back(model_card({.name = what.name,
                                .model = what.source.dir,
                                .factors = factors,
                                .run = what.run ? &*what.run : nullptr,
                                .command = what.options.command,
                                .notes = notes}));
  }
  return cards;
}

void write_hf(const Export& what) {
  const HfExport described{.model = what.source.dir,
                           .base = what.source.tokenizer_folder,
                           .files = small_files(what),
                           .deployments = what.deployments,
                           .cards = cards_of(what),
                           .dtype = what.options.dtype,
                           .replace = what.options.replace};
  const std::vector<fs::path> folders = export_hf(described, what.options.target);
  for (size_t i = 0; i < folders.size(); ++i) report(folders[i], what.deployments[i], what);
}

void report_losses(const Export& what) {
  for (const TemperatureLoss& loss : what.losses) std::cout << words_for(loss) << "\n";
  const bool measured = !what.options.text.pattern.empty();
  if (what.is_changed && !measured) {
    log_warning("the loss under the formula's attention temperature was not measured: --text FILE does that");
  }
  if (measured && what.losses.empty()) {
    std::cout << "every attention temperature is the formula's: there is nothing to measure\n";
  }
}

}  // namespace

void export_verb(const Arguments& arguments, MpiSession& job) {
  const std::optional<ExportOptions> options = read_export_options(arguments);
  if (!options) {
    if (job.world().rank() == 0) std::cout << help_text("export", export_page());
    return;
  }
  const Export what = prepare(*options, job);
  run_on_rank(job.world(), 0, [&] {
    options->format == ExportFormat::kGguf ? write_gguf(what) : write_hf(what);
    report_losses(what);
  });
}

}  // namespace ropeway
