// How far a long piece of work is: one line on a terminal, rewritten in place; on anything else a plain line
// every few seconds. Where nothing new is told for as long, the line is said again with how far the pass
// through the model has come that this thread computes (kernels/base/pass_progress.h). NO_COLOR is respected.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace ropeway {

class ProgressLine {
 public:
  // every: between two lines; by default 10 s, and on a terminal a tenth of a second, or 1 s where nothing new
  // is told.
  explicit ProgressLine(bool enabled, std::chrono::milliseconds every = {});
  ~ProgressLine();
  // "tune_2k  120/400  30%  loss 1.432  8.1k tok/s  eta 3m12s". To be called with what is done before the first
  // long piece begins: what is said meanwhile is this line.
  void update(const std::string& what, int64_t done, int64_t total, const std::string& details);
  void finish();
  // Ends it where it was only to show that something happens: what nobody has seen is not said, and on a terminal the
  // line goes.
  void drop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ropeway
