// Places where long work may be abandoned, and who hears that a thread has come to one.
#pragma once

namespace ropeway {

// Nothing of this rank is in flight here, and all ranks that exchange data come to this place in the same order.
// Costs 20 ns where somebody listens, less elsewhere.
void stop_point();

class StopPoints {
 public:
  virtual ~StopPoints() = default;
  virtual void pass_point() = 0;  // may throw
};

// While it lives, stop_point() on this thread is points.pass_point(). Not nested.
class AtWork {
 public:
  explicit AtWork(StopPoints& points);
  ~AtWork();
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;
};

}  // namespace ropeway
