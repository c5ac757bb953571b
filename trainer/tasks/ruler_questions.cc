#include "trainer/tasks/ruler_questions.h"

#include <map>

#include "kernels/base/error.h"
#include "trainer/data/json_objects.h"
#include "trainer/files/files.h"
#include "trainer/files/strict_json.h"

namespace ropeway {
namespace {

constexpr JsonLimits kLimits = {.max_bytes = int64_t{1} << 30, .max_depth = 64};

// A question with its documents as text, before those are numbered.
struct FoundQuestion {
  RulerQuestion question;
  std::vector<std::string> documents;
};

void read_squad(const JsonValue& document, std::vector<FoundQuestion>& found) {
  const JsonValue data = document.at("data");
  for (int64_t d = 0; d < data.size(); ++d) {
    const JsonValue paragraphs = data.at(d).at("paragraphs");
    for (int64_t p = 0; p < paragraphs.size(); ++p) {
      const std::string context = paragraphs.at(p).at("context").string();
      const JsonValue asked = paragraphs.at(p).at("qas");
      // A document to hide others among, whether or not something is asked about it.
      found.push_back({{}, {context}});
      for (int64_t q = 0; q < asked.size(); ++q) {
        FoundQuestion entry = {{.text = asked.at(q).at("question").string(), .answers = {}, .documents = {}},
                               {context}};
        const auto impossible = asked.at(q).find("is_impossible");
        if (!impossible || impossible->is_false()) {
          const JsonValue answers = asked.at(q).at("answers");
          for (int64_t a = 0; a < answers.size(); ++a) {
            entry.question.answers.push_back(answers.at(a).at("text").string());
          }
        }
        found.push_back(std::move(entry));
      }
    }
  }
}

void read_hotpot(const JsonValue& document, std::vector<FoundQuestion>& found) {
  for (int64_t q = 0; q < document.size(); ++q) {
    const JsonValue entry = document.at(q);
    FoundQuestion made = {
        {.text = entry.at("question").string(), .answers = {entry.at("answer").string()}, .documents = {}},
        {}};
    const JsonValue context = entry.at("context");
    for (int64_t c = 0; c < context.size(); ++c) {
      std::string text = context.at(c).at(0).string() + "\n";
      const JsonValue sentences = context.at(c).at(1);
      for (int64_t s = 0; s < sentences.size(); ++s) text += sentences.at(s).string();
      made.documents.push_back(text);
    }
    found.push_back(std::move(made));
  }
}

void read_lines(std::string text, const std::string& file, std::vector<FoundQuestion>& found) {
  JsonLines lines;
  lines.take(text, true, [&](std::string_view object, int64_t number) {
    const JsonValue line = parse_strict_json(object, fmt::format("{}:{}", file, number), kLimits);
    FoundQuestion made = {{.text = line.at("question").string(), .answers = {}, .documents = {}}, {}};
    const JsonValue answers = line.at("answers"), documents = line.at("documents");
    for (int64_t a = 0; a < answers.size(); ++a) made.question.answers.push_back(answers.at(a).string());
    for (int64_t d = 0; d < documents.size(); ++d) made.documents.push_back(documents.at(d).string());
    found.push_back(std::move(made));
  });
}

// Questions without an answer are left out; their documents are not.
RulerQuestions numbered(std::vector<FoundQuestion> found) {
  std::map<std::string, size_t> numbers;
  for (const FoundQuestion& entry : found) {
    for (const std::string& document : entry.documents) numbers.emplace(document, 0);
  }
  RulerQuestions result;
  for (auto& [document, number] : numbers) {
    number = result.documents.size();
    result.documents.push_back(document);
  }
  for (FoundQuestion& entry : found) {
    if (entry.question.answers.empty() || entry.documents.empty()) continue;
    for (const std::string& document : entry.documents)
      entry.question.documents.push_back(numbers.at(document));
    result.questions.push_back(std::move(entry.question));
  }
  return result;
}

}  // namespace

RulerQuestions read_ruler_questions(const std::filesystem::path& file) {
  const std::string text = read_text_file(file), where = file.string();
  const size_t begin = std::min(text.find_first_not_of(" \n\r\t"), text.size());
  std::vector<FoundQuestion> found;
  if (text.compare(begin, 1, "[") == 0) {
    read_hotpot(parse_strict_json(text, where, kLimits), found);
  } else if (text.substr(0, text.find('\n')).find("\"question\"") != std::string::npos &&
             text.find("\"paragraphs\"") == std::string::npos) {
    read_lines(text + "\n", where, found);
  } else {
    read_squad(parse_strict_json(text, where, kLimits), found);
  }
  RulerQuestions result = numbered(std::move(found));
  if (result.questions.empty()) fail(ErrorKind::kBadData, "{}: holds no question with an answer", where);
  return result;
}

}  // namespace ropeway
