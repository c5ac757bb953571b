#include "kernels/base/pass_progress.h"

#include <fmt/format.h>

#include <algorithm>

namespace ropeway {
namespace {

const std::shared_ptr<PassProgress>& own_progress() {
  thread_local const auto progress = std::make_shared<PassProgress>();
  return progress;
}

const char* word_of(PassPhase phase) {
  switch (phase) {
    case PassPhase::kNone:
      return "";
    case PassPhase::kForward:
      return "forward";
    case PassPhase::kLoss:
      return "loss";
    case PassPhase::kBackward:
      return "backward";
  }
  return "";
}

double share(double done, int64_t of) {
  return of > 0 ? std::clamp(done / static_cast<double>(of), 0.0, 1.0) : 0;
}

}  // namespace

double PassPlace::done() const {
  return share(static_cast<double>(block) + share(static_cast<double>(step) + step_done, steps), blocks);
}

std::string text_of(const PassPlace& place) {
  std::string text = word_of(place.phase);
  if (place.phase == PassPhase::kNone || place.blocks == 0) return text;
  text += fmt::format(", block {} of {}", place.block + 1, place.blocks);
  if (place.steps > 1) text += fmt::format(", ring step {} of {}", place.step + 1, place.steps);
  return text + fmt::format(", {:.0f}%", 100 * place.done());
}

PassPlace PassProgress::place() const {
  const auto get = [](const auto& value) { return value.load(std::memory_order_relaxed); };
  PassPlace place{.phase = get(phase_),
                  .block = get(block_),
                  .blocks = get(blocks_),
                  .step = get(step_),
                  .steps = get(steps_),
                  .beats = get(beats_)};
  const double of_part = share(static_cast<double>(get(done_)), get(expected_));
  place.step_done = share(static_cast<double>(get(part_)) + of_part, get(parts_));
  return place;
}

PassProgress& pass_of_this_thread() { return *own_progress(); }

std::shared_ptr<const PassProgress> watch_this_thread() { return own_progress(); }

}  // namespace ropeway
