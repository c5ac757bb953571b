// What a rank is at: stage, phase and step, how far its pass is (kernels/base/pass_progress.h), and what it waits
// for. The thread that computes writes it as it goes, in relaxed stores; the watch over hanging ranks
// (hang_watch.h) and the handler of a fatal signal read it from outside. Every thread has a position of its own,
// so thread ranks do not meet.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "kernels/base/exception_watch.h"
#include "kernels/base/pass_progress.h"

namespace ropeway {

enum class Phase : int32_t { kStart, kLoading, kSearch, kTraining, kEvaluation, kSaving };
// "training": with static storage, so a signal handler may print it.
const char* word_of(Phase phase);

// What a wait is for: other ranks in a collective verb, or keys and gradients that travel round the ring.
enum class WaitFor { kRanks, kRing };

// A copy of a position.
struct Place {
  Phase phase = Phase::kStart;
  const char* stage = "";  // the recipe's name for it; static
  int64_t step = 0;        // of training, candidate of a search, window of an evaluation; 0: none yet
  bool first_step = true;  // no step of this phase has ended in this process
  PassPlace pass;
  const char* waits_in = nullptr;  // the verb; static. Null: it works
  double seconds_here = 0;         // since it entered a phase or step, ended a wait, or called tick()
  double seconds_waiting = 0;
};
// "training of tune, step 12, backward, block 3 of 30, ring step 2 of 4, 37%"; "" before any work has begun.
std::string text_of(const Place& place);

class Position {
 public:
  static Position& here();  // of the calling thread
  // The position of the thread that computes for this process, for signal handlers; null before adopt().
  static const Position* of_process();
  void adopt() const;

  void enter(Phase phase);  // steps start anew
  void set_stage(const std::string& name);
  void set_step(int64_t step);
  void tick();  // there is progress within the step, such as a written block of a file

  Phase phase() const { return phase_.load(std::memory_order_relaxed); }
  Place now() const;
  // Where the exception came from that last passed a phase (InPhase); "": none did.
  const std::string& failed_in() const { return failed_in_; }
  // That this thread has waited since it began.
  double seconds_waited(WaitFor what) const;

 private:
  friend class InPhase;
  friend class Waiting;
  static int64_t clock();  // nanoseconds of the steady clock
  void moved() { moved_at_.store(clock(), std::memory_order_relaxed); }

  std::atomic<Phase> phase_{Phase::kStart};
  std::atomic<const char*> stage_{""};
  std::atomic<int64_t> step_{0};
  std::atomic<int32_t> steps_begun_{0};
  std::atomic<int64_t> moved_at_{clock()};
  std::atomic<const char*> waits_in_{nullptr};
  std::atomic<int64_t> waits_since_{0};
  std::atomic<int64_t> waited_[2] = {0, 0};
  const std::shared_ptr<const PassProgress> pass_ = watch_this_thread();
  std::string failed_in_;  // for this thread alone
};

// In a phase for as long as it lives; then back in the one before.
class InPhase {
 public:
  explicit InPhase(Phase phase);
  ~InPhase();
  InPhase(const InPhase&) = delete;
  InPhase& operator=(const InPhase&) = delete;

 private:
  const Place before_;
  const ExceptionWatch exceptions_;
};

// The calling thread waits for other ranks for as long as it lives. Within another one it changes nothing.
class Waiting {
 public:
  Waiting(WaitFor what, const char* verb);  // verb: static
  ~Waiting();
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  Position* position_;  // null: within another one
  WaitFor what_;
};

}  // namespace ropeway
