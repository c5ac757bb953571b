// What a user changes so that less memory is needed, in the words of a recipe or of `ropeway evaluate`.
#pragma once

#include <exception>
#include <string>
#include <vector>

#include "trainer/plan/out_of_memory.h"

namespace ropeway {

// A line for each: "8 sequence ranks (mesh.sequence: 8): 17.2 GiB per rank". who: whose keys they are, "stage
// tune".
std::vector<std::string> as_recipe_keys(const std::vector<Suggestion>& suggestions, const std::string& who);
std::vector<std::string> as_evaluate_options(const std::vector<Suggestion>& suggestions);

// A line "to need less: ..." for each suggestion, each after a line break.
std::string lines_to_need_less(const OutOfMemory& error);

// Who the evaluate verb is in messages.
inline constexpr const char* kEvaluateVerb = "evaluate";
// Likewise the verbs that generate.
inline constexpr const char* kGenerateVerb = "generate";
inline constexpr const char* kChatVerb = "chat";
// What `ropeway evaluate` lets a user change. More ranks share a window only where they do so already.
std::vector<Knob> evaluate_knobs(const MeshShape& mesh);
// What the verbs that generate do, in options that evaluate has too.
std::vector<Knob> generation_knobs();

}  // namespace ropeway
