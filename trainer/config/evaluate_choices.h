// Choices of an evaluation that a recipe and the command line share.
#pragma once

#include "trainer/config/choices.h"

namespace ropeway {

enum class EvaluateTask { kPerplexity, kPasskey, kNeedles, kLongPpl };
template <>
struct ChoiceTable<EvaluateTask> {
  using enum EvaluateTask;
  static constexpr Choice<EvaluateTask> choices[] = {
      {kPerplexity, "perplexity"}, {kPasskey, "passkey"}, {kNeedles, "needles"}, {kLongPpl, "longppl"}};
};

// Where windows of several lengths lie. kEnds: they end at the same places and score the same targets.
// kStarts: disjoint windows of each length, every token of which is a target. kAuto: kEnds where there are
// several lengths, else kStarts.
enum class WindowAlignment { kAuto, kEnds, kStarts };
template <>
struct ChoiceTable<WindowAlignment> {
  using enum WindowAlignment;
  static constexpr Choice<WindowAlignment> choices[] = {
      {kAuto, "auto"}, {kEnds, "ends"}, {kStarts, "starts"}};
};

// What a passkey is hidden in: the text that is evaluated, or the repeated sentences of the published task.
enum class Haystack { kText, kPublished };
template <>
struct ChoiceTable<Haystack> {
  using enum Haystack;
  static constexpr Choice<Haystack> choices[] = {{kText, "text"}, {kPublished, "published"}};
};

// What a claim about long context is tested against (trainer/evaluate/controls.h).
enum class ControlKind { kCrop, kForeignPrefix, kRepetition, kConfusableKeys };
template <>
struct ChoiceTable<ControlKind> {
  using enum ControlKind;
  static constexpr Choice<ControlKind> choices[] = {{kCrop, "crop"},
                                                    {kForeignPrefix, "foreign_prefix"},
                                                    {kRepetition, "repetition"},
                                                    {kConfusableKeys, "confusable_keys"}};
};

}  // namespace ropeway
