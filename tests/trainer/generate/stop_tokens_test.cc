#include "trainer/generate/stop_tokens.h"

#include <gmock/gmock.h>

#include "kernels/base/error.h"
#include "tests/support/errors.h"
#include "tests/support/temp_dir.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(StopTokens, AreThoseOfTheFirstFileThatNamesSome) {
  const TempDir folder;
  const auto stop = [&] { return stop_tokens(folder.path(), {.bos = 1, .eos = 5}, 100); };
  EXPECT_THAT(stop(), ElementsAre(5));
  folder.file("config.json", R"({"eos_token_id": [9, 7]})");
  EXPECT_THAT(stop(), ElementsAre(7, 9));
  folder.file("generation_config.json", R"({"bos_token_id": 1})");
  EXPECT_THAT(stop(), ElementsAre(7, 9));
  folder.file("generation_config.json", R"({"eos_token_id": null})");
  EXPECT_THAT(stop(), ElementsAre(7, 9));
  folder.file("generation_config.json", R"({"eos_token_id": [12, 3, 12, -1]})");
  EXPECT_THAT(stop(), ElementsAre(3, 12));
  folder.file("generation_config.json", R"({"eos_token_id": 4})");
  EXPECT_THAT(stop(), ElementsAre(4));
}

TEST(StopTokens, MayBeNone) {
  const TempDir folder;
  EXPECT_THAT(stop_tokens(folder.path(), {}, 100), IsEmpty());
  EXPECT_THAT(stop_tokens("", {.eos = 2}, 100), ElementsAre(2));
}

TEST(StopTokens, ThatAreNoIdsAreRefusedByPlace) {
  const TempDir folder;
  const auto refused = [&](const std::string& value, const std::string& words) {
    folder.file("generation_config.json", "{\"eos_token_id\": " + value + "}");
    expect_error(ErrorKind::kBadData, {"generation_config.json: eos_token_id", words},
                 [&] { stop_tokens(folder.path(), {}, 100); });
  };
  refused("\"</s>\"", "found \"</s>\"");
  refused("[2, 100]", "[1]: found 100");
  refused("2.5", "found 2.5");
}

}  // namespace
}  // namespace ropeway
