#include "launch/describe_stage.h"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "kernels/base/error.h"
#include "launch/describe_model.h"
#include "trainer/checkpoint/checkpoint_load.h"
#include "trainer/files/strict_json.h"
#include "trainer/rope/factor_file.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

// Numbers and texts of the done record, a line each.
std::string record_text(const fs::path& file) {
  const JsonValue record = read_strict_json(file);
  std::string text;
  for (const std::string& key : record.keys()) {
    const JsonValue value = record.at(key);
    if (value.is_string()) {
      text += fmt::format("  {:<28} {}\n", key, value.string());
    } else if (!value.is_object() && !value.is_array() && !value.is_null() && !value.is_true() &&
               !value.is_false()) {
      text += fmt::format("  {:<28} {:.10g}\n", key, value.number());
    }
  }
  return text;
}

// Candidates of a search and the best of them, by the loss on the ranking documents.
std::string candidates_text(const fs::path& file) {
  int64_t candidates = 0;
  double best = std::numeric_limits<double>::infinity();
  std::string origin;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    const JsonValue candidate = parse_strict_json(line, file.string());
    const auto fitness = candidate.find("fitness");
    if (!fitness) continue;
    ++candidates;
    if (fitness->number() >= best) continue;
    best = fitness->number();
    const auto name = candidate.find("origin");
    origin = name ? name->string() : "";
  }
  if (candidates == 0) return "";
  return fmt::format("  {} candidates; the best by rank: {} ({:.6g} nats per token)\n", candidates, origin,
                     best);
}

}  // namespace

bool is_stage_folder(const fs::path& path) {
  const fs::path real = fs::weakly_canonical(path);
  const fs::path folder = real.has_filename() ? real : real.parent_path();
  return folder.parent_path().filename() == "stages" &&
         fs::exists(folder.parent_path().parent_path() / "recipe.yaml");
}

std::string describe_stage(const fs::path& path) {
  const bool done = fs::exists(path / "done.json");
  std::string text = fmt::format("{}: stage, {}\n", path.string(), done ? "finished" : "not finished");
  if (done) text += record_text(path / "done.json");
  if (fs::exists(path / "checkpoints")) {
    text +=
        fmt::format("  checkpoints of steps {}\n", fmt::join(list_checkpoints(path / "checkpoints"), ", "));
  }
  if (fs::exists(path / "search.jsonl")) text += candidates_text(path / "search.jsonl");
  if (fs::exists(path / "factors.json")) {
    const FactorFile file = read_factor_file(path / "factors.json");
    text += describe_sets(file.sets, file.weights);
  }
  return text;
}

}  // namespace ropeway
