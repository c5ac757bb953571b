// How far the pass through the model has come that a thread computes: which block, which step of the ring, and
// how much of that step's attention. The engine and what it calls write it down as they go; a progress line, a
// board or a thread that watches reads it at any time. Nobody waits for anybody.
//
// To write, on the thread that computes:
//   PassProgress& progress = pass_of_this_thread();
//   progress.begin(PassPhase::kForward, layers);    the engine, per pass
//   progress.block(layer);                          the engine, per block
//   progress.ring_step(step, steps);                attention over ranks, per step
//   progress.part(work, works);                     where a step is several calls of a kernel
//   progress.expect(pairs); progress.add(pairs);    a kernel on the CPU, per tile
//   progress.end();                                 the engine
// To read, on any thread: take watch_this_thread() on the thread that computes, and from then on
//   if (const PassPlace place = watched->place(); place.phase != PassPhase::kNone) text_of(place)
// `beats` grows with everything that is written: a pass whose beats stand still does nothing, or waits.
//
// On a GPU a place is what has been queued there, not what is done. The parts of a place are read one after
// the other, so that one may be a step newer than the next.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace ropeway {

enum class PassPhase : uint8_t { kNone, kForward, kLoss, kBackward };

struct PassPlace {
  PassPhase phase = PassPhase::kNone;  // kNone: between two passes
  int64_t block = 0, blocks = 0;       // from 0, in the order in which they are computed; blocks 0: has none
  int64_t step = 0, steps = 0;         // of the ring, in this block
  double step_done = 0;                // share of the step's attention, 0 to 1
  uint64_t beats = 0;                  // since the thread began

  double done() const;  // share of the phase, 0 to 1
};

// "forward, block 3 of 30, ring step 2 of 4, 37%"; steps are said where there are several.
std::string text_of(const PassPlace& place);

// One thread writes.
class PassProgress {
 public:
  void begin(PassPhase phase, int64_t blocks) {
    set(blocks_, blocks);
    block(0);
    set(phase_, phase);
  }
  void block(int64_t index) {
    set(block_, index);
    ring_step(0, 1);
  }
  void ring_step(int64_t step, int64_t steps) {
    set(step_, step);
    set(steps_, steps);
    part(0, 1);
  }
  void part(int64_t part, int64_t parts) {
    set(part_, part);
    set(parts_, parts);
    expect(0);
  }
  void expect(int64_t work) {  // in any unit
    set(done_, int64_t{0});
    set(expected_, work);
    beat();
  }
  void add(int64_t work) {
    set(done_, done_.load(std::memory_order_relaxed) + work);
    beat();
  }
  void end() {
    set(phase_, PassPhase::kNone);
    beat();
  }

  PassPlace place() const;

 private:
  template <typename Value>
  static void set(std::atomic<Value>& to, Value value) {
    to.store(value, std::memory_order_relaxed);
  }
  void beat() { set(beats_, beats_.load(std::memory_order_relaxed) + 1); }

  std::atomic<PassPhase> phase_ = PassPhase::kNone;
  std::atomic<int64_t> block_ = 0, blocks_ = 0, step_ = 0, steps_ = 1, part_ = 0, parts_ = 1;
  std::atomic<int64_t> done_ = 0, expected_ = 0;  // of a part
  std::atomic<uint64_t> beats_ = 0;
};

PassProgress& pass_of_this_thread();
// The same, for a reader; it outlives the thread.
std::shared_ptr<const PassProgress> watch_this_thread();

// A phase of a pass, which ends with the scope, however that is left.
class PassScope {
 public:
  PassScope(PassPhase phase, int64_t blocks) : progress_(pass_of_this_thread()) {
    progress_.begin(phase, blocks);
  }
  ~PassScope() { progress_.end(); }
  PassScope(const PassScope&) = delete;
  PassScope& operator=(const PassScope&) = delete;
  void block(int64_t index) { progress_.block(index); }

 private:
  PassProgress& progress_;
};

}  // namespace ropeway
