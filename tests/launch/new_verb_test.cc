// ropeway new: what it writes is a recipe that fits where it is for.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/faults/run_ropeway.h"

namespace ropeway {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Case {
  const char* model;
  const char* target;
  int gpus;
  const char* gpu;
};

TEST(NewVerb, WritesRecipesThatAreGoodAndFit) {
  const TempDir scratch;
  for (const Case& one : {Case{"llama2_7b", "256K", 8, "h100"}, Case{"llama2_7b", "2M", 32, "h100"},
                          Case{"smollm2_135m", "64K", 1, "a100"}, Case{"mistral_7b", "128K", 16, "h200"},
                          Case{"phi3_mini_4k", "128K", 8, "h200"}}) {
    const std::string file = scratch.name("recipe.yaml"), gpus = std::to_string(one.gpus);
    const std::string machine = " --gpus " + gpus + " --gpu " + one.gpu;
    const Ended made =
        run_shell("{} new " + std::string(one.model) + " --target " + one.target + machine + " > " + file);
    ASSERT_EQ(made.code, 0) << one.model << ": " << made.err;
    const Ended good = run_ropeway("validate --offline " + file + " --ranks " + gpus);
    EXPECT_EQ(good.code, 0) << good.err << read_bytes(file);
    const Ended plan = run_ropeway("plan " + file + machine + " --json " + scratch.name("plan.json"));
    EXPECT_EQ(plan.code, 0) << plan.err;
    // No other way to share the ranks out is quicker.
    const auto json = nlohmann::json::parse(read_bytes(scratch.path() / "plan.json"));
    EXPECT_EQ(json["cheapest_mesh"], json["mesh"]) << read_bytes(file);
  }
}

TEST(NewVerb, SaysWhy) {
  const Ended ended = run_ropeway("new llama2_7b --target 2M --gpus 32 --gpu h100");
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("# models/llama2_7b (6.74B parameters) from 4K to 2M tokens on 32 x h100"),
                    HasSubstr("  # ranks per sequence"), HasSubstr("# The quickest of the "),
                    HasSubstr("The paper tunes at 256K at most"), HasSubstr("  # about ")));
}

// The tiny model of the tests: its folder is read, and the recipe names it.
TEST(NewVerb, ReadsAFoldersConfig) {
  const TempDir scratch;
  const std::string file = scratch.name("recipe.yaml");
  ASSERT_EQ(run_shell("{} new tests/data/tiny_base --target 2K --gpu cpu > " + file).code, 0);
  const std::string prose = "[tests/data/prose.txt]";
  const Ended good = run_ropeway("validate " + file + " --set data.train=" + prose +
                                 " --set data.validation=" + prose + " --set data.test=" + prose);
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_THAT(read_bytes(file), AllOf(HasSubstr("  path: tests/data/tiny_base\n"), HasSubstr("device: cpu\n"),
                                      HasSubstr("length: 2K\n"), Not(HasSubstr("further"))));
}

TEST(NewVerb, RefusesWhatCannotBe) {
  const auto refused = [](const std::string& arguments, int code) {
    const Ended ended = run_ropeway("new " + arguments);
    EXPECT_EQ(ended.code, code) << arguments;
    EXPECT_EQ(ended.out, "");
    return ended.err;
  };
  EXPECT_THAT(refused("llama2_7b", 2), HasSubstr("--target is missing"));
  EXPECT_THAT(refused("llama2_7b --target 4K", 2), HasSubstr("within the model's window of 4K"));
  EXPECT_THAT(refused("llama2_70b --target 1M --gpus 1 --gpu a100", 80),
              HasSubstr("no way to share the ranks out fits"));
  EXPECT_THAT(refused("llama2_7x --target 1M", 2), HasSubstr("did you mean llama2_7b?"));
}

}  // namespace
}  // namespace ropeway
