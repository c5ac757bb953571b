#include "trainer/formats/hf/companion_files.h"

#include <algorithm>
#include <array>

#include "kernels/base/error.h"
#include "trainer/files/files.h"
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
  constexpr std::array kEndings = {".safetensors", ".bin", ".pt",   ".pth", ".pkl",    ".gguf",      ".h5",
                                   ".msgpack",     ".py",  ".onnx", ".npz", ".sha256", ".index.json"};
  return std::none_of(kEndings.begin(), kEndings.end(),
                      [&](const char* ending) { return name.ends_with(ending); });
}

}  // namespace

std::vector<std::string> copy_companion_files(const fs::path& from, const fs::path& to) {
  if (!fs::is_directory(from)) {
    fail(ErrorKind::kMissingInput, "{}: is not a folder to copy from", from.string());
  }
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(from)) {
    const std::string name = entry.path().filename().string();
    if (is_of_the_model(name)) continue;
    if (!is_companion(entry, name)) {
      left.push_back(entry.is_directory() ? name + "/" : name);
      continue;
    }
    std::string content = read_text_file(entry.path());
    if (name == "tokenizer_config.json") content = without_auto_map(content, entry.path().string());
    write_file_atomically(to / name, content);
  }
  std::sort(left.begin(), left.end());
  return left;
}

}  // namespace ropeway
