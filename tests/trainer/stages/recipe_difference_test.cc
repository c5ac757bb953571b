#include "trainer/stages/recipe_difference.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ropeway {
namespace {

TEST(RecipeDifference, LinesThatDifferStandBesideEachOther) {
  EXPECT_EQ(recipe_difference("name: a\nseed: 1\nsteps: 2\n", "name: a\nseed: 5\nsteps: 2\n"),
            "\n  there \"seed: 1\", here \"seed: 5\"");
}

TEST(RecipeDifference, ALineMoreDoesNotShiftTheOthers) {
  EXPECT_EQ(recipe_difference("name: a\nseed: 1\n", "version: 1\nname: a\nseed: 1\n"),
            "\n  there nothing, here \"version: 1\"");
}

TEST(RecipeDifference, ManyLinesAreCounted) {
  std::string was, is;
  for (int i = 0; i < 10; ++i) {
    was += fmt::format("a{}\n", i);
    is += fmt::format("b{}\n", i);
  }
  EXPECT_TRUE(recipe_difference(was, is).ends_with("\n  and 5 more lines")) << recipe_difference(was, is);
}

}  // namespace
}  // namespace ropeway
