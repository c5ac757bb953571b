// RULER's eight needle tasks.
#pragma once

#include <string_view>

#include "trainer/tasks/ruler_sample.h"

namespace ropeway {

enum class NeedleHay { kNoise, kProse, kNeedles };
enum class NeedleText { kWords, kNumbers, kUuids };

struct NeedleTask {
  NeedleHay hay;
  NeedleText key, value;
  int64_t keys = 1, values = 1, queries = 1;  // values: of each key
};
const NeedleTask& needle_task(RulerTask task);  // of niah_*

inline constexpr const char* kNoise =
    "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";

// RULER's sentences about needles, which LongRoPE2's search uses as well. one: there is one answer; kind:
// "number" then, else "numbers".
std::string needle_sentence(std::string_view kinds, std::string_view key, std::string_view value);
std::string needle_announcement(bool one, std::string_view kind);
std::string needle_question(bool one, std::string_view kind, std::string_view keys);
std::string needle_answer_begin(bool one, std::string_view kind, std::string_view keys);

// Percent of the haystack: round(linspace(0, 100, 40)).
const std::vector<int64_t>& needle_depths();

RulerSample make_needle_sample(RulerTask task, const RulerSources& sources, int64_t units,
                               const RulerDraw& draw);

}  // namespace ropeway
