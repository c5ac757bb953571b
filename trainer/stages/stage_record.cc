#include "trainer/stages/stage_record.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/checkpoint/checkpoint_load.h"
#include "trainer/checkpoint/checkpoint_manifest.h"
#include "trainer/files/files.h"
#include "trainer/files/json_fault.h"
#include "trainer/stages/hashing_progress.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Progress = RecordedStage::Progress;

fs::path begun_file(const fs::path& folder) { return folder / "begun.json"; }
fs::path done_file(const fs::path& folder) { return folder / "done.json"; }

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

Json read_json(const fs::path& file) {
  try {
    return Json::parse(read_text_file(file));
  } catch (const Json::exception& error) {
    fail(ErrorKind::kBadData, WayOut::kStartAnew, "{}: not as this program writes it: {}", file.string(),
         json_fault(error));
  }
}

// Something that a stage can go on from.
bool has_work(const fs::path& folder, StageKind kind) {
  std::error_code ignored;
  if (is_training(kind)) return !step_folders(folder / "checkpoints").empty();
  const fs::path file = folder / (is_searching(kind) ? "search.jsonl" : "figures.json");
  return fs::file_size(file, ignored) > 0 && is_there(file);
}

int64_t newest_step(const fs::path& folder) {
  const std::vector<int64_t> steps = list_checkpoints(folder / "checkpoints");
  return steps.empty() ? 0 : steps.back();
}

void read_common(const Json& json, const std::string& where, RecordedStage& record) {
  record.identity = identity_from_json(json.at("identity").dump(), where);
  record.went_back_to = json.value("went_back_to", int64_t{-1});
  record.earlier_bindings = json.value("earlier_bindings", std::vector<std::string>{});
}

std::vector<fs::path> result_files(const fs::path& folder, StageKind kind) {
  if (is_searching(kind)) return {folder / "factors.json"};
  std::vector<fs::path> files;
  bool has_weights = false;
  std::error_code error;
  for (fs::directory_iterator entry(folder / "model", error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path& path = entry->path();
    const bool is_read = path.extension() == ".safetensors" || path.filename() == "config.json" ||
                         path.filename() == "rope_factors.json";
    if (is_read) files.push_back(path);
    has_weights = has_weights || path.extension() == ".safetensors";
  }
  if (!has_weights) return {};
  std::ranges::sort(files);
  return files;
}

}  // namespace

std::string result_of(const fs::path& folder, StageKind kind, FileHashes& hashes, const RunReport& report) {
  if (kind == StageKind::kEvaluate) return sha256_of(report_text(report));
  const std::vector<fs::path> files = result_files(folder, kind);
  const std::vector<std::string> found = hashes.of(files, HashingProgress(folder.string()));
  std::string text;
  for (size_t i = 0; i < files.size(); ++i) {
    if (found[i].empty()) return "";
    text += fmt::format("{} {}\n", found[i], files[i].filename().string());
  }
  return text.empty() ? "" : sha256_of(text);
}

RecordedStage read_stage_record(const fs::path& folder, StageKind kind, FileHashes& hashes) {
  RecordedStage record;
  const bool done = is_there(done_file(folder));
  const fs::path file = done ? done_file(folder) : begun_file(folder);
  if (!is_there(file)) return record;
  const Json json = read_json(file);
  if (!json.contains("identity")) return record;
  if (!done && !has_work(folder, kind)) return record;
  try {
    read_common(json, file.string(), record);
    record.result = json.value("result", "");
  } catch (const Json::exception& error) {
    fail(ErrorKind::kBadData, WayOut::kStartAnew, "{}: not as this program writes it: {}", file.string(),
         json_fault(error));
  }
  record.progress = done ? Progress::kDone : Progress::kBegun;
  if (is_training(kind)) record.steps = newest_step(folder);
  if (done) {
    record.result_now = kind == StageKind::kEvaluate ? record.result : result_of(folder, kind, hashes);
  }
  return record;
}

bool is_without_identity(const fs::path& folder, StageKind kind) {
  if (is_there(done_file(folder))) return !read_json(done_file(folder)).contains("identity");
  return !is_there(begun_file(folder)) && has_work(folder, kind);
}

void write_begun_record(const fs::path& folder, const BegunStage& begun) {
  Json json{{"identity", Json::parse(identity_to_json(begun.identity))}};
  if (begun.went_back_to >= 0) json["went_back_to"] = begun.went_back_to;
  if (!begun.earlier_bindings.empty()) json["earlier_bindings"] = begun.earlier_bindings;
  write_file_atomically(begun_file(folder), json.dump(1) + "\n");
  if (!is_there(done_file(folder))) return;
  std::error_code error;
  fs::remove(done_file(folder), error);
  if (error) fail(ErrorKind::kIo, "{}: {}", done_file(folder).string(), error.message());
  fsync_path(folder);
}

void write_done_record(const fs::path& folder, const DoneStage& done) {
  Json json{{"stage", done.stage.name},
            {"kind", done.stage.kind},
            {"seconds", done.stage.seconds},
            {"ranks", done.stage.ranks}};
  for (const auto& [key, value] : done.stage.numbers) json[key] = value;
  if (done.went_back_to >= 0) json["went_back_to"] = done.went_back_to;
  json["result"] = done.result;
  json["identity"] = Json::parse(identity_to_json(done.identity));
  json["report"] = Json::parse(report_text(done.report));
  write_file_atomically(done_file(folder), json.dump(1) + "\n");
}

RunReport recorded_report(const fs::path& folder) {
  const Json json = read_json(done_file(folder));
  return json.contains("report") ? report_from_text(json["report"].dump(), done_file(folder).string())
                                 : RunReport{};
}

void complete_done_record(const fs::path& folder, const StageIdentity& identity, const std::string& result) {
  Json json = read_json(done_file(folder));
  json["result"] = result;
  json["identity"] = Json::parse(identity_to_json(identity));
  write_file_atomically(done_file(folder), json.dump(1) + "\n");
}

}  // namespace ropeway
