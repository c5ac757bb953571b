// Patterns of tokenizer.json against PyPI tokenizers (Oniguruma): every one of them cuts texts into the same
// pieces, or is refused by the name of what it has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/errors.h"
#include "tests/support/python.h"
#include "tests/support/temp_dir.h"
#include "trainer/files/strict_json.h"
#include "trainer/tokenizer/pre_tokenizer.h"

namespace ropeway {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

struct Pattern {
  const char* regex;
  const char* refused = "";  // what the message names; "": equal
};

constexpr Pattern kPatterns[] = {
    // Tokenizers in use: cl100k as tiktoken writes it, Llama 3, GPT-4o, StableLM 2, DeepSeek's digits.
    {R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s)"},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {R"(\p{N}{1,3}(?=(?:\p{N}{3})*\b))"},
    {R"([\u4E00-\u9FFF\u3040-\u309F\u30A0-\u30FF]+)"},
    // Repeats.
    {R"(a{1,3}+)"},
    {R"(a{2}+)"},
    {R"(a{,2})"},
    {R"(a{2}?)"},
    {R"(a{2,2}?)"},
    {R"(a{1,2}?b?)"},
    {R"(a**|b?+)"},
    {R"(a{,}|a{ 1}|a{})"},
    {R"((?:a?){3}|(|b)+)"},
    {R"((?:a+?b?)+)"},
    {R"((?:a*?)*)", "a repeat of a lazy repeat"},
    {R"(a{3,1})", "the repeat {3,1}, which is possessive,"},
    {R"(*a)", "a repeat of nothing"},
    {R"(a(?=b)*)", "a repeat of what has no width"},
    // Options.
    {R"((?m:a.b))"},
    {R"((?m).)"},
    {R"(.)"},
    {R"((?x: a + # comment
        b ) c)"},
    {R"(a(?i)b|c)"},
    {R"(a(?:b(?i)c|d)e|(?i-m:a.b))"},
    {R"((?i:k|i|é|[k-m]|[^s]))"},
    {R"((?i)(?:s|x)s|ss+)"},
    {R"((?i:ß))", "U+00DF under (?i)"},
    {R"((?i:ss))", "'ss' under (?i)"},
    {R"((?i)s(?:s))", "'ss' under (?i)"},
    {R"((?i:[à-ÿ]))"},
    {R"((?i)[ß-ü])", "U+00DF under (?i)"},
    {R"((?i)\p{Lu})", "a property of letters under (?i)"},
    {R"((?i)[^\p{Lu}])", "a class of letters by a property under (?i)"},
    {R"((?W:\w))", "(?W"},
    // Characters.
    {R"(\v|\f|\e|\a|\t)"},
    {R"(\u0041|\x42|\x{43}|\o{104}|\0105)"},
    {R"(\xe4\xb8\xad)", "\\x that is no ASCII character"},
    {R"(\u41)", "\\u without the number of a character"},
    {R"(\$\.\-\/\ \中|]|})"},
    {R"(\q)", "\\q"},
    {R"(\cA)", "\\c"},
    // Classes.
    {R"([a-z&&[^aeiou]]+)"},
    {R"([a[bc]]+|[^d[^ef]]+)"},
    {R"([]a]|[^]b-])"},
    {R"([!--])"},
    {R"([\D]+)"},
    {R"([^\S\n]+)"},
    {R"([\b])"},
    {R"([a&&])", "&& with nothing on one side"},
    {R"([\w-x])", "a range that begins with a set"},
    {R"([\R])", "\\R inside []"},
    {R"([[:foo:]])", "[:foo:]"},
    {R"(\pL)", "\\p without {}"},
    {R"(\p{Nonsense})", "does not compile"},
    // Places and groups.
    {R"(^a|b$)"},
    {R"(b\Z)"},
    {R"(\Ab|c\z)"},
    {R"(\b)"},
    {R"(\B)"},
    {R"(\R)"},
    {R"(\N|\O)"},
    {R"((?<name>a)b|(?#comment)c)"},
    {R"((?>a+)b|(?<=a|bc)d|(?<!\s)e)"},
    {R"(x*)"},
    {R"()"},
    {R"(\X)", "\\X"},
    {R"(\y)", "\\y"},
    {R"(\Ga)", "\\G"},
    {R"(a\Kb)", "\\K"},
    {R"((a)\1)", "the back-reference \\1"},
    {R"((?~ab))", "(?~"},
    {R"((?<n>a)(?(<n>)b|c))", "(?("},
    {R"((*FAIL))", "(*"},
    {R"((?P<n>a))", "(?P"},
    {R"((a)", "a ( without its )"},
    {R"(a))", "a ) without its ("},
};

// Sets of characters that have a name.
constexpr const char* kNames[] = {
    R"(\w)",
    R"(\W)",
    R"([\w])",
    R"(\h)",
    R"(\H)",
    R"(\s)",
    R"(\d)",
    R"([[:alnum:]])",
    R"([[:alpha:]])",
    R"([[:^alpha:]])",
    R"([[:blank:]])",
    R"([[:cntrl:]])",
    R"([[:graph:]])",
    R"([[:lower:]])",
    R"([[:print:]])",
    R"([[:punct:]])",
    R"([[:upper:]])",
    R"([[:word:]])",
    R"([[:xdigit:]])",
    R"(\p{Punct})",
    R"(\p{Letter})",
    R"(\p{^L})",
    R"(\P{^Upper case_letter})",
    R"(\p{Cased_Letter})",
    R"(\p{Alphabetic})",
    R"(\p{Han})",
    R"(\p{Lu})",
    R"(\p{Ll})",
    R"(\p{Lm})",
    R"(\p{Lo})",
    R"(\p{Mn})",
    R"(\p{Mc})",
    R"(\p{Nd})",
    R"(\p{Nl})",
    R"(\p{No})",
    R"(\p{Pd})",
    R"(\p{Po})",
    R"(\p{Sm})",
    R"(\p{So})",
    R"(\p{Cf})",
};

// Scripts, among the characters of Unicode 14.
constexpr const char* kScripts[] = {
    R"([\p{Greek}\p{^Latin}])",
    R"(\p{Cyrillic})",
};

const std::vector<std::string> kTexts = {
    "aaaaaaab aab abc ABC aB Ab dd cab bcd ade ",
    "Order 1234567 of 2024-10-05 weighed 100000 g; they'RE 12,\r\n\r\n  don't DON'T \n\n  ",
    "a\x0b"
    "b\nc\r\nd\u2028e\u0085f\x0c\x1b\x07\t\x08 g\u180e\u00a0\u200bh",
    "ss ß SS ẞ ſs st ﬁ fi K\u212a k \u0130 i I ı é É à À ÿ Ÿ x",
    "a$+-!b<=>~`|^ {,} a{,} a{ 1} a{} ]5^&- (x) \\ / ..",
    "中、々ｶ ひカ é_1 ٣ ⅷ Ⓐ ½ ² e\u0301 αβ ǅ user_id=4 and_so_on",
    "A1 B22 C333 D4444 E55555 \nab\n",
    "",
    "b",
    "\n\n",
    // Of Unicode 15 to 16: CJK of extensions H and I, an emoji, Kawi with digits, Garay, Cyrillic.
    "a\U00031350\U0002ebf0 \U0001fae8! \U00011f04\U00011f51\U00011f52 \U00010d50\U00010d70 "
    "\u1c89\u1c8a\u0897",
};

Json split(const Json& pattern, const std::string& behavior, bool invert) {
  return {{"type", "Split"}, {"pattern", pattern}, {"behavior", behavior}, {"invert", invert}};
}

std::vector<std::string> pieces_of(const PreTokenizer& step, const std::string& text) {
  Pieces from, to;
  from.at_start = to.at_start = true;
  from.add(text);
  step.apply(from, to);
  std::vector<std::string> pieces;
  for (size_t i = 0; i < to.count(); ++i) pieces.emplace_back(to.piece(i));
  return pieces;
}

// What the oracle makes of the cases, each a Split, and the text with all characters.
Json oracle(const Json& cases, const std::vector<std::string>& texts) {
  const TempDir folder;
  write_bytes(folder / "cases.json", Json{{"texts", texts}, {"cases", cases}}.dump());
  const std::string command = python() +
                              " -B " ROPEWAY_SOURCE_DIR "/tests/trainer/tokenizer/patterns_oracle.py " +
                              (folder / "cases.json").string() + " " + (folder / "out.json").string();
  if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
  return Json::parse(read_bytes(folder / "out.json"));
}

void expect_pieces(const PreTokenizer& step, const std::string& text, const Json& wanted) {
  const auto found = pieces_of(step, text);
  const auto want = wanted.get<std::vector<std::string>>();
  const auto [ours, theirs] = std::mismatch(found.begin(), found.end(), want.begin(), want.end());
  EXPECT_TRUE(found == want) << "piece " << ours - found.begin() << " of '" << text.substr(0, 60) << "': '"
                             << (ours == found.end() ? "" : ours->substr(0, 60)) << "', wanted '"
                             << (theirs == want.end() ? "" : theirs->substr(0, 60)) << "'";
}

std::unique_ptr<PreTokenizer> step_of(const Json& split) {
  return std::move(read_pre_tokenizers(parse_strict_json(split.dump(), "F")).front());
}

TEST(Patterns, CutAsOnigurumaDoesOrAreRefusedByName) {
  ROPEWAY_NEEDS_PYTHON();
  Json cases = Json::array();
  for (const Pattern& pattern : kPatterns)
    cases.push_back(split({{"Regex", pattern.regex}}, "Isolated", false));
  const Json wanted = oracle(cases, kTexts)["cases"];
  for (size_t i = 0; i < std::size(kPatterns); ++i) {
    SCOPED_TRACE(kPatterns[i].regex);
    std::unique_ptr<PreTokenizer> step;
    const auto error = error_of([&] { step = step_of(cases[i]); });
    if (*kPatterns[i].refused != '\0') {
      ASSERT_TRUE(error.has_value());
      EXPECT_EQ(error->kind(), ErrorKind::kBadData);
      EXPECT_THAT(error->what(), HasSubstr(kPatterns[i].refused));
      EXPECT_THAT(error->what(), HasSubstr("F: pattern.Regex"));
      continue;
    }
    ASSERT_FALSE(error.has_value()) << error->what();
    ASSERT_FALSE(wanted[i].is_null()) << "Oniguruma does not take it";
    for (size_t k = 0; k < kTexts.size(); ++k) expect_pieces(*step, kTexts[k], wanted[i][k]);
  }
}

TEST(Patterns, EveryBehaviourCutsAsInTokenizersInvertedToo) {
  ROPEWAY_NEEDS_PYTHON();
  Json cases = Json::array();
  for (const Json& pattern :
       {Json{{"String", ""}}, Json{{"String", "a"}}, Json{{"String", "aa"}}, Json{{"Regex", ""}},
        Json{{"Regex", "x*"}}, Json{{"Regex", "a|(?=b)"}}, Json{{"Regex", R"(\p{L}+| ?\p{N})"}}}) {
    for (const char* behavior :
         {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"}) {
      for (const bool invert : {false, true}) cases.push_back(split(pattern, behavior, invert));
    }
  }
  const Json wanted = oracle(cases, kTexts)["cases"];
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].dump());
    const auto step = step_of(cases[i]);
    for (size_t k = 0; k < kTexts.size(); ++k) expect_pieces(*step, kTexts[k], wanted[i][k]);
  }
}

TEST(Patterns, NamedSetsHaveTheSameCharacters) {
  ROPEWAY_NEEDS_PYTHON();
  Json cases = Json::array();
  for (const char* name : kNames) cases.push_back(split({{"Regex", name}}, "Removed", false));
  for (const char* name : kScripts) {
    cases.push_back(split({{"Regex", name}}, "Removed", false));
    cases.back()["older"] = true;
  }
  const Json wanted = oracle(cases, {});
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].dump());
    const bool older = cases[i].erase("older") > 0;
    expect_pieces(*step_of(cases[i]), wanted[older ? "older" : "characters"], wanted["cases"][i]);
  }
}

// Where stand-ins could be told from what they stand for, it is said that the pattern may cut otherwise.
TEST(Patterns, ThatNameRareCharactersTakeNoStandIns) {
  const std::string newer = "a\U00031350b";
  testing::internal::CaptureStderr();
  const auto pieces = [&](const char* regex) {
    const auto step = step_of(split({{"Regex", regex}}, "Removed", false));
    pieces_of(*step, newer);
    return pieces_of(*step, newer).size();
  };
  EXPECT_EQ(pieces(R"(\p{L})"), 0u);
  EXPECT_EQ(pieces(R"([\x{20000}-\x{2A6DF}])"), 1u);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("newer than Unicode 14"));
  EXPECT_EQ(said.find("newer"), said.rfind("newer")) << "once per pattern";
}

// A message repeats no more of a pattern than a reader can use.
TEST(Patterns, ALongOneIsNotRepeatedInFull) {
  const Json step = split({{"Regex", std::string(5000, 'a') + "\\X"}}, "Isolated", false);
  const auto error = error_of([&] { step_of(step); });
  ASSERT_TRUE(error.has_value());
  EXPECT_LT(std::string(error->what()).size(), 250u);
}

TEST(Patterns, NestingIsBounded) {
  for (const char* open : {"(", "["}) {
    std::string regex;
    for (int i = 0; i < 20000; ++i) regex += open;
    const Json step = split({{"Regex", regex}}, "Isolated", false);
    const auto error = error_of([&] { step_of(step); });
    ASSERT_TRUE(error.has_value());
    EXPECT_THAT(error->what(), HasSubstr("nested"));
  }
}

}  // namespace
}  // namespace ropeway
