// Questions about paragraphs, for RULER's qa_1 and qa_2. A file is in one of three forms:
//   SQuAD       {"data": [{"paragraphs": [{"context", "qas": [{"question", "answers": [{"text"}], "is_impossible"}]}]}]}
//   HotpotQA    [{"question", "answer", "context": [[title, [sentence, ...]], ...]}, ...]
//   plain       a line per question: {"question", "answers": [...], "documents": [...]}
// Documents of other questions are what an answer is hidden among.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ropeway {

struct RulerQuestion {
  std::string text;
  std::vector<std::string> answers;
  std::vector<size_t> documents;  // that answer it
};
struct RulerQuestions {
  std::vector<RulerQuestion> questions;
  std::vector<std::string> documents;  // all, each once, sorted
};

// Throws kMissingInput, and kBadData naming the place for a file in none of the forms or without a question
// that has an answer.
RulerQuestions read_ruler_questions(const std::filesystem::path& file);

}  // namespace ropeway
