#include "trainer/formats/hf/companion_files.h"

#include <algorithm>
#include <array>
#include <optional>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "trainer/files/files.h"
#include "trainer/files/strict_json.h"
#include "trainer/formats/hf/hf_config_edit.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxCompanionBytes = 128 << 20;  // the largest tokenizer.json seen is a quarter of it

// Written anew, not copied.
bool is_of_the_model(const std::string& name) {
  return name == "config.json" || name == "rope_factors.json" || name == "model.safetensors.index.json" ||
         (name.starts_with("model") && name.ends_with(".safetensors"));
}

bool is_companion(const fs::directory_entry& entry, const std::string& name) {
  if (!entry.is_regular_file() || static_cast<int64_t>(entry.file_size()) > kMaxCompanionBytes) return false;
  if (name.starts_with('.') || name == "SHA256SUMS") return false;
  if (name == "state.json" || name == "manifest.json") return false;  // of a training checkpoint
  constexpr std::array kEndings = {".safetensors", ".bin", ".pt",   ".pth", ".pkl",    ".gguf",      ".h5",
                                   ".msgpack",     ".py",  ".onnx", ".npz", ".sha256", ".index.json"};
  return std::none_of(kEndings.begin(), kEndings.end(),
                      [&](const char* ending) { return name.ends_with(ending); });
}

// Where transformers looks for auto_map: tokenizer_config.json, preprocessor_config.json and the like. In a
// vocabulary (tokenizer.json, vocab.json) a key of that name would be a token.
bool is_settings_file(const std::string& name) { return name.ends_with("config.json"); }

void require_bounded(const std::string& json, const std::string& where) {
  const JsonLimits limits;
  if (static_cast<int64_t>(json.size()) > limits.max_bytes) {
    fail(ErrorKind::kBadData, "{}: {} bytes, at most {} are read", where, json.size(), limits.max_bytes);
  }
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') in_string = !in_string;
    if (in_string) {
      if (c == '\\') ++i;
      continue;
    }
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (depth > limits.max_depth) {
      fail(ErrorKind::kBadData, "{}: byte {}: nested more than {} levels deep", where, i, limits.max_depth);
    }
  }
}

// Leaves out a settings file that may name code and cannot be read, or is a trap: this copy may come at the end of days of training,
// which must not fail here.
std::optional<std::string> content_without_code(const fs::path& file, const std::string& name) {
  const std::string content = read_text_file(file);
  if (!is_settings_file(name)) return content;
  try {
    require_bounded(content, file.string());
    return without_auto_map(content, file.string());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kBadData) throw;
    log_warning("{}; it is left behind: it may name code to be run, or stop its next reader", error.what());
    return std::nullopt;
  }
}

}  // namespace

CompanionFiles read_companion_files(const fs::path& from) {
  if (!fs::is_directory(from)) {
    fail(ErrorKind::kMissingInput, "{}: is not a folder to copy from", from.string());
  }
  CompanionFiles found;
  for (const auto& entry : fs::directory_iterator(from)) {
    const std::string name = entry.path().filename().string();
    if (is_of_the_model(name)) continue;
    if (!is_companion(entry, name)) {
      found.left.push_back(entry.is_directory() ? name + "/" : name);
      continue;
    }
    if (std::optional<std::string> content = content_without_code(entry.path(), name)) {
      found.files.emplace(name, std::move(*content));
    } else {
      found.left.push_back(name);
    }
  }
  std::sort(found.left.begin(), found.left.end());
  return found;
}

void require_bounded_settings(const fs::path& from) {
  for (const auto& entry : fs::directory_iterator(from)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && is_settings_file(name))
      require_bounded(read_text_file(entry.path()), entry.path().string());
  }
}

void set_base_card_apart(std::map<std::string, std::string>& files) {
  auto card = files.extract("README.md");
  if (card.empty()) return;
  files["README.base.md"] = std::move(card.mapped());
}

std::vector<std::string> copy_companion_files(const fs::path& from, const fs::path& to) {
  const CompanionFiles found = read_companion_files(from);
  for (const auto& [name, content] : found.files) write_file_atomically(to / name, content);
  return found.left;
}

}  // namespace ropeway
