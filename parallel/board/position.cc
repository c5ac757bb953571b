#include "parallel/board/position.h"

#include <fmt/format.h>

#include <chrono>
#include <mutex>
#include <set>

namespace ropeway {
namespace {

std::atomic<const Position*> g_of_process{nullptr};

// Names live as long as the process: a reader may look at one at any time.
const char* kept(const std::string& name) {
  static std::mutex mutex;
  static auto& names = *new std::set<std::string>;
  const std::lock_guard lock(mutex);
  return names.insert(name).first->c_str();
}

constexpr double kNanosecond = 1e-9;

}  // namespace

const char* word_of(Phase phase) {
  switch (phase) {
    case Phase::kStart:
      return "start";
    case Phase::kLoading:
      return "loading";
    case Phase::kSearch:
      return "search";
    case Phase::kTraining:
      return "training";
    case Phase::kEvaluation:
      return "evaluation";
    case Phase::kSaving:
      return "saving";
  }
  return "";
}

std::string text_of(const Place& place) {
  if (place.phase == Phase::kStart) return "";
  std::string text = word_of(place.phase);
  if (*place.stage != '\0') text += fmt::format(" of {}", place.stage);
  if (place.step > 0) text += fmt::format(", step {}", place.step);
  if (place.pass.phase != PassPhase::kNone) text += ", " + text_of(place.pass);
  return text;
}

int64_t Position::clock() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Position& Position::here() {
  thread_local Position position;
  return position;
}

const Position* Position::of_process() { return g_of_process.load(std::memory_order_acquire); }
void Position::adopt() const { g_of_process.store(this, std::memory_order_release); }

void Position::enter(Phase phase) {
  phase_.store(phase, std::memory_order_relaxed);
  step_.store(0, std::memory_order_relaxed);
  steps_begun_.store(0, std::memory_order_relaxed);
  moved();
}

void Position::set_stage(const std::string& name) {
  stage_.store(kept(name), std::memory_order_relaxed);
  moved();
}

void Position::set_step(int64_t step) {
  step_.store(step, std::memory_order_relaxed);
  steps_begun_.fetch_add(1, std::memory_order_relaxed);
  moved();
}

void Position::tick() { moved(); }

Place Position::now() const {
  const int64_t clock_now = clock();
  const auto seconds_since = [&](int64_t then) {
    return kNanosecond * static_cast<double>(clock_now > then ? clock_now - then : 0);
  };
  Place place{.phase = phase(),
              .stage = stage_.load(std::memory_order_relaxed),
              .step = step_.load(std::memory_order_relaxed),
              .first_step = steps_begun_.load(std::memory_order_relaxed) <= 1,
              .pass = pass_->place(),
              .waits_in = waits_in_.load(std::memory_order_acquire),
              .seconds_here = seconds_since(moved_at_.load(std::memory_order_relaxed)),
              .seconds_waiting = 0};
  if (place.waits_in != nullptr)
    place.seconds_waiting = seconds_since(waits_since_.load(std::memory_order_relaxed));
  return place;
}

double Position::seconds_waited(WaitFor what) const {
  return kNanosecond *
         static_cast<double>(waited_[static_cast<size_t>(what)].load(std::memory_order_relaxed));
}

InPhase::InPhase(Phase phase) : before_(Position::here().now()) {
  Position::here().enter(phase);
  Position::here().failed_in_.clear();
}

InPhase::~InPhase() {
  Position& position = Position::here();
  if (exceptions_.passing() && position.failed_in_.empty()) {
    position.failed_in_ = text_of(position.now());
  }
  position.enter(before_.phase);
  if (before_.step == 0) return;
  position.set_step(before_.step);
  if (!before_.first_step) position.set_step(before_.step);
}

Waiting::Waiting(WaitFor what, const char* verb) : position_(&Position::here()), what_(what) {
  if (position_->waits_in_.load(std::memory_order_relaxed) != nullptr) {
    position_ = nullptr;
    return;
  }
  position_->waits_since_.store(Position::clock(), std::memory_order_relaxed);
  position_->waits_in_.store(verb, std::memory_order_release);
}

Waiting::~Waiting() {
  if (position_ == nullptr) return;
  const int64_t end = Position::clock();
  position_->waited_[static_cast<size_t>(what_)].fetch_add(
      end - position_->waits_since_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  position_->waits_in_.store(nullptr, std::memory_order_relaxed);
  position_->moved_at_.store(end, std::memory_order_relaxed);
}

}  // namespace ropeway
