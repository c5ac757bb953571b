#include "launch/kept_evaluation.h"

#include <system_error>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/exchange_values.h"
#include "trainer/files/files.h"

namespace ropeway {

namespace fs = std::filesystem;

KeptEvaluation::KeptEvaluation(const fs::path& folder, const std::string& command, Communicator& world,
                               const KeptFigures::Subject& subject) {
  const fs::path own = folder / sha256_of(command).substr(0, 16);
  if (!any_rank(world, world.rank() == 0 && take(own))) return;
  figures_.emplace(own / "figures.json", world, subject);
  benchmarks_.emplace(own / "benchmarks.json", world,
                      KeptEntries::Form{.format = "ropeway-benchmarks", .version = 1});
  pieces_.emplace(own / "cell.part", world);
}

KeptEvaluation::~KeptEvaluation() {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(own_, failed)) {
    if (!entry.path().filename().string().starts_with('.')) return;
  }
  if (!failed) remove();
}

bool KeptEvaluation::take(const fs::path& folder) {
  try {
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (failed) fail(ErrorKind::kCannotCreate, "{}: {}", folder.string(), failed.message());
    lock_.emplace(folder);
    own_ = folder;
    return true;
  } catch (const Error& error) {
    log_warning("{}; this evaluation cannot be resumed when it is interrupted", error.what());
    return false;
  }
}

void KeptEvaluation::remove() {
  if (own_.empty()) return;
  std::error_code ignored;
  fs::remove_all(own_, ignored);
  fs::remove(own_.parent_path(), ignored);  // where it was the only one
}

}  // namespace ropeway
