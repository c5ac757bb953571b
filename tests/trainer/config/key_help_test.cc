// A key explained: found by its path, its name, or another trainer's name for it.
#include "trainer/config/key_help.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trainer/config/recipe_keys.h"

namespace ropeway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> paths(const std::string& word) {
  std::vector<std::string> found;
  for (const RecipeKey* key : keys_called(word)) found.push_back(path_of(*key));
  return found;
}

TEST(KeyHelp, FindsKeysByPath) {
  EXPECT_THAT(paths("mesh.data"), ElementsAre("mesh.data"));
  EXPECT_THAT(paths("model.architecture.window"), ElementsAre("model.architecture.window"));
  EXPECT_THAT(paths("seed"), ElementsAre("seed"));
  for (const char* path : {"stages.tune.steps", "stages[12].steps"}) {
    EXPECT_THAT(paths(path), ElementsAre("stages.NAME.steps")) << path;
  }
  EXPECT_THAT(paths("stages.a.gate.against"), ElementsAre("stages.NAME.gate.against"));
}

TEST(KeyHelp, FindsEveryKeyOfAName) {
  EXPECT_THAT(paths("length"), ElementsAre("stages.NAME.length", "stages.NAME.length"));  // training, search
  EXPECT_THAT(paths("sequence"), ElementsAre("mesh.sequence"));
}

TEST(KeyHelp, KnowsWhatOthersCallIt) {
  EXPECT_THAT(paths("max_grad_norm"), ElementsAre("stages.NAME.clip_norm"));
  EXPECT_THAT(paths("no_such_thing"), IsEmpty());
  for (const char* path : {"stages.", "stages[", "stages[1]", "stages", "mesh.", ".", ""}) {
    EXPECT_THAT(paths(path), IsEmpty()) << path;
  }
}

TEST(KeyHelp, EveryKeyIsFoundByItsOwnPath) {
  for (const RecipeKey& key : recipe_keys()) {
    const auto found = keys_called(path_of(key));
    EXPECT_THAT(found, ::testing::Contains(&key)) << path_of(key);
  }
}

TEST(KeyHelp, SaysMeaningValuesDefaultAndOtherNames) {
  const std::string text = key_help(*keys_called("clip_norm").front());
  EXPECT_EQ(text,
            "stages.NAME.clip_norm  (stages of kind pretrain, finetune)\n"
            "  gradients are scaled down to this norm\n"
            "  value      a number above 0 and at most 1e+09\n"
            "  default    1\n"
            "  elsewhere  max_grad_norm, grad_clip, gradient_clipping, clip\n");
  EXPECT_THAT(key_help(*keys_called("steps").front()), HasSubstr("none: the key is required"));
}

TEST(KeyHelp, SuggestsTheNearest) {
  EXPECT_EQ(nearest_key("mesh.sequense"), "sequence");
  EXPECT_EQ(nearest_key("stages.tune.learning_rat"), "learning_rate");
  EXPECT_EQ(nearest_key("wholly_different"), "");
}

}  // namespace
}  // namespace ropeway
