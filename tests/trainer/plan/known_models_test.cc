// Shapes by name: the parameters that follow from them are those that the models' own pages and files state.
#include "trainer/plan/known_models.h"

#include <gtest/gtest.h>

#include <map>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

TEST(KnownModels, HaveAsManyParametersAsTheirFiles) {
  const std::map<std::string_view, int64_t> published = {
      {"llama2_7b", 6738415616},    {"llama2_13b", 13015864320},    {"llama2_70b", 68976648192},
      {"llama3_8b", 8030261248},    {"llama3_1_8b", 8030261248},    {"llama3_2_1b", 1235814400},
      {"llama3_2_3b", 3212749824},  {"tinyllama_1_1b", 1100048384}, {"mistral_7b", 7241732096},
      {"phi3_mini_4k", 3821079552}, {"qwen2_5_0_5b", 494032768},    {"qwen2_5_1_5b", 1543714304},
      {"qwen2_5_7b", 7615616512},   {"qwen3_0_6b", 596049920},      {"qwen3_4b", 4022468096},
      {"qwen3_8b", 8190735360},     {"smollm2_135m", 134515008},    {"smollm2_360m", 361821120},
      {"smollm2_1_7b", 1711376384}};
  for (const KnownModel& model : known_models()) {
    ASSERT_TRUE(published.contains(model.name)) << model.name;
    EXPECT_EQ(config_of(model).num_parameters(), published.at(model.name)) << model.name;
  }
}

TEST(KnownModels, AreFoundByFolderAndByTheirNameOnTheHub) {
  for (const char* name : {"llama2_7b", "models/llama2_7b", "models/llama2_7b/", "Llama-2-7b-hf",
                           "LLAMA-2-7B-HF", "meta-llama/Llama-2-7b-hf"}) {
    const KnownModel* found = find_known_model(name);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_EQ(found->name, "llama2_7b") << name;
  }
  EXPECT_EQ(find_known_model("llama2_7b_tuned"), nullptr);
  EXPECT_EQ(find_known_model(""), nullptr);
  EXPECT_EQ(find_known_model("/"), nullptr);
}

TEST(KnownModels, AMisspeltNameIsSuggested) {
  try {
    known_model("llama2_8b");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    EXPECT_NE(std::string(error.what()).find("did you mean llama2_7b?"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace ropeway
