#include "trainer/checkpoint/background_save.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "kernels/base/error.h"
#include "kernels/base/seconds_since.h"

namespace ropeway {
namespace {

// The work comes first where cores are few: mpirun binds the ranks of small jobs to a single core. On Linux this
// is of the calling thread alone.
void give_way() { setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 5); }

}  // namespace

BackgroundSave::BackgroundSave(Communicator& world) : group_(world.split(0, world.rank())) {}

BackgroundSave::~BackgroundSave() {
  // Even where an exception passes: what was begun is worth having. The others' threads do their part, or the
  // job is being ended.
  if (thread_.joinable()) thread_.join();
}

void BackgroundSave::start(const std::filesystem::path& folder, CheckpointContent content,
                           const Retention& retention) {
  ROPEWAY_CHECK(!in_flight(), "a checkpoint is being saved already");
  ended_ = false;
  error_ = nullptr;
  thread_ = std::thread([this, folder, content = std::move(content), retention] {
    give_way();
    const auto begin = std::chrono::steady_clock::now();
    try {
      save_checkpoint(*group_, folder, content, retention);
    } catch (...) {
      error_ = std::current_exception();
    }
    seconds_ = seconds_since(begin);
    ended_ = true;
  });
}

void BackgroundSave::finish() {
  if (!in_flight()) return;
  thread_.join();
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

}  // namespace ropeway
