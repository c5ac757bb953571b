// One table of exit codes: launch/README.md and `ropeway --help` say what the program does.
#include "launch/exit_codes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;

TEST(ExitCodes, PageHasThisTable) {
  std::ifstream page(ROPEWAY_SOURCE_DIR "/launch/README.md");
  const std::string text{std::istreambuf_iterator<char>(page), {}};
  EXPECT_THAT(text, HasSubstr(exit_codes_markdown()));
}

TEST(ExitCodes, AscendWithoutRepetitionAndAllMeanSomething) {
  std::set<std::string> meanings;
  int last = -1;
  for (const ExitCode& code : exit_codes()) {
    EXPECT_GT(code.code, last);
    EXPECT_LT(code.code, 126) << "shells use these themselves";
    EXPECT_STRNE(code.meaning, "");
    EXPECT_TRUE(meanings.insert(code.meaning).second) << code.meaning << " twice";
    last = code.code;
  }
  EXPECT_EQ(meanings.size(), 1 + std::size(kErrorKinds));
}

TEST(ExitCodes, LinesOfHelpAreNoLongerThanWanted) {
  const std::string text = exit_codes_text(40);
  size_t longest = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    longest = std::max(longest, end - begin);
    begin = end + 1;
  }
  EXPECT_LE(longest, 40u);
  EXPECT_THAT(text, HasSubstr("exit codes: 0 done, 2 usage,"));
  EXPECT_THAT(text, HasSubstr("80 out of memory,\n  81 figures missed the recipe's gate\n"));
}

}  // namespace
}  // namespace ropeway
