// Words of a recipe become values in trainer/config. Beyond it nothing compares a text with such a word: a
// misspelt one would silently mean something else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "trainer/config/recipe_keys.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const fs::path kRoot = ROPEWAY_SOURCE_DIR;

std::set<std::string> recipe_words() {
  std::set<std::string> words;
  for (const RecipeKey& key : recipe_keys()) words.insert(key.choices.begin(), key.choices.end());
  for (const std::string& word : words_of<TemperaturePolicy>()) words.insert(word);
  return words;
}

// The comparisons of `source` with one of `words`, as they are written: `== "paper"`.
std::vector<std::string> comparisons(const std::string& source, const std::set<std::string>& words) {
  static const std::regex kComparison(R"re([=!]=\s*"(\w+)"|"(\w+)"\s*[=!]=)re");
  std::vector<std::string> found;
  for (std::sregex_iterator it(source.begin(), source.end(), kComparison), end; it != end; ++it) {
    if (words.count((*it)[1]) + words.count((*it)[2]) > 0) found.push_back(it->str());
  }
  return found;
}

std::string read(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(RecipeWords, AreFoundWhereTheyArePlanted) {
  const std::set<std::string> words = {"paper", "bf16"};
  EXPECT_THAT(comparisons("if (options.seeds == \"paper\") return;", words), ElementsAre("== \"paper\""));
  EXPECT_THAT(comparisons("x = moments !=\n    \"bf16\" ? 1 : 2;", words), ElementsAre("!=\n    \"bf16\""));
  EXPECT_THAT(comparisons("return \"paper\" == seeds;", words), ElementsAre("\"paper\" =="));
  EXPECT_THAT(comparisons("name_of(x) == \"bf16\" || y != \"paper\"", words),
              ElementsAre("== \"bf16\"", "!= \"paper\""));
}

TEST(RecipeWords, MayBeWrittenAndOtherWordsCompared) {
  const std::set<std::string> words = {"paper", "bf16"};
  EXPECT_THAT(comparisons("text += \"paper\"; x = \"bf16\"; call(\"paper\");", words), IsEmpty());
  EXPECT_THAT(comparisons("type == \"BPE\" || seeds == SearchSeeds::kPaper", words), IsEmpty());
  EXPECT_THAT(comparisons("title == \"paper plane\"", words), IsEmpty());
}

TEST(RecipeWords, AreThoseOfTheTable) {
  const std::set<std::string> words = recipe_words();
  for (const char* word :
       {"paper", "bf16", "zigzag", "finetune", "passkey", "su", "host", "cuda", "cosine"}) {
    EXPECT_EQ(words.count(word), 1u) << word;
  }
}

// Folders that read other programs' files (formats, tokenizer, family, ...) have words of their own.
TEST(RecipeWords, AreNotComparedBeyondTheConfiguration) {
  int files = 0;
  for (const char* folder :
       {"trainer/plan", "trainer/model", "trainer/checkpoint", "trainer/finetune", "trainer/search",
        "trainer/evaluate", "trainer/stages", "trainer/rope", "launch", "parallel"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
      const std::string extension = entry.path().extension();
      if (extension != ".h" && extension != ".cc" && extension != ".cu") continue;
      ++files;
      EXPECT_THAT(comparisons(read(entry.path()), recipe_words()), IsEmpty()) << entry.path();
    }
  }
  EXPECT_GT(files, 100);
}

}  // namespace
}  // namespace ropeway
