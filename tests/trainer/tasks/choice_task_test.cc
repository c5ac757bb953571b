// Files of questions: the forms that are read, and what is refused.
#include "trainer/tasks/choice_task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;

const char* const kWhole =
    "{\"context\": \"Two and two are\", \"continuations\": [\" four\", \" five\"], \"gold\": 0}\n"
    "{\"contexts\": [\"Lead\", \"Cork\"], \"continuation\": \" floats.\", \"gold\": 1}\n";

std::string request(int64_t doc, int64_t idx, int64_t label, const std::string& context,
                    const std::string& continuation) {
  return fmt::format(
      "{{\"request_type\": \"loglikelihood\", \"doc\": {{\"query\": \"?\", \"choices\": []}}, \"request\": "
      "{{\"context\": \"{}\", \"continuation\": \"{}\"}}, \"idx\": {}, \"doc_id\": {}, \"label\": {}}}\n",
      context, continuation, idx, doc, label);
}

TEST(ChoiceTask, QuestionsOnALineEach) {
  const TempDir scratch;
  const ChoiceTask task = read_choice_task(scratch.file("sums.jsonl", kWhole));
  EXPECT_EQ(task.name, "sums");
  EXPECT_EQ(task.sha256.size(), 64u);
  ASSERT_EQ(task.questions.size(), 2u);
  EXPECT_EQ(task.questions[0].options[1].context, "Two and two are");
  EXPECT_EQ(task.questions[0].options[1].continuation, " five");
  EXPECT_EQ(task.questions[0].gold, 0);
  EXPECT_EQ(task.questions[1].options[0].context, "Lead");
  EXPECT_EQ(task.questions[1].options[1].context, "Cork");
  EXPECT_EQ(task.questions[1].options[1].continuation, " floats.");
  EXPECT_EQ(task.questions[1].gold, 1);
  EXPECT_THAT(task.questions[1].where, HasSubstr("sums.jsonl:2"));
  EXPECT_EQ(read_choice_task(scratch.name("sums.jsonl"), 1).questions.size(), 1u);
}

// As lm-eval writes requests: a line per answer, in any order; those behind an empty context are another
// figure's.
TEST(ChoiceTask, AnswersOnALineEach) {
  const TempDir scratch;
  std::filesystem::create_directories(scratch.path() / "arc_easy/rc_0shot");
  const ChoiceTask task = read_choice_task(
      scratch.file("arc_easy/rc_0shot/requests.jsonl",
                   request(7, 1, 1, "Q: b", " no") + request(4, 0, 0, "Q: a", " red") +
                       request(7, 0, 1, "Q: b", " yes") + request(4, 1, 0, "Q: a", " blue") +
                       request(1000004, 0, 0, "A:", " red") + request(1000004, 1, 0, "A:", " blue")));
  EXPECT_EQ(task.name, "arc_easy_rc_0shot");
  ASSERT_EQ(task.questions.size(), 2u);
  EXPECT_EQ(task.questions[0].options[0].continuation, " yes");
  EXPECT_EQ(task.questions[0].options[1].continuation, " no");
  EXPECT_EQ(task.questions[0].gold, 1);
  EXPECT_EQ(task.questions[1].options[1].context, "Q: a");
}

TEST(ChoiceTask, IdsBeyondAMillionAreQuestionsOfTheirOwnWhereNoOtherHasTheRest) {
  const TempDir scratch;
  const std::string text = request(1000004, 0, 1, "A:", " red") + request(1000004, 1, 1, "A:", " blue");
  EXPECT_EQ(read_choice_task(scratch.file("a.jsonl", text)).questions.size(), 1u);
}

TEST(ChoiceTask, WhatIsRefused) {
  const TempDir scratch;
  const auto refused = [&](const std::string& text, const std::vector<std::string>& words) {
    const std::string file = scratch.file("bad.jsonl", text);
    expect_error(ErrorKind::kBadData, words, [&] { read_choice_task(file); });
  };
  refused("\n", {"bad.jsonl", "no questions"});
  refused("{\"text\": \"a\"}\n", {"bad.jsonl:1", "continuations", "gold"});
  refused("{\"context\": \"a\", \"continuations\": [\" b\"], \"gold\": 0}\n",
          {"bad.jsonl:1", "1 answers", "2 or more"});
  refused("{\"context\": \"a\", \"continuations\": [\" b\", \"\"], \"gold\": 0}\n",
          {"continuations[1]", "not empty"});
  refused("{\"context\": \"a\", \"continuations\": [\" b\", \" c\"], \"gold\": 2}\n", {"gold", "found 2"});
  refused("{\"context\": \"a\", \"continuations\": [\" b\", \" c\"]}\n", {"gold"});
  refused(request(1, 0, 0, "a", " b") + request(1, 2, 0, "a", " c"), {"doc_id 1", "no answer with idx 1"});
  refused(request(1, 0, 0, "a", " b") + request(1, 0, 0, "a", " c"),
          {"bad.jsonl:2", "idx 0 of doc_id 1", "second"});
  refused(request(1, 0, 0, "a", " b") + request(1, 1, 1, "a", " c"), {"bad.jsonl:2", "label", "found 1"});
  refused(request(1, 0, 5, "a", " b") + request(1, 1, 5, "a", " c"), {"label 5"});
  refused(
      "{\"request_type\": \"generate_until\", \"request\": {}, \"doc_id\": 1, \"idx\": 0, \"label\": 0}\n",
      {"request_type", "loglikelihood"});
}

}  // namespace
}  // namespace ropeway
