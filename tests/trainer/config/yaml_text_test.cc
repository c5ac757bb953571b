// What is not one plain YAML document is refused at the place where it goes wrong, and nothing can make the
// reader run for long. The places were checked by hand.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/trainer/config/recipe_text.h"
#include "trainer/config/yaml_tree.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

struct BadText {
  const char* name;
  std::string text;
  const char* expected;
};
void PrintTo(const BadText& bad, std::ostream* out) { *out << bad.name; }

class BadTexts : public ::testing::TestWithParam<BadText> {};

TEST_P(BadTexts, AreRefusedWithTheirPlace) {
  EXPECT_THAT(parse_text(GetParam().text).errors, ElementsAre(StartsWith(GetParam().expected)));
}

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

std::string alias_bomb() {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    text += fmt::format("a{0}: &a{0} [{1}*a{2}]\n", i, repeated(fmt::format("*a{}, ", i - 1), 8), i - 1);
  }
  return text;
}

INSTANTIATE_TEST_SUITE_P(
    Syntax, BadTexts,
    ::testing::Values(
        BadText{"unclosed_double_quote", kGoodRecipe + "run_dir: \"runs/x\n",
                "28:10: this \" is never closed"},
        BadText{"unclosed_single_quote", kGoodRecipe + "run_dir: 'runs/it''s\n",
                "28:10: this ' is never closed"},
        BadText{"unclosed_quote_at_the_last_byte", kGoodRecipe + "run_dir: \"runs/x",
                "28:10: this \" is never closed"},
        BadText{"quote_closed_by_an_escape", kGoodRecipe + "run_dir: \"x\\\"\n",
                "28:10: this \" is never closed"},
        BadText{"unclosed_list", replaced(kGoodRecipe, "[256, 2K]", "[256, 2K"),
                "27:14: this [ is never closed"},
        BadText{"unclosed_map", "name: x\nmesh: {data: 1\n", "2:7: this { is never closed"},
        BadText{"bracket_too_many", replaced(kGoodRecipe, "[256, 2K]", "[256, 2K]]"),
                "27:23: not YAML: illegal flow end"},
        BadText{"colon_in_a_value", replaced(kGoodRecipe, "path: models/tiny", "path: models: tiny"),
                "4:15: found a ':' inside a value"},
        BadText{"text_after_a_quote", replaced(kGoodRecipe, "path: models/tiny", "path: \"models\" tiny"),
                "4:"},
        BadText{"tab_as_indentation", "name: x\nmesh:\n\tdata: 1\n",
                "3:1: found a tab in the indentation, wanted spaces"},
        BadText{"second_document", kGoodRecipe + "---\nname: y\n",
                "28:1: found a second document, wanted one"},
        BadText{"second_document_after_dots", kGoodRecipe + "...\nname: y\n",
                "29:1: found a second document, wanted one"},
        BadText{"tag", replaced(kGoodRecipe, "seed: 7", "seed: !!int 7"),
                "2:7: found a tag (!...), wanted a plain value"},
        BadText{"invalid_utf8", replaced(kGoodRecipe, "models/tiny", "models/\xff"),
                "4:16: found the byte 0xff, wanted UTF-8"},
        BadText{"overlong_utf8", replaced(kGoodRecipe, "models/tiny", "\xc0\xaf"),
                "4:9: found the byte 0xc0, wanted UTF-8"},
        BadText{"surrogate_in_utf8", replaced(kGoodRecipe, "models/tiny", "\xed\xa0\x80"),
                "4:9: found the byte 0xed, wanted UTF-8"},
        BadText{"cut_utf8", kGoodRecipe + "run_dir: \xe2\x82", "28:10: found the byte 0xe2, wanted UTF-8"},
        BadText{"utf16", std::string("\xff\xfen\0a\0", 6), "1:1: found the byte 0xff, wanted UTF-8"},
        BadText{"nul", replaced(kGoodRecipe, "models/tiny", std::string("a\0b", 3)),
                "4:10: found the control character 0x00"},
        BadText{"escape_character", replaced(kGoodRecipe, "models/tiny", "a\x1b[1m"),
                "4:10: found the control character 0x1b"},
        BadText{"empty", "", "1:1: found nothing, wanted a recipe: a map of keys"},
        BadText{"only_a_comment", "# nothing here\n", "1:1: found nothing, wanted a recipe"},
        BadText{"only_a_word", "recipe\n", "1:1: found recipe, wanted a recipe: a map of keys"},
        BadText{"a_list", "- name: x\n", "1:1: found a list of 1, wanted a recipe"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(Bombs, BadTexts,
                         ::testing::Values(BadText{"anchor", replaced(kGoodRecipe, "seed: 7", "seed: &s 7"),
                                                   "2:7: found an anchor or alias"},
                                           BadText{"alias_bomb", alias_bomb(),
                                                   "1:5: found an anchor or alias"},
                                           BadText{"cycle", "a: &a [*a]\n", "1:4: found an anchor or alias"},
                                           BadText{"deep_lists", repeated("[", 70) + repeated("]", 70),
                                                   "1:65: found more than 64 levels of nesting"},
                                           BadText{"deep_maps", repeated("{a: ", 70) + repeated("}", 70),
                                                   "1:257: found more than 64 levels of nesting"},
                                           BadText{"endless_lists", repeated("[", 100000), "1:"},
                                           BadText{"endless_maps", repeated("{a: ", 100000), "1:"},
                                           BadText{"deep_dashes", repeated("- ", 100000),
                                                   "1:129: found more than 64 levels of nesting"},
                                           BadText{"too_large", "name: " + repeated("x", 1 << 20),
                                                   "1:1: found more than 1048576 bytes, wanted a recipe"}),
                         [](const auto& info) { return info.param.name; });

TEST(YamlText, ByteOrderMarkAndWindowsLineEndsAreAccepted) {
  std::string text = kGoodRecipe;
  for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) text.replace(at, 1, "\r\n");
  EXPECT_THAT(parse_text("\xef\xbb\xbf" + text).errors, IsEmpty());
}

TEST(YamlText, PlacesCountCharactersAlsoBehindByteOrderMarkAndWindowsLineEnds) {
  const auto result = parse_text(
      "\xef\xbb\xbfname: x\r\n\xc3\xa9\xe2\x82\xac: {a: 1}\r\n\"\xc3\xa9\": 2\r\nstages: \xc3\xa9\r\n");
  EXPECT_THAT(result.errors,
              ElementsAre("1:1: model: found neither path nor architecture, wanted one of the two",
                          "2:1: \xc3\xa9\xe2\x82\xac: unknown key", "3:1: \xc3\xa9: unknown key",
                          "4:9: stages: found \xc3\xa9, wanted a list of stages"));
}

TEST(YamlText, CommentsMayHoldAnyText) {
  EXPECT_THAT(parse_text("# it's \"100 % \xc3\xa9\n" + kGoodRecipe + "# 'end").errors, IsEmpty());
}

TEST(YamlText, TextKeysTakeLegacyScalarsLiterally) {
  for (const char* text : {"no", "010", "12:30", "1e3", "0x10", "yes", "262_144"}) {
    const auto result = parse_text(replaced(kGoodRecipe, "seed: 7", std::string("run_dir: ") + text));
    EXPECT_THAT(result.errors, IsEmpty());
    EXPECT_EQ(result.recipe.run_dir, text);
  }
}

TEST(YamlText, LongValuesAreCutInMessages) {
  const auto result = parse_text(replaced(kGoodRecipe, "seed: 7", "seed: " + repeated("\xc3\xa9", 500)));
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_LT(result.errors[0].size(), 250u);
  EXPECT_THAT(result.errors[0], StartsWith("2:7: seed: found " + repeated("\xc3\xa9", 60) + "..., wanted"));
}

TEST(YamlText, ALineOfManyValuesTakesLinearTime) {
  // 200,000 values on one line: a place found by counting from the start of the line would take minutes.
  const auto result = read_yaml(fmt::format("[{}a]", repeated("a, ", 200000)));
  ASSERT_FALSE(result.problem.has_value());
  ASSERT_EQ(result.root.items.size(), 200001u);
  EXPECT_EQ(result.root.items.back().place.column, 600002);
}

TEST(YamlText, MissingFolderAndUnreadableFilesAreMissingInput) {
  for (const char* path : {"/nowhere/recipe.yaml", "/tmp", ""}) {
    try {
      parse_recipe(path);
      ADD_FAILURE() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kMissingInput);
      EXPECT_THAT(error.what(), StartsWith(path));
    }
  }
}

}  // namespace
}  // namespace ropeway
