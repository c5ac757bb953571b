// Examples of instruction data as JSON holds them: what is read, and what is refused with its place.
#include "trainer/data/json_example.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/errors.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;

TEST(JsonExample, KindsAreToldByTheirKeys) {
  EXPECT_EQ(record_kind(R"({"prompt": "a", "text": null})"), RecordKind::kText);
  EXPECT_EQ(record_kind(R"({"prompt": "a", "messages": []})"), RecordKind::kMessages);
  EXPECT_EQ(record_kind(R"({"labels": [1], "input_ids": [1]})"), RecordKind::kIds);
  EXPECT_EQ(record_kind(R"({"id": NaN, "conversations": []})"), RecordKind::kConversations);
  EXPECT_EQ(record_kind(R"({"completion": "b")"), RecordKind::kPrompt) << "cut off";
  EXPECT_EQ(record_kind(R"({"prompt": [{"role")"), RecordKind::kPromptTurns) << "cut off";
  EXPECT_EQ(record_kind(R"({"content": "b"})"), std::nullopt);
  EXPECT_EQ(record_kind("prose"), std::nullopt);
  EXPECT_TRUE(is_json_record(R"({"prompt": "a", "completion": "b"})"));
  EXPECT_FALSE(is_json_record(R"({"prompt": "a", "completion")"));
  EXPECT_FALSE(is_json_record(R"({"text": 5})"));
  EXPECT_FALSE(is_json_record(R"({"text": "\x"})"));
  EXPECT_TRUE(is_json_record(R"({"text": null, "messages": []})"));
  EXPECT_TRUE(is_json_record(R"({"instruction": "a", "input": "", "output": "b"})"))
      << "no prose: refused by what it is";
}

std::string said(const Example& example) {
  std::string text;
  for (const ChatTurn& turn : example.turns) {
    text += fmt::format("{}{}:{};", turn.is_prompt ? "(prompt)" : "", turn.role, turn.content);
  }
  return text;
}

TEST(JsonExample, SpeakersOfShareGptBecomeRoles) {
  EXPECT_EQ(said(example_of_json(R"({"id": 1, "conversations": [{"from": "system", "value": "s"},
                {"value": "q", "from": "human"}, {"from": "gpt", "value": "a", "markdown": null},
                {"from": "user", "value": "r"}, {"from": "chatgpt", "value": "b"}, {"from": "bard", "value": "c"},
                {"role": "user", "content": "t"}]})",
                                 RecordKind::kConversations, "")
                     .example),
            "system:s;user:q;assistant:a;user:r;assistant:b;assistant:c;user:t;");
  EXPECT_EQ(said(example_of_json(
                     R"({"messages": [{"from": "human", "value": "q"}], "system": "be", "tools": "[]"})",
                     RecordKind::kMessages, "")
                     .example),
            "system:be;user:q;")
      << "what stands beside the turns comes first";
  EXPECT_EQ(said(example_of_json(
                     R"({"system": null, "tools": [], "conversations": [{"from": "human", "value": "q"}]})",
                     RecordKind::kConversations, "")
                     .example),
            "user:q;");
}

TEST(JsonExample, PromptAndCompletionMayBeTurns) {
  const JsonExample found = example_of_json(R"({"completion": [{"role": "assistant", "content": "c"}],
      "prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]})",
                                            RecordKind::kPromptTurns, "");
  EXPECT_EQ(said(found.example), "(prompt)user:a;(prompt)assistant:b;assistant:c;");
}

TEST(JsonExample, MembersAreReadAndOthersPassedOver) {
  const JsonExample prompt = example_of_json(
      R"({"score": NaN, "completion": "b\ud83d", "x": {"prompt": 1}, "prompt": "\u00e4", "x": 2})",
      RecordKind::kPrompt, "");
  EXPECT_EQ(prompt.example.prompt, "\u00e4");
  EXPECT_EQ(prompt.example.completion, "b\uFFFD");
  EXPECT_EQ(prompt.lone_surrogates, 1);

  const JsonExample chat = example_of_json(
      R"({"messages": [ {"role": "user", "content": "q", "id": 7}, {"content": "", "tool_calls": null, "role":
          "assistant"} ] })",
      RecordKind::kMessages, "");
  ASSERT_EQ(chat.example.turns.size(), 2u);
  EXPECT_EQ(chat.example.turns[0].content, "q");
  EXPECT_EQ(chat.example.turns[1].role, "assistant");

  const JsonExample ids = example_of_json(
      R"({"attention_mask": [1, 1, 1], "input_ids": [5,0, 7], "labels": [-100 ,0,7]})", RecordKind::kIds, "");
  EXPECT_THAT(ids.example.ids, ElementsAre(5, 0, 7));
  EXPECT_THAT(ids.example.labels, ElementsAre(kUnscored, 0, 7));
  EXPECT_TRUE(
      example_of_json(R"({"input_ids": [], "labels": []})", RecordKind::kIds, "").example.ids.empty());
}

struct Refused {
  const char* name;
  RecordKind kind;
  const char* object;
  const char* wanted;
};

class JsonExampleRefuses : public ::testing::TestWithParam<Refused> {};

TEST_P(JsonExampleRefuses, WithThePlaceAndWhatWasWanted) {
  const Refused& c = GetParam();
  expect_error(ErrorKind::kBadData, {std::string("a.jsonl:9: ") + c.wanted},
               [&] { example_of_json(c.object, c.kind, "a.jsonl:9"); });
}

INSTANTIATE_TEST_SUITE_P(
    Objects, JsonExampleRefuses,
    ::testing::Values(
        Refused{"another_kind", RecordKind::kPrompt, R"({"messages": []})",
                "prompt: the key is missing; the object has messages, and the file began with prompts and "
                "completions"},
        Refused{"no_completion", RecordKind::kPrompt, R"({"prompt": "a"})", "completion: the key is missing"},
        Refused{"null_completion", RecordKind::kPrompt, R"({"prompt": "a", "completion": null})",
                "completion: found null, wanted a string"},
        Refused{"twice", RecordKind::kPrompt, R"({"prompt": "a", "prompt": "b", "completion": ""})",
                "prompt: the key occurs twice"},
        Refused{"no_list", RecordKind::kMessages, R"({"messages": "a"})",
                "messages: found \"a\", wanted a list of objects with \"role\" and \"content\""},
        Refused{"no_role", RecordKind::kMessages, R"({"messages": [{"content": "a"}]})",
                "messages[0].role: the key is missing; the object has content"},
        Refused{"no_value", RecordKind::kConversations, R"({"conversations": [{"from": "human"}]})",
                "conversations[0].value: the key is missing; the object has from"},
        Refused{
            "speaker", RecordKind::kConversations,
            R"({"conversations": [{"from": "human", "value": "a"}, {"from": "observation", "value": "8"}]})",
            "conversations[1].from: found 'observation', wanted human or user, gpt or assistant, or system"},
        Refused{"two_systems", RecordKind::kMessages,
                R"({"messages": [{"role": "system", "content": "a"}], "system": "b"})",
                "system: stands beside a first turn of the system"},
        Refused{"tools_beside", RecordKind::kConversations,
                R"({"conversations": [{"from": "human", "value": "a"}], "tools": "[{\"name\": \"f\"}]"})",
                "tools: is not supported"},
        Refused{"text_then_turns", RecordKind::kPrompt, R"({"prompt": [{"role": "user", "content": "a"}]})",
                "prompt: found [{\"role\": \"user\""},
        Refused{"user_in_completion", RecordKind::kPromptTurns,
                R"({"prompt": [], "completion": [{"role": "assistant", "content": "a"}, {"role": "user",
                    "content": "b"}]})",
                "completion[1]: found the role 'user', wanted assistant"},
        Refused{"parts", RecordKind::kConversations,
                R"({"conversations": [{"role": "user", "content": [{"type": "text"}]}]})",
                "conversations[0].content: found [{\"type\": \"text\"}], wanted a string"},
        Refused{"tools", RecordKind::kMessages,
                R"({"messages": [{"role": "assistant", "content": "", "tool_calls": [{}]}]})",
                "messages[0].tool_calls: is not supported; give token ids and labels"},
        Refused{"cut", RecordKind::kMessages, R"({"messages": [{"role": "user", "content": "a"})",
                "byte 47: not valid JSON: the array is not closed"},
        Refused{"fraction", RecordKind::kIds, R"({"input_ids": [1, 2.5], "labels": [1, 2]})",
                "input_ids[1]: found 2.5, wanted an integer"},
        Refused{"too_few", RecordKind::kIds, R"({"input_ids": [1, 2], "labels": [1]})",
                "labels: 1 of them, wanted 2: one for each of input_ids"},
        Refused{"other_id", RecordKind::kIds, R"({"input_ids": [1, 2, 3], "labels": [-100, 9, 3]})",
                "labels[1]: found 9, wanted 2 as in input_ids, or -100"},
        Refused{"shifted", RecordKind::kIds, R"({"input_ids": [1, 2, 3], "labels": [-100, 3, -100]})",
                "labels[1]: found 3, wanted 2 as in input_ids, or -100; each label is the next token's id"},
        Refused{"padding", RecordKind::kIds,
                R"({"input_ids": [1, 0], "labels": [1, -100], "attention_mask": [1, 0]})",
                "attention_mask: found 0: padding"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace ropeway
