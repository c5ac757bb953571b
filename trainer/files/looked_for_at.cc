#include "trainer/files/looked_for_at.h"

namespace ropeway {

std::string looked_for_at(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::absolute(path, error).lexically_normal();
  return path.is_absolute() || error ? "" : ", looked for at " + whole.string();
}

}  // namespace ropeway
