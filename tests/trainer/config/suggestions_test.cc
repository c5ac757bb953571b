// The nearest known key: every key of the table is misspelt in every simple way, and must be suggested.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "kernels/base/error.h"
#include "tests/trainer/config/recipe_text.h"
#include "trainer/config/lengths.h"
#include "trainer/config/nearest_word.h"
#include "trainer/config/recipe_keys.h"

namespace ropeway {
namespace {

std::vector<std::string> misspellings(const std::string& word) {
  std::vector<std::string> out;
  for (size_t i = 0; i < word.size(); ++i) {
    out.push_back(word.substr(0, i) + word.substr(i + 1));        // left out
    out.push_back(word.substr(0, i) + word[i] + word.substr(i));  // doubled
    out.push_back(word.substr(0, i) + "q" + word.substr(i + 1));  // wrong
    if (i + 1 < word.size()) {
      out.push_back(word.substr(0, i) + word[i + 1] + word[i] + word.substr(i + 2));  // swapped
    }
  }
  return out;
}

TEST(Suggestions, MisspeltStageKeysAreFoundNineteenTimesInTwenty) {
  for (const StageKind kind : stage_kinds()) {
    std::vector<std::string> names;
    for (const RecipeKey& key : recipe_keys()) {
      if (key.section == "stages" && is_for(key, kind)) names.emplace_back(key.name);
    }
    const std::set<std::string> known(names.begin(), names.end());
    int tried = 0, found = 0;
    for (const std::string& name : names) {
      for (const std::string& word : misspellings(name)) {
        if (known.count(word) > 0) continue;
        ++tried;
        found += nearest_word(word, names) == name;
      }
    }
    EXPECT_GE(found, 0.95 * tried) << word_of(kind) << ": " << found << " of " << tried;
  }
}

TEST(Suggestions, WordsThatAreFarFromAllHaveNone) {
  EXPECT_EQ(nearest_word("zebra", {"learning_rate", "steps", "eps"}), "");
  EXPECT_EQ(nearest_word("", {"a", "b"}), "");
  EXPECT_EQ(nearest_word("x", {"a", "b"}), "");
  EXPECT_EQ(nearest_word(std::string(1000, 'a'), {"a"}), "");
}

TEST(Suggestions, CaseAndDashesDoNotMatter) {
  EXPECT_EQ(nearest_word("Learning-Rate", {"learning_rate", "steps"}), "learning_rate");
  EXPECT_EQ(nearest_word("STEPS", {"learning_rate", "steps"}), "steps");
}

TEST(Suggestions, TheNearestWins) { EXPECT_EQ(nearest_word("beta22", {"beta1", "beta2"}), "beta2"); }

TEST(Lengths, AreWrittenPlainOrWithPowersOf1024) {
  EXPECT_EQ(parse_length("4096"), 4096);
  EXPECT_EQ(parse_length("4K"), 4096);
  EXPECT_EQ(parse_length("256K"), 262144);
  EXPECT_EQ(parse_length("2M"), 2097152);
  EXPECT_EQ(parse_length("1000"), 1000);
}

TEST(Lengths, AreShownInTheLargestUnitThatDivides) {
  EXPECT_EQ(format_length(262144), "256K");
  EXPECT_EQ(format_length(2097152), "2M");
  EXPECT_EQ(format_length(256), "256");
  EXPECT_EQ(format_length(1536 * 1024), "1536K");
  EXPECT_EQ(format_length(1000), "1000");
  for (const int64_t length : {2, 256, 2048, 2050, 1 << 20, 3 << 20})
    EXPECT_EQ(parse_length(format_length(length)), length);
}

TEST(Lengths, AnythingElseIsAUsageErrorThatNamesTheText) {
  for (const char* text : {"", "K", "0", "0K", "-4K", "+4", "4k", "4KB", "4 K", "4.5K", "1e3", "04", "4K4",
                           "0x10", "4096\n", "99999999999999999999", "9999999999999999M"}) {
    try {
      parse_length(text);
      ADD_FAILURE() << "'" << text << "' was taken for a length";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kUsage);
      EXPECT_THAT(error.what(), ::testing::HasSubstr(std::string("'") + text + "'"));
    }
  }
}

}  // namespace
}  // namespace ropeway
