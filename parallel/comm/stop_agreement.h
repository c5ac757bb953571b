// How the ranks of a job agree to stop, though a request may reach one of them alone and a step may take
// minutes.
//
// A thread per rank, on a group of its own, asks all ranks ten times a second whether one of them wants to
// stop. When one does, work that is inside abandonable() is given `patience` to come to its end, and is then
// abandoned at one of its stop points. Ranks that exchange data must all leave at the same point, or one waits
// for ever for what the other does not send. So the points are counted: the threads hold their ranks at the next
// point, agree on the highest number that any rank has passed, and let them go on to the one after it. No rank
// can have passed that point, and every rank comes to it, because up to there all of them work. On the way
// to it they exchange what they always do, but kernels return at once (kernels/base/unwanted_work.h): two
// points may lie a ring step's attention apart.
//
//   for (...) {
//     stop.abandonable([&] { forward_backward(); });   // calls stop_point() between blocks and ring steps
//     all_reduce(gradients);
//     if (any_rank(world, stop.agreed())) break;
//   }
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "kernels/base/error.h"
#include "kernels/base/exception_watch.h"
#include "parallel/comm/communicator.h"
#include "parallel/comm/stop_point.h"

namespace ropeway {

// Thrown out of abandonable(), on every rank or on none. What the work had made so far is not to be used.
class Abandoned : public Error {
 public:
  Abandoned() : Error(ErrorKind::kStopped, "stopped on request") {}
};

class StopAgreement : private StopPoints {
 public:
  enum class Reason : uint8_t { kNone, kRequest, kDeadline };
  struct Options {
    std::function<bool()> asked = {};  // of this rank; from the thread, must not block
    std::chrono::duration<double> period{0.1}, patience{0.25};
    // Called by the thread, on every rank: when a stop is agreed, with the seconds that saving is expected to take, 0
    // outside a Hold; and `grace` later, if there is no Hold and the rank has not come to closing().
    std::function<void(double saving_seconds)> when_agreed = {};
    std::function<void()> overdue = {};
    std::chrono::duration<double> grace{1.0};
    // When somebody has measured how long a save takes.
    std::function<void(double seconds)> saving_measured = {};
  };

  // Collective, and so is the destructor, unless an exception passes.
  StopAgreement(Communicator& world, Options options);
  ~StopAgreement() override;
  StopAgreement(const StopAgreement&) = delete;
  StopAgreement& operator=(const StopAgreement&) = delete;

  bool agreed() const { return reason() != Reason::kNone; }  // from some moment on, on every rank
  Reason reason() const;

  // Work of all ranks that may be abandoned. Throws Abandoned.
  void abandonable(const std::function<void()>& work);

  // The rank ends by itself, however long it takes, because there is something to save.
  class Hold {
   public:
    explicit Hold(StopAgreement* stop) : stop_(stop) { change(1); }
    ~Hold() { change(-1); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    void change(int by);
    StopAgreement* stop_;
  };
  bool held() const;
  void closing();  // the work is over: nothing is overdue any more

  // The job ends at that time: a stop is asked for `reserve` before it, or earlier where saving takes longer.
  void set_deadline(std::chrono::steady_clock::time_point end, std::chrono::duration<double> reserve);
  void expect_saving(double seconds, bool measured);
  double expected_saving() const;

 private:
  // (sections entered or left, points since) as one number that grows.
  using Number = int64_t;
  void pass_point() override { pass(false); }
  void pass(bool new_section);
  void spare_unwanted_work();
  class InSection;
  void run();
  bool watch();  // until a stop is agreed (true) or all ranks are done
  void agree_on_target();
  void wait_out_grace();
  Reason own_reason();

  std::unique_ptr<Communicator> group_;
  const Options options_;
  const ExceptionWatch exceptions_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Reason reason_ = Reason::kNone;
  Number passed_ = 0;                      // by the working thread
  std::optional<Number> target_;           // to be abandoned at or after it
  std::atomic<bool>* unwanted_ = nullptr;  // unwanted_work() of the thread that is in abandonable()
  bool frozen_ = false;                    // the target is being agreed on
  bool done_ = false, failed_ = false, closing_ = false;
  int holds_ = 0;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  std::chrono::duration<double> reserve_{0};
  double saving_seconds_ = 0;
  std::thread thread_;
};

}  // namespace ropeway
