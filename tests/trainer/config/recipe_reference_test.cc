// The reference of keys says what the table says, and configs/REFERENCE.md is it.
#include "trainer/config/recipe_reference.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "trainer/config/recipe_keys.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;

TEST(Reference, NamesEveryKeyWithItsMeaning) {
  const std::string reference = recipe_reference();
  for (const RecipeKey& key : recipe_keys()) {
    EXPECT_FALSE(key.meaning.empty()) << key.name;
    EXPECT_THAT(reference, HasSubstr(fmt::format("  {:<26}{}", key.name, key.meaning)));
  }
}

TEST(Reference, SaysTheDefaultsOfThePlainStructs) {
  const std::string reference = recipe_reference();
  EXPECT_THAT(reference, HasSubstr("a number above 0 and at most 1; default 2e-05"));  // learning_rate
  EXPECT_THAT(reference, HasSubstr("families, paper or longrope2; default families"));
  EXPECT_THAT(reference, HasSubstr("auto, or an integer from 1 to 1000000; default auto"));
}

TEST(Reference, PageIsUpToDate) {
  EXPECT_EQ(read_bytes(ROPEWAY_SOURCE_DIR "/configs/REFERENCE.md"), recipe_reference_markdown())
      << "ropeway validate --keys --markdown > configs/REFERENCE.md writes it anew";
}

TEST(Reference, CellsKeepTheTableWhole) {
  const std::string page = recipe_reference_markdown();
  EXPECT_THAT(page, HasSubstr("default runs/&lt;name>"));
  EXPECT_THAT(
      page, HasSubstr("| `length` | tokens the set is for (search, readjust) | a length from 2 to 1G such as "
                      "4096, 4K or 2M | required | target_length, target, context_length |"));
}

}  // namespace
}  // namespace ropeway
