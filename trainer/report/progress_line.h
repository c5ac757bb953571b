// How far a long piece of work is: one line on a terminal, rewritten in place; on anything else a plain line
// every few seconds. NO_COLOR is respected.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace ropeway {

class ProgressLine {
 public:
  explicit ProgressLine(bool enabled);
  ~ProgressLine();
  // "tune_2k  120/400  30%  loss 1.432  8.1k tok/s  eta 3m12s"
  void update(const std::string& what, int64_t done, int64_t total, const std::string& details);
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ropeway
