#include "trainer/plan/out_of_memory.h"

#include <exception>

namespace ropeway {
namespace {

std::string text_of(const std::string& who, const std::string& cause, const MemoryParts& parts) {
  return fmt::format("{}: out of memory ({}); it needs about {} per rank: {}", who, cause,
                     bytes_text(parts.total()), parts_text(parts));
}

}  // namespace

OutOfMemory::OutOfMemory(const std::string& who, const std::string& cause, const ModelConfig& config,
                         const EnginePlan& plan, const std::vector<Knob>& knobs)
    : Error(ErrorKind::kMemory, text_of(who, cause, plan_memory(config, plan).parts)), who_(who) {
  const int64_t goal = plan_memory(config, plan).parts.total() / 4 * 3;
  suggestions_ = ropeway::suggestions({config, plan, goal, knobs});
}

void or_out_of_memory(const MemoryUser& user, const std::function<void()>& work) {
  Failure failure;
  try {
    return work();
  } catch (...) {
    failure = failure_of(std::current_exception());
    if (failure.kind != ErrorKind::kMemory) throw;
  }
  throw OutOfMemory(user.who, failure.cause, user.config, user.plan, user.knobs);
}

}  // namespace ropeway
