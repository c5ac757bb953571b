#include "trainer/tasks/choice_task.h"

#include <algorithm>
#include <map>
#include <optional>

#include "kernels/base/error.h"
#include "trainer/data/byte_stream.h"
#include "trainer/data/json_objects.h"
#include "trainer/files/strict_json.h"

namespace ropeway {
namespace {

constexpr int64_t kMostAnswers = 1000, kLargestId = int64_t{1} << 53;
constexpr int64_t kWithoutContext = 1'000'000;  // what OLMES adds to doc_id

std::string continuation_of(const JsonValue& value) {
  std::string text = value.string();
  if (text.empty()) value.refuse("a text that is not empty");
  return text;
}

// One line that holds a whole question.
ChoiceQuestion whole_question(const JsonValue& line) {
  ChoiceQuestion question;
  if (const auto continuations = line.find("continuations")) {
    const std::string context = line.at("context").string();
    for (int64_t i = 0; i < continuations->size(); ++i) {
      question.options.push_back({context, continuation_of(continuations->at(i))});
    }
  } else {
    const JsonValue contexts = line.at("contexts");
    const std::string continuation = continuation_of(line.at("continuation"));
    for (int64_t i = 0; i < contexts.size(); ++i) {
      question.options.push_back({contexts.at(i).string(), continuation});
    }
  }
  if (question.options.size() < 2) {
    fail(ErrorKind::kBadData, "{}: found {} answers, wanted 2 or more", line.place(),
         question.options.size());
  }
  question.gold = line.at("gold").integer(0, std::ssize(question.options) - 1);
  return question;
}

// The answers of one question, a line each, in any order.
struct GatheredQuestion {
  std::map<int64_t, ChoiceOption> options;
  int64_t gold = 0;
  std::string where;
};

class Reader {
 public:
  explicit Reader(std::filesystem::path file) : file_(std::move(file)) {}

  ChoiceTask read(int64_t limit) {
    ByteStream stream(file_);
    JsonLines lines;
    std::string buffer;
    bool more = true;
    while (more) {
      more = stream.read(buffer);
      lines.take(buffer, !more, [&](std::string_view object, int64_t number) { take(object, number); });
    }
    task_.sha256 = stream.file_sha256();
    add_gathered();
    if (task_.questions.empty()) fail(ErrorKind::kBadData, "{}: holds no questions", file_.string());
    if (limit > 0 && std::ssize(task_.questions) > limit) {
      task_.questions.resize(static_cast<size_t>(limit));
    }
    return std::move(task_);
  }

 private:
  void take(std::string_view object, int64_t number) {
    const std::string where = fmt::format("{}:{}", file_.string(), number);
    const JsonValue line = parse_strict_json(object, where, {.max_bytes = int64_t{64} << 20});
    if (line.has("request")) {
      gather(line, where);
      return;
    }
    if (!line.has("continuations") && !line.has("contexts")) {
      fail(ErrorKind::kBadData,
           "{}: found no \"continuations\", \"contexts\" or \"request\", wanted {{\"context\", "
           "\"continuations\", \"gold\"}} or a loglikelihood request",
           where);
    }
    task_.questions.push_back(whole_question(line));
    task_.questions.back().where = where;
  }

  void gather(const JsonValue& line, const std::string& where) {
    if (const auto type = line.find("request_type"); type && type->string() != "loglikelihood") {
      type->refuse("\"loglikelihood\", the one kind of request that is scored");
    }
    const int64_t id = line.at("doc_id").integer(0, kLargestId);
    const int64_t index = line.at("idx").integer(0, kMostAnswers);
    const int64_t gold = line.at("label").integer(0, kMostAnswers);
    const auto [found, is_new] = gathered_.try_emplace(id);
    GatheredQuestion& question = found->second;
    if (is_new) {
      order_.push_back(id);
      question.gold = gold;
      question.where = where;
    }
    if (question.gold != gold) {
      fail(ErrorKind::kBadData, "{}: label: found {}, but {} at {}, for the same doc_id {}", where, gold,
           question.gold, question.where, id);
    }
    const JsonValue request = line.at("request");
    ChoiceOption option = {request.at("context").string(), continuation_of(request.at("continuation"))};
    if (!question.options.emplace(index, std::move(option)).second) {
      fail(ErrorKind::kBadData, "{}: found idx {} of doc_id {} a second time", where, index, id);
    }
  }

  void add_gathered() {
    for (const int64_t id : order_) {
      if (id >= kWithoutContext && gathered_.contains(id - kWithoutContext)) continue;
      const GatheredQuestion& gathered = gathered_.at(id);
      ChoiceQuestion question = {.options = {}, .gold = gathered.gold, .where = gathered.where};
      for (const auto& [index, option] : gathered.options) {
        if (index != std::ssize(question.options)) {
          fail(ErrorKind::kBadData, "{}: doc_id {}: found no answer with idx {}", gathered.where, id,
               question.options.size());
        }
        question.options.push_back(option);
      }
      if (question.options.size() < 2 || question.gold >= std::ssize(question.options)) {
        fail(ErrorKind::kBadData,
             "{}: doc_id {}: found {} answers and label {}, wanted 2 or more with the right one",
             gathered.where, id, question.options.size(), question.gold);
      }
      task_.questions.push_back(std::move(question));
    }
  }

  const std::filesystem::path file_;
  ChoiceTask task_;
  std::map<int64_t, GatheredQuestion> gathered_;
  std::vector<int64_t> order_;  // of the doc_ids, as they come
};

std::string name_of(const std::filesystem::path& file) {
  std::string name = file.filename().string();
  name = name.substr(0, name.find('.'));
  if (name != "requests") return name;
  const auto variant = std::filesystem::absolute(file).parent_path();
  return fmt::format("{}_{}", variant.parent_path().filename().string(), variant.filename().string());
}

}  // namespace

ChoiceTask read_choice_task(const std::filesystem::path& file, int64_t limit) {
  ChoiceTask task = Reader(file).read(limit);
  task.name = name_of(file);
  return task;
}

}  // namespace ropeway
