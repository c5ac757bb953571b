#include "trainer/data/file_pattern.h"

#include <algorithm>
#include <string_view>
#include <system_error>

#include "kernels/base/error.h"
#include "trainer/files/looked_for_at.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

// Linear: after a mismatch only the last '*' can usefully take one more character.
bool matches(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0, star = std::string_view::npos, star_end = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_end = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_end;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

std::vector<fs::path> expand_file_pattern(const std::string& pattern) {
  const fs::path path(pattern);
  const std::string name_pattern = path.filename().string();
  if (path.parent_path().string().find('*') != std::string::npos) {
    fail(ErrorKind::kConfig, "'{}': '*' is only understood in the file name, not in the folder", pattern);
  }
  std::error_code error;
  if (name_pattern.find('*') == std::string::npos) {
    const fs::file_status status = fs::status(path, error);
    if (fs::is_directory(status)) {
      fail(ErrorKind::kMissingInput, "'{}' is a folder, wanted a file or a pattern such as '{}'", pattern,
           (path / "*.txt").string());
    }
    if (!fs::exists(status))
      fail(ErrorKind::kMissingInput, "'{}': no such file{}", pattern, looked_for_at(path));
    return {path};
  }

  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::vector<fs::path> found;
  fs::directory_iterator it(folder, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with('.') && !name_pattern.starts_with('.')) continue;
    std::error_code status_error;
    if (matches(name_pattern, name) && it->is_regular_file(status_error)) {
      found.push_back(path.has_parent_path() ? it->path() : fs::path(name));
    }
  }
  if (error) {
    fail(ErrorKind::kMissingInput, "'{}': cannot list folder '{}': {}", pattern, folder.string(),
         error.message());
  }
  if (found.empty()) fail(ErrorKind::kMissingInput, "'{}': no file matches{}", pattern, looked_for_at(path));
  std::sort(found.begin(), found.end(),
            [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  return found;
}

}  // namespace ropeway
