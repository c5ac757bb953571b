// What a stage that evaluates says about benchmarks: questions with answers to choose from, the tasks of
// RULER, LongPPL, and how much worse short inputs may be than they were.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/config/choices.h"

namespace ropeway {

// The tasks of RULER (Hsieh et al., COLM 2024), by its own names.
enum class RulerTask {
  kNiahSingle1,
  kNiahSingle2,
  kNiahSingle3,
  kNiahMultikey1,
  kNiahMultikey2,
  kNiahMultikey3,
  kNiahMultivalue,
  kNiahMultiquery,
  kVariableTracking,
  kCommonWords,
  kFrequentWords,
  kQuestions1,
  kQuestions2
};
template <>
struct ChoiceTable<RulerTask> {
  using enum RulerTask;
  static constexpr Choice<RulerTask> choices[] = {{kNiahSingle1, "niah_single_1"},
                                                  {kNiahSingle2, "niah_single_2"},
                                                  {kNiahSingle3, "niah_single_3"},
                                                  {kNiahMultikey1, "niah_multikey_1"},
                                                  {kNiahMultikey2, "niah_multikey_2"},
                                                  {kNiahMultikey3, "niah_multikey_3"},
                                                  {kNiahMultivalue, "niah_multivalue"},
                                                  {kNiahMultiquery, "niah_multiquery"},
                                                  {kVariableTracking, "vt"},
                                                  {kCommonWords, "cwe"},
                                                  {kFrequentWords, "fwe"},
                                                  {kQuestions1, "qa_1"},
                                                  {kQuestions2, "qa_2"}};
};

// How a task is put to the model. kPlain: RULER's own text for a model that is not tuned to follow
// instructions; kBase: the same behind a worked example; kChat: as a turn of a conversation. kAuto: kChat
// where the model's template is a known one, else kBase.
enum class RulerPrompt { kAuto, kPlain, kBase, kChat };
template <>
struct ChoiceTable<RulerPrompt> {
  using enum RulerPrompt;
  static constexpr Choice<RulerPrompt> choices[] = {
      {kAuto, "auto"}, {kPlain, "plain"}, {kBase, "base"}, {kChat, "chat"}};
};

struct BenchmarkRecipe {
  std::vector<std::string> requests;  // files
  int64_t request_limit = 0;          // questions of each; 0: all

  std::vector<RulerTask> ruler;
  int64_t ruler_samples = 20;
  RulerPrompt ruler_prompt = RulerPrompt::kAuto;
  std::string ruler_questions, ruler_questions_2;  // files; empty: none

  std::string longppl_evaluator;  // a model folder; empty: the model that is evaluated
  int64_t longppl_short = 4096, longppl_stride = 1024;
  double longppl_gain = 2, longppl_floor = -2;

  double max_short_loss = -1;  // a share; below 0: no gate
  std::string gate_against;    // a stage; empty: the first evaluate stage

  bool any() const { return !requests.empty() || !ruler.empty(); }
};

}  // namespace ropeway
