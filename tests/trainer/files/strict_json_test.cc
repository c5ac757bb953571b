#include "trainer/files/strict_json.h"

#include "tests/support/folder_test.h"

namespace ropeway {
namespace {

JsonValue parse(const std::string& text) { return parse_strict_json(text, "f.json"); }

TEST(StrictJson, ReadsTheTypes) {
  const JsonValue json =
      parse(R"({"i": -3, "d": 2.5, "b": true, "s": "é", "l": [1, 2.5], "n": null, "o": {"x": 1}})");
  EXPECT_EQ(json.at("i").integer(-10, 10), -3);
  EXPECT_EQ(json.at("i").number(), -3.0);
  EXPECT_EQ(json.at("d").number(), 2.5);
  EXPECT_TRUE(json.at("b").boolean());
  EXPECT_EQ(json.at("s").string(), "é");
  EXPECT_EQ(json.at("l").numbers(), (std::vector<double>{1, 2.5}));
  EXPECT_TRUE(json.at("n").is_null());
  EXPECT_FALSE(json.find("n").has_value());
  EXPECT_FALSE(json.find("absent").has_value());
  EXPECT_EQ(json.at("o").at("x").integer(1, 1), 1);
  EXPECT_EQ(json.keys().size(), 7u);
}

TEST(StrictJson, ErrorsNameFilePathFoundAndWanted) {
  const JsonValue json = parse(R"({"rope_scaling": {"long_factor": [1, 2, 3, "x"], "factor": {}}})");
  expect_error(ErrorKind::kBadData, {"f.json: rope_scaling.long_factor[3]: found \"x\", wanted a number"},
               [&] { json.at("rope_scaling").at("long_factor").numbers(); });
  expect_error(ErrorKind::kBadData, {"f.json: rope_scaling.factor: found an object, wanted a number"},
               [&] { json.at("rope_scaling").at("factor").number(); });
  expect_error(ErrorKind::kBadData,
               {"f.json: rope_scaling.long_factor: found an array of 4, wanted a string"},
               [&] { json.at("rope_scaling").at("long_factor").string(); });
  expect_error(ErrorKind::kBadData, {"f.json: rope_scaling.type: the key is missing"},
               [&] { json.at("rope_scaling").at("type"); });
  expect_error(ErrorKind::kBadData, {"f.json: rope_scaling: unknown key, wanted one of: model_type"},
               [&] { json.require_known_keys({"model_type"}); });
}

TEST(StrictJson, IntegersAreExact) {
  for (const char* text : {"1.5", "4096.0", "1e3", "1e20", "18446744073709551616", "18446744073709551615",
                           "\"4\"", "true", "null", "[]", "-1", "101"}) {
    expect_error(ErrorKind::kBadData, {"f.json: n: found ", "wanted an integer from 0 to 100"},
                 [&] { parse(fmt::format("{{\"n\": {}}}", text)).at("n").integer(0, 100); });
  }
  EXPECT_EQ(parse("9223372036854775807").integer(0, INT64_MAX), INT64_MAX);
  EXPECT_EQ(parse("-9223372036854775808").integer(INT64_MIN, 0), INT64_MIN);
}

TEST(StrictJson, RefusesWhatIsNotOneDocument) {
  using namespace std::string_literals;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "byte 1"},
      {"{", "unexpected end"},
      {"{} x", "not valid JSON"},
      {"{\"a\": 1,}", "not valid JSON"},
      {"{'a': 1}", "not valid JSON"},
      {"[1, NaN]", "not valid JSON"},
      {"[1e400]", "not valid JSON"},
      {"[01]", "not valid JSON"},
      {"[1] // comment", "not valid JSON"},
      {"\"\xff\xfe\"", "UTF-8"},
      {"\"\\ud800\"", "not valid JSON"},
      {"\"a\nb\"", "not valid JSON"},
      {"{}\0[]"s, "byte 2: not valid JSON: a NUL byte"},
  };
  for (const auto& [text, fragment] : cases) {
    expect_error(ErrorKind::kBadData, {"f.json", fragment}, [&, &text = text] { parse(text); });
  }
}

TEST(StrictJson, RefusesDuplicateKeys) {
  expect_error(ErrorKind::kBadData, {"f.json: a: the key occurs twice"},
               [] { parse(R"({"a": 1, "a": 1})"); });
  expect_error(ErrorKind::kBadData, {"f.json: x.list[1].b: the key occurs twice"},
               [] { parse(R"({"x": {"list": [{"b": 1}, {"b": 1, "c": 2, "b": 3}]}})"); });
}

TEST(StrictJson, RefusesDepthBeforeItCostsAnything) {
  EXPECT_NO_THROW(parse(std::string(32, '[') + std::string(32, ']')));
  expect_error(ErrorKind::kBadData, {"f.json", "more than 32 levels"},
               [] { parse(std::string(33, '[') + std::string(33, ']')); });
  expect_error(ErrorKind::kBadData, {"more than 32 levels"}, [] { parse(std::string(1000000, '[')); });
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  expect_error(ErrorKind::kBadData, {"more than 32 levels"}, [&] { parse(objects); });
}

TEST(StrictJson, RefusesTooManyBytes) {
  expect_error(ErrorKind::kBadData, {"f.json", "11 bytes", "at most 10"},
               [] { parse_strict_json("[1,2,3,4,5]", "f.json", {.max_bytes = 10}); });
}

TEST(StrictJson, AcceptsAByteOrderMarkAndSpace) { EXPECT_EQ(parse("\xef\xbb\xbf [1]\r\n ").size(), 1); }

}  // namespace
}  // namespace ropeway
