// Work that found no memory: what it needs, and what would need less.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kernels/base/error.h"
#include "trainer/plan/suggestions.h"

namespace ropeway {

// kMemory. "stage tune: out of memory (...); it needs about 31.2 GiB per rank: weights ...": how much memory
// is left is unknown by then. What to change is data.
class OutOfMemory : public Error {
 public:
  // who: does the work, "stage tune"; cause: the allocation's error; knobs: that the user has.
  OutOfMemory(const std::string& who, const std::string& cause, const ModelConfig& config,
              const EnginePlan& plan, const std::vector<Knob>& knobs);
  const std::string& who() const { return who_; }
  // Aims at three quarters of what was asked for: less would not be worth a change.
  const std::vector<Suggestion>& suggestions() const { return suggestions_; }

 private:
  std::string who_;
  std::vector<Suggestion> suggestions_;
};

// Whose memory runs out. The plan is read only then, and may be made by the work itself.
struct MemoryUser {
  std::string who;
  const ModelConfig& config;
  const EnginePlan& plan;
  std::vector<Knob> knobs;
};
// Does the work; throws OutOfMemory where it finds no memory.
void or_out_of_memory(const MemoryUser& user, const std::function<void()>& work);

}  // namespace ropeway
