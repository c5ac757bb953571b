// What a stage that evaluates says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/config/choices.h"
#include "trainer/config/data_choices.h"

namespace ropeway {

enum class EvaluateTask { kPerplexity, kPasskey };
template <>
struct ChoiceTable<EvaluateTask> {
  using enum EvaluateTask;
  static constexpr Choice<EvaluateTask> choices[] = {{kPerplexity, "perplexity"}, {kPasskey, "passkey"}};
};

// The model that is scored. kBase: the one the recipe began with.
enum class EvaluatedModel { kCurrent, kBase };
template <>
struct ChoiceTable<EvaluatedModel> {
  static constexpr Choice<EvaluatedModel> choices[] = {{EvaluatedModel::kBase, "base"}};
};

struct EvaluateRecipe {
  EvaluatedModel model = EvaluatedModel::kCurrent;
  std::vector<int64_t> lengths;
  std::vector<EvaluateTask> tasks = {EvaluateTask::kPerplexity, EvaluateTask::kPasskey};
  std::vector<std::string> factors = {"auto"};
  int64_t windows = 0;  // per length; 0: all that fit
  int64_t tokens =
      0;  // at most tokens / length windows, so that every length scores the same text; 0: no limit
  int64_t passkey_depths = 10, passkey_samples = 2;
  MarkChoice bos = MarkChoice::kAuto;  // in front of every window; kAuto: as in training

  bool measures(EvaluateTask task) const;
};

}  // namespace ropeway
