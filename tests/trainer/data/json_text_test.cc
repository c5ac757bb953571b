// The "text" of JSON as Python's json reads it, and what surrounds it.
#include "trainer/data/json_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/errors.h"
#include "tests/support/python.h"
#include "tests/support/temp_dir.h"
#include "trainer/data/json_objects.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(JsonText, EqualsPythonsJsonOnWhatPythonWrites) {
  ROPEWAY_NEEDS_PYTHON();
  const TempDir folder;
  run_python(R"(
import json, random, sys
r = random.Random(3)
def text(): return "".join(chr(r.choice([34, 92, 47, 8, 12, 10, 13, 9, 0, 31, 127, 65, 0xe9, 0x2028, 0x1f600])) for _ in range(20))
def value(depth):
    k = r.randrange(8 if depth < 6 else 6)
    return [None, True, r.random(), float("nan"), -float("inf"), text(), None, None][k] if k < 6 else (
        [value(depth + 1) for _ in range(3)] if k == 6 else {text(): value(depth + 1) for _ in range(3)})
with open(sys.argv[1] + "/lines", "w") as lines, open(sys.argv[1] + "/want", "wb") as want:
    for i in range(300):
        o = {text(): value(0), "text": text(), text(): value(0)}
        lines.write(json.dumps(o, ensure_ascii=i % 2 == 0, indent=None, separators=(",", ":") if i % 3 == 0 else None).replace("\n", " ") + "\n")
        want.write(json.loads(json.dumps(o))["text"].encode().hex().encode() + b"\n")
)",
             folder.path().string());
  std::istringstream lines(read_bytes(folder / "lines")), want(read_bytes(folder / "want"));
  int count = 0;
  for (std::string line, hex; std::getline(lines, line) && std::getline(want, hex); ++count) {
    std::string found;
    for (const char c : text_of_json(line, "a").text)
      found += fmt::format("{:02x}", static_cast<unsigned char>(c));
    ASSERT_EQ(found, hex) << line;
  }
  EXPECT_EQ(count, 300);
}

TEST(JsonText, MembersThatNobodyReadsMayHoldAnything) {
  for (const char* other : {"NaN", "-Infinity", "Infinity", "nan", "0x1F", "{\"a\": 1, \"a\": NaN}", "[,]",
                            "'", "\"\\ud800\"", "\"\\x41\"", "\"raw\ttab\""}) {
    EXPECT_EQ(text_of_json(fmt::format("{{\"m\": {}, \"text\": \"t\", \"n\": {}}}", other, other), "a").text,
              "t")
        << other;
  }
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  EXPECT_EQ(text_of_json("{\"m\": " + deep + ", \"text\": \"t\", \"m\": 1, \"m\": 2}", "a").text, "t");
}

TEST(JsonText, AHalfOfASurrogatePairAloneIsReplaced) {
  const auto check = [](const std::string& json, const std::string& want, int64_t count) {
    const JsonText found = text_of_json("{\"text\": \"" + json + "\"}", "a");
    EXPECT_EQ(found.text, want) << json;
    EXPECT_EQ(found.lone_surrogates, count) << json;
  };
  const std::string replaced = "\xEF\xBF\xBD", smile = "\xF0\x9F\x98\x80";
  check("a\\ud83d b", "a" + replaced + " b", 1);
  check("\\ude00", replaced, 1);
  check("\\ud83d\\ud83d\\uDE00", replaced + smile, 1);
  check("\\ud83d\\u0041", replaced + "A", 1);
  check("\\ude00\\ud83d", replaced + replaced, 2);
  check("\\uD83D\\uDE00", smile, 0);
}

TEST(JsonText, NullIsToldFromEmpty) {
  EXPECT_TRUE(text_of_json("{\"text\": null}", "a").is_null);
  EXPECT_FALSE(text_of_json("{\"text\": \"\"}", "a").is_null);
}

TEST(JsonText, WhatIsWrongIsNamedInFewWords) {
  const auto refusal = [](const std::string& json) {
    const auto error = error_of([&] { text_of_json(json, "f:2"); });
    if (!error) return std::string("no error");
    EXPECT_EQ(error->kind(), ErrorKind::kBadData);
    EXPECT_LT(std::string(error->what()).size(), 300u);
    return std::string(error->what());
  };
  const std::string much(1000000, 'x');
  EXPECT_THAT(refusal("{\"text\": \"" + much),
              HasSubstr("f:2: byte 1000011: not valid JSON: a string is not closed"));
  EXPECT_THAT(refusal("{\"text\": \"" + much + "\\ud8\"}"), HasSubstr("four hexadecimal digits"));
  EXPECT_THAT(refusal("{\"text\": \"a\tb\"}"),
              HasSubstr("f:2: byte 12: not valid JSON: a control character"));
  EXPECT_THAT(refusal("{\"text\": \"a\\qb\"}"), HasSubstr("an unknown escape"));
  EXPECT_THAT(refusal("{\"text\": \"a\", \"text\": \"b\"}"), HasSubstr("f:2: text: the key occurs twice"));
  EXPECT_THAT(refusal("{\"" + much + "\": 1}"), HasSubstr("f:2: text: the key is missing"));
  EXPECT_THAT(refusal("{\"content\": \"a\", \"id\": 1}"), HasSubstr("the object has content, id"));
  EXPECT_THAT(refusal("{\"text\": [\"" + much + "\"]}"), HasSubstr("f:2: text: found [\"xxx"));
  EXPECT_THAT(refusal("{\"m\": [1}, \"text\": \"\"}"), HasSubstr("another bracket"));
  EXPECT_THAT(refusal("{\"text\": \"a\"} {}"), HasSubstr("text behind the object"));
  EXPECT_THAT(refusal("{\"text\" \"a\"}"), HasSubstr("':' is missing"));
  EXPECT_THAT(refusal("{\"text\": }"), HasSubstr("a value is missing"));
  EXPECT_THAT(refusal("[1]"), HasSubstr("f:2: found [1], wanted an object"));
  EXPECT_THAT(refusal(""), HasSubstr("f:2: byte 1"));
}

TEST(JsonArray, GivesItsElementsHoweverItIsCut) {
  const std::string array = " [ {\"text\": \"a]}\\\"\", \"m\": [{}]} ,\n{\"text\":\"b\"},{}]\n ";
  for (const size_t piece : {1, 2, 5, 100}) {
    JsonArray objects("a.json");
    std::vector<std::string> found;
    std::string buffer;
    const auto take = [&](std::string_view object, int64_t number) {
      found.emplace_back(object);
      EXPECT_EQ(number, static_cast<int64_t>(found.size()));
    };
    for (size_t at = 0; at < array.size(); at += piece) {
      buffer += array.substr(at, piece);
      objects.take(buffer, false, take);
      EXPECT_LT(buffer.size(), 100u);
    }
    objects.take(buffer, true, take);
    EXPECT_THAT(found, ElementsAre("{\"text\": \"a]}\\\"\", \"m\": [{}]}", "{\"text\":\"b\"}", "{}"))
        << piece;
    EXPECT_EQ(buffer, "");
  }
}

TEST(JsonArray, WhatIsWrongIsNamedByItsElement) {
  const auto refusal = [](std::string buffer) {
    const auto error =
        error_of([&] { JsonArray("a.json").take(buffer, true, [](std::string_view, int64_t) {}); });
    return error ? std::string(error->what()) : "no error";
  };
  EXPECT_THAT(refusal("[{} {}]"), HasSubstr("a.json: element 2: found '{}]', wanted ',' or ']'"));
  EXPECT_THAT(refusal("[{}, 5]"), HasSubstr("a.json: element 2: found '5]', wanted an object"));
  EXPECT_THAT(refusal("[{}, {\"a"), HasSubstr("a.json: element 2: the file ends"));
  EXPECT_THAT(refusal("[{}] " + std::string(5000, 'x')), HasSubstr("x...', wanted nothing more"));
  EXPECT_EQ(refusal("[]"), "no error");
}

}  // namespace
}  // namespace ropeway
