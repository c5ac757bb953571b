// Models whose config.json and weights are each in order but do not fit this program or each other.
#include "tests/faults/refusals.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

// A copy of the base model, changed in one place, and the commands that read it.
class ModelConfigs : public testing::Test {
 protected:
  ModelConfigs() { fs::copy(kTinyBase, model_, fs::copy_options::recursive); }

  // "key": value of config.json becomes `member`; a key that is not there is added.
  void set(const std::string& key, const std::string& value) {
    std::string config = read_bytes(model_ / "config.json");
    const std::string quoted = "\"" + key + "\":";
    const size_t at = config.find(quoted);
    if (at == std::string::npos) {
      config.insert(config.find('{') + 1, quoted + " " + value + ",");
    } else {
      const size_t begin = at + quoted.size();
      config.replace(begin, config.find_first_of(",\n", begin) - begin, " " + value);
    }
    std::ofstream(model_ / "config.json") << config;
  }
  // Plain RoPE taken away and this block put in its place.
  void set_rope(const std::string& block) {
    std::string config = read_bytes(model_ / "config.json");
    const size_t begin = config.find("\"rope_parameters\"");
    config.replace(begin, config.find('}', begin) + 1 - begin, "\"rope_parameters\": " + block);
    std::ofstream(model_ / "config.json") << config;
  }

  void expect_refused(int code, std::vector<std::string> said, const std::string& arguments = "") {
    said.push_back(model_.string());  // not first: the way to convert a model names its folder again
    expect_refusal("evaluate " + model_.string() + " --text tests/data/prose.txt --windows 1 --json " +
                       scratch_.name("out/result.json") + " --cache " + scratch_.name("cache") + arguments,
                   {.code = code, .said = said, .ranks = {1}}, scratch_.path());
  }
  void expect_config_refused(std::vector<std::string> said) {
    said.insert(said.begin(), "config.json: ");
    expect_refused(65, said);
  }

  TempDir scratch_;
  const fs::path model_ = scratch_.path() / "model";
};

TEST_F(ModelConfigs, AnUnknownArchitecture) {
  set("model_type", "\"gpt_neox\"");
  expect_config_refused({"model_type: found \"gpt_neox\"", "llama, mistral, phi3, qwen2, qwen3"});
}

TEST_F(ModelConfigs, AnUnknownActivation) {
  set("hidden_act", "\"gelu\"");
  expect_config_refused({"hidden_act: found \"gelu\""});
}

TEST_F(ModelConfigs, AnUnknownRopeType) {
  set_rope(R"({"rope_type": "dynamic", "factor": 2.0})");
  expect_config_refused({"rope_parameters.rope_type: found \"dynamic\"", "yarn, llama3, longrope"});
}

TEST_F(ModelConfigs, AFactorListOfTheWrongLength) {
  set("original_max_position_embeddings", "128");
  set_rope(R"({"rope_type": "longrope", "short_factor": [1, 1], "long_factor": [1, 2]})");
  expect_config_refused({"rope_parameters.short_factor: found an array of 2, wanted an array of"});
}

TEST_F(ModelConfigs, QuantizedWeights) {
  set("quantization_config", R"({"bits": 4})");
  expect_config_refused({"quantization_config: found an object"});
}

TEST_F(ModelConfigs, AVocabularyUnlikeTheEmbedding) {
  set("vocab_size", "300");
  expect_refused(65, {"model.embed_tokens.weight is [258, ", "wanted [300, "});
}

TEST_F(ModelConfigs, BiasesThatAreNotThere) {
  set("attention_bias", "true");
  expect_refused(65, {"missing", "model.layers.0.self_attn.k_proj.bias"});
}

// The weights are those of llama; qwen3 would norm its heads.
TEST_F(ModelConfigs, TheWeightsOfAnotherFamily) {
  set("model_type", "\"qwen3\"");
  expect_refused(65, {"missing", "model.layers.0.self_attn.k_norm.weight"});
}

TEST_F(ModelConfigs, FusedWeightsThatAreSeparate) {
  set("model_type", "\"phi3\"");
  expect_refused(65, {"missing", "model.layers.0.mlp.gate_up_proj.weight", "unexpected",
                      "model.layers.0.mlp.gate_proj.weight"});
}

TEST_F(ModelConfigs, ALengthBeyondTheSlidingWindow) {
  set("model_type", "\"mistral\"");
  set("sliding_window", "64");
  expect_refused(65, {"128 tokens are more than the sliding window of 64", "--sliding-window full"},
                 " --lengths 128");
}

TEST_F(ModelConfigs, ARecipeBeyondTheSlidingWindow) {
  set("model_type", "\"mistral\"");
  set("sliding_window", "64");
  expect_refusal("run " + small_recipe(scratch_, kEvaluateStage) + " --set model.path=" + model_.string(),
                 {.code = 78,
                  .said = {"stages[0].lengths: found 256, wanted at most the model's sliding window of 64",
                           "model.sliding_window: full"}},
                 scratch_.path() / "run");
}

TEST_F(ModelConfigs, AShardOutsideTheFolder) {
  fs::rename(model_ / "model.safetensors", scratch_.path() / "x.safetensors");
  std::ofstream(model_ / "model.safetensors.index.json")
      << R"({"weight_map": {"model.norm.weight": "../x.safetensors"}})";
  expect_refused(65, {"weight_map.model.norm.weight: found \"../x.safetensors\"", "plain file name"});
}

TEST_F(ModelConfigs, AShardThatIsMissing) {
  fs::remove(model_ / "model.safetensors");
  std::ofstream(model_ / "model.safetensors.index.json")
      << R"({"weight_map": {"model.norm.weight": "model-00001-of-00002.safetensors"}})";
  expect_refused(66, {"model-00001-of-00002.safetensors"});
}

TEST_F(ModelConfigs, PickledWeights) {
  fs::rename(model_ / "model.safetensors", model_ / "pytorch_model.bin");
  expect_refused(65, {"pytorch_model.bin", "pickle", "save_pretrained"});
}

}  // namespace
}  // namespace ropeway
