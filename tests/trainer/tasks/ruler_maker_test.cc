// Samples as token ids: the length they are for, where the answer stands, and how a task is put to the model.
#include "trainer/tasks/ruler_maker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/errors.h"
#include "trainer/tokenizer/byte_tokenizer.h"

namespace ropeway {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

RulerSources sources() {
  RulerSources made;
  for (int i = 0; i < 3000; ++i) made.prose.push_back(fmt::format("word{}{}", i % 97, i % 7 == 6 ? "." : ""));
  made.questions[0].documents = {"Ada wrote notes.", "Bees make honey.", "Cork floats."};
  made.questions[0].questions = {{"Who wrote?", {"Ada"}, {0}}};
  return made;
}
std::string text(const std::vector<int32_t>& ids) { return {ids.begin(), ids.end()}; }

RulerCase make(RulerTask task, int64_t length, RulerPrompt prompt = RulerPrompt::kPlain, int64_t index = 0) {
  const RulerSources from = sources();
  const auto tokenizer = make_byte_tokenizer();
  return RulerMaker(task, from, *tokenizer, {}, {.length = length, .seed = 3, .prompt = prompt}).make(index);
}

TEST(RulerMaker, EveryTaskFillsItsLengthWithRoomForTheAnswer) {
  for (const auto& choice : ChoiceTable<RulerTask>::choices) {
    if (traits_of(choice.value).questions > 0) continue;
    for (const int64_t length : {8192, 20000}) {
      SCOPED_TRACE(fmt::format("{} {}", choice.word, length));
      const RulerCase made = make(choice.value, length);
      const int64_t size =
          std::ssize(made.prompt) + std::max(traits_of(choice.value).new_tokens, made.answer);
      EXPECT_LE(size, length);
      EXPECT_GT(size, length - length / 20);
      EXPECT_EQ(std::ssize(made.with_answer), std::ssize(made.prompt) + made.answer);
    }
  }
}

TEST(RulerMaker, TheAnswerStandsBehindThePrompt) {
  const RulerCase made = make(RulerTask::kNiahSingle1, 2048);
  EXPECT_THAT(text(made.prompt), EndsWith("mentioned in the provided text is"));
  EXPECT_EQ(text(made.with_answer), text(made.prompt) + " " + made.answers[0]);
  const RulerCase chain = make(RulerTask::kVariableTracking, 4096);
  // White space at the end of a prompt is the answer's (encode_pair.h).
  EXPECT_THAT(text(chain.prompt), EndsWith("they are:"));
  EXPECT_EQ(chain.answers.size(), 5u);
}

TEST(RulerMaker, VtHasItsExampleInFront) {
  const std::string prompt = text(make(RulerTask::kVariableTracking, 8192).prompt);
  const size_t first = prompt.find("Memorize and track"),
               second = prompt.find("Memorize and track", first + 1);
  ASSERT_NE(second, std::string::npos);
  EXPECT_EQ(first, 0u);
  EXPECT_THAT(prompt.substr(0, second), EndsWith("\n\n\n\n"));
  EXPECT_EQ(prompt.find("Memorize and track", second + 1), std::string::npos);
}

TEST(RulerMaker, BasePromptsHaveAWorkedExample) {
  for (const RulerTask task :
       {RulerTask::kNiahSingle2, RulerTask::kNiahMultiquery, RulerTask::kFrequentWords}) {
    const RulerCase plain = make(task, 8192), base = make(task, 8192, RulerPrompt::kBase);
    const std::string begin = text(plain.prompt).substr(0, 40);
    EXPECT_THAT(text(base.prompt), StartsWith(begin));
    const size_t second = text(base.prompt).find("\n\n" + begin);
    ASSERT_NE(second, std::string::npos);
    EXPECT_LT(second, 3000u);
    EXPECT_EQ(base.answers, plain.answers);
    EXPECT_LE(std::ssize(base.prompt) + traits_of(task).new_tokens, 8192);
  }
  EXPECT_EQ(make(RulerTask::kNiahSingle2, 8192, RulerPrompt::kAuto).prompt,
            make(RulerTask::kNiahSingle2, 8192, RulerPrompt::kBase).prompt);
}

TEST(RulerMaker, ChatPutsTheTaskIntoATurnAndBeginsTheAnswer) {
  const RulerSources from = sources();
  const auto tokenizer = make_byte_tokenizer();
  const ChatTemplate chat = {ChatFormatName::kZephyr, {"", "</s>"}, ""};
  const RulerMaker maker(RulerTask::kNiahSingle1, from, *tokenizer, chat,
                         {.length = 3000, .vocab_size = 300});
  EXPECT_EQ(maker.prompt(), RulerPrompt::kChat);
  const RulerCase made = maker.make(0);
  const std::string prompt = text(made.prompt);
  EXPECT_THAT(prompt, StartsWith("<|user|>\nA special magic number"));
  EXPECT_THAT(prompt,
              HasSubstr("mentioned in the provided text?</s>\n<|assistant|>\nThe special magic number for "));
  EXPECT_THAT(prompt, EndsWith("mentioned in the provided text is"));
  EXPECT_EQ(text(made.with_answer), prompt + " " + made.answers[0]);
}

TEST(RulerMaker, AnswersAreKnownWithoutTheHaystack) {
  const RulerSources from = sources();
  const auto tokenizer = make_byte_tokenizer();
  for (const auto& choice : ChoiceTable<RulerTask>::choices) {
    if (choice.value == RulerTask::kQuestions2) continue;
    SCOPED_TRACE(choice.word);
    const RulerMaker maker(choice.value, from, *tokenizer, {}, {.length = 12000, .seed = 5});
    EXPECT_EQ(maker.answers(2), maker.make(2).answers);
  }
}

TEST(RulerMaker, WhatCannotBeMade) {
  expect_error(ErrorKind::kConfig, {"niah_single_1 in 300 tokens", "no room"},
               [] { make(RulerTask::kNiahSingle1, 300); });
  const RulerSources none;
  const auto tokenizer = make_byte_tokenizer();
  const auto maker = [&](RulerTask task, RulerPrompt prompt) {
    RulerMaker(task, none, *tokenizer, {}, {.length = 4096, .prompt = prompt});
  };
  expect_error(ErrorKind::kBadData, {"niah_single_2", "prose"},
               [&] { maker(RulerTask::kNiahSingle2, RulerPrompt::kPlain); });
  expect_error(ErrorKind::kBadData, {"qa_1", "questions"},
               [&] { maker(RulerTask::kQuestions1, RulerPrompt::kPlain); });
  expect_error(ErrorKind::kConfig, {"vt", "conversation"},
               [&] { maker(RulerTask::kVariableTracking, RulerPrompt::kChat); });
}

}  // namespace
}  // namespace ropeway
