#include "trainer/checkpoint/checkpoint_manifest.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/files/output_file.h"
#include "trainer/files/strict_json.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFormat = "ropeway-checkpoint";
constexpr int64_t kVersion = 1;
constexpr const char* kStepPrefix = "step-";

bool is_hex(const std::string& text, size_t length) {
  return text.size() == length && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name.front() != '.' && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos && name.find('\n') == std::string::npos;
}

CheckpointFile file_from_json(const JsonValue& json) {
  json.require_known_keys({"name", "bytes", "sha256"});
  CheckpointFile file;
  file.name = json.at("name").string();
  if (!is_plain_name(file.name)) json.at("name").refuse("a plain file name");
  file.bytes = json.at("bytes").integer(0, INT64_MAX);
  file.sha256 = json.at("sha256").string();
  if (!is_hex(file.sha256, 64)) json.at("sha256").refuse("64 lower-case hexadecimal digits");
  return file;
}

}  // namespace

CheckpointManifest manifest_from_json(const std::string& text, const std::string& where) {
  const JsonValue json = parse_strict_json(text, where, {.max_bytes = 64 << 20});
  const JsonValue format = json.at("format");
  if (format.string() != kFormat) format.refuse(fmt::format("\"{}\"", kFormat));
  const JsonValue version = json.at("version");
  if (version.integer(1, INT64_MAX) != kVersion) {
    version.refuse(fmt::format("format version {}, the one this program reads and writes", kVersion));
  }
  json.require_known_keys({"format", "version", "uuid", "step", "world_size", "recipe_sha256",
                           "optimizer_total", "files", "optimizer_shards"});
  CheckpointManifest manifest;
  manifest.uuid = json.at("uuid").string();
  manifest.step = json.at("step").integer(0, INT64_MAX);
  manifest.world_size = json.at("world_size").integer(1, 1 << 20);
  manifest.recipe_sha256 = json.at("recipe_sha256").string();
  manifest.optimizer_total = json.at("optimizer_total").integer(0, INT64_MAX);
  const JsonValue files = json.at("files");
  std::set<std::string> names;
  for (int64_t i = 0; i < files.size(); ++i) {
    manifest.files.push_back(file_from_json(files.at(i)));
    if (!names.insert(manifest.files.back().name).second)
      files.at(i).at("name").refuse("a name that occurs once");
  }
  for (const char* needed : {"weights.safetensors", "state.json"}) {
    if (!names.contains(needed)) files.refuse(fmt::format("an entry for {}", needed));
  }
  const JsonValue shards = json.at("optimizer_shards");
  int64_t covered = 0;
  for (int64_t i = 0; i < shards.size(); ++i) {
    const JsonValue entry = shards.at(i);
    entry.require_known_keys({"file", "begin", "end"});
    OptimizerShardFile shard;
    shard.file = entry.at("file").string();
    if (!names.contains(shard.file)) entry.at("file").refuse("one of the files");
    shard.begin = entry.at("begin").integer(covered, covered);
    shard.end = entry.at("end").integer(covered, manifest.optimizer_total);
    covered = shard.end;
    manifest.shards.push_back(std::move(shard));
  }
  if (covered != manifest.optimizer_total) {
    shards.refuse(
        fmt::format("shards that cover 0 to {}, they end at {}", manifest.optimizer_total, covered));
  }
  return manifest;
}

std::string manifest_to_json(const CheckpointManifest& manifest) {
  nlohmann::ordered_json json;
  json["format"] = kFormat;
  json["version"] = kVersion;
  json["uuid"] = manifest.uuid;
  json["step"] = manifest.step;
  json["world_size"] = manifest.world_size;
  json["recipe_sha256"] = manifest.recipe_sha256;
  json["optimizer_total"] = manifest.optimizer_total;
  json["files"] = nlohmann::ordered_json::array();
  for (const CheckpointFile& file : manifest.files) {
    json["files"].push_back({{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  json["optimizer_shards"] = nlohmann::ordered_json::array();
  for (const OptimizerShardFile& shard : manifest.shards) {
    json["optimizer_shards"].push_back({{"file", shard.file}, {"begin", shard.begin}, {"end", shard.end}});
  }
  return json.dump(1) + "\n";
}

std::string sha256sums_of(const CheckpointManifest& manifest, const std::string& manifest_json) {
  std::string text;
  for (const CheckpointFile& file : manifest.files) text += fmt::format("{}  {}\n", file.sha256, file.name);
  return text + fmt::format("{}  manifest.json\n", sha256_of(manifest_json));
}

CheckpointManifest read_verified_manifest(const fs::path& folder, bool hashes) {
  const fs::path manifest_path = folder / "manifest.json", sums_path = folder / "SHA256SUMS";
  const std::string manifest_json = read_text_file(manifest_path);
  const std::string sums = read_text_file(sums_path);
  // The hash first: it names a damaged manifest as such, whatever the damage makes it say.
  const std::string own_line = fmt::format("{}  manifest.json\n", sha256_of(manifest_json));
  if (!sums.ends_with(own_line)) {
    fail(ErrorKind::kBadData, "{}: its SHA-256 is {}, and that is not what {} says", manifest_path.string(),
         own_line.substr(0, 64), sums_path.string());
  }
  CheckpointManifest manifest = manifest_from_json(manifest_json, manifest_path.string());
  if (sums != sha256sums_of(manifest, manifest_json)) {
    fail(ErrorKind::kBadData, "{}: does not say the same as {}", sums_path.string(), manifest_path.string());
  }
  const int64_t named = step_of_name(folder.filename().string());
  if (named >= 0 && named != manifest.step) {
    fail(ErrorKind::kBadData, "{}: is of step {}", manifest_path.string(), manifest.step);
  }
  for (const CheckpointFile& file : manifest.files) {
    const fs::path path = folder / file.name;
    std::error_code error;
    const auto bytes = static_cast<int64_t>(fs::file_size(path, error));
    if (error) fail(ErrorKind::kMissingInput, "{}: {}", path.string(), error.message());
    if (bytes != file.bytes) {
      fail(ErrorKind::kBadData, "{}: has {} bytes, the manifest says {}", path.string(), bytes, file.bytes);
    }
  }
  if (hashes) {
    for (const CheckpointFile& file : manifest.files) {
      const std::string sha256 = sha256_of_file(folder / file.name);
      if (sha256 != file.sha256) {
        fail(ErrorKind::kBadData, "{}: its SHA-256 is {}, the manifest says {}",
             (folder / file.name).string(), sha256, file.sha256);
      }
    }
  }
  return manifest;
}

bool is_name_of_companion(const std::string& name) {
  const bool is_own = name == "state.json" || name == "manifest.json" || name == "SHA256SUMS" ||
                      name.ends_with(".safetensors");
  return is_plain_name(name) && !is_own;
}

int64_t step_of_name(const std::string& name) {
  if (!name.starts_with(kStepPrefix)) return -1;
  const char* begin = name.data() + std::string_view(kStepPrefix).size();
  const char* end = name.data() + name.size();
  int64_t step = -1;
  const auto [stop, error] = std::from_chars(begin, end, step);
  // from_chars would take a minus sign.
  if (begin == end || *begin == '-' || error != std::errc() || stop != end) return -1;
  return step;
}

std::string name_of_step(int64_t step) { return fmt::format("{}{:06}", kStepPrefix, step); }

bool is_temporary_name(const std::string& name) {
  const size_t at = name.find(".tmp-");
  if (at == std::string::npos || step_of_name(name.substr(0, at)) < 0) return false;
  std::string uuid = name.substr(at + 5);
  if (uuid.ends_with(".old")) uuid.resize(uuid.size() - 4);
  return is_uuid(uuid);
}

std::vector<fs::path> step_folders(const fs::path& folder) {
  std::vector<std::pair<int64_t, fs::path>> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const int64_t step = step_of_name(it->path().filename().string());
    std::error_code ignored;
    if (step >= 0 && it->is_directory(ignored)) found.emplace_back(step, it->path());
  }
  std::sort(found.begin(), found.end());
  std::vector<fs::path> paths;
  for (auto& [step, path] : found) paths.push_back(std::move(path));
  return paths;
}

}  // namespace ropeway
