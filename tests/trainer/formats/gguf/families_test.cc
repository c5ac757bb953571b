// GGUF files of the families that are more than a Llama with biases and norms of heads: llama.cpp's names for
// their tensors, as PyPI gguf lists them, and the way back to the same weights and the same config.json.
#include <fmt/format.h>

#include <cmath>
#include <set>

#include "kernels/base/random.h"
#include "tests/support/folder_test.h"
#include "tests/support/model_shape.h"
#include "tests/trainer/formats/gguf/oracle.h"
#include "trainer/family/families.h"
#include "trainer/family/weight_names.h"
#include "trainer/formats/gguf/gguf_export.h"
#include "trainer/formats/gguf/gguf_file.h"
#include "trainer/formats/gguf/gguf_import.h"
#include "trainer/formats/gguf/gguf_names.h"
#include "trainer/formats/hf/hf_config_write.h"
#include "trainer/formats/hf/save_model_dir.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

std::vector<ModelConfig> configs() {
  const auto config_of = [](const char* family, int64_t layers) {
    ModelConfig config = make_config({.family = family,
                                      .hidden = 32,
                                      .intermediate = 40,
                                      .layers = layers,
                                      .head_dim = 8,
                                      .window = 64,
                                      .tied = true});
    config.rms_norm_eps = 1e-6;
    return config;
  };
  std::vector<ModelConfig> all;
  all.push_back(config_of("olmo2", 2));
  all.push_back(config_of("granite", 2));
  all.back().embedding_multiplier = 12;  // numbers that a 32-bit float holds
  all.back().residual_multiplier = 0.25;
  all.back().attention_multiplier = 0.0625;
  all.back().logit_divisor = 8;
  all.push_back(config_of("smollm3", 5));
  all.back().unrotated_layers = {false, false, false, true, false};
  const auto gemma = [&](const char* family, std::vector<bool> local) {
    ModelConfig config = config_of(family, static_cast<int64_t>(local.size()));
    config.sliding_window = 16;
    config.sliding_layers = std::move(local);
    config.embedding_multiplier = std::sqrt(32.0);
    config.attention_multiplier = 1 / std::sqrt(8.0);
    return config;
  };
  all.push_back(gemma("gemma2", {true, false, true}));
  all.back().attention_softcap = 40;
  all.back().logit_softcap = 20;
  all.push_back(gemma("gemma3_text", {true, true, true, true, true, false, true}));
  all.back().local_rope_theta = 10000;
  all.push_back(config_of("glm4", 2));
  all.back().rotary_dim = 4;
  all.back().qkv_bias = true;
  all.back().tie_word_embeddings = false;
  return all;
}

class GgufFamilies : public FolderTest {
 protected:
  // A model of random weights, F32.
  fs::path write_model(const ModelConfig& config) {
    std::vector<std::vector<float>> values;
    std::vector<TensorToWrite> tensors;
    Philox draws(3, Stream::kInit, 0);
    for (const NamedShape& named : weight_names(config)) {
      int64_t count = 1;
      for (const int64_t size : named.shape) count *= size;
      values.emplace_back(static_cast<size_t>(count));
      for (float& value : values.back()) value = static_cast<float>(draws.normal());
      tensors.push_back({named.name, DType::kF32, named.shape, values.back().data()});
    }
    const fs::path folder = folder_ / config.model_type;
    save_model_dir(folder, config, {}, tensors, {});
    return folder;
  }
  static std::string file_of(const ModelDir& model, const fs::path& target) {
    export_gguf({.model = model,
                 .tokenizer_folder = {},
                 .files = {},
                 .factors = choose_export_factors(model.config, model.sets, {}).front(),
                 .type = GgmlType::kF32,
                 .replace = false},
                target);
    return target;
  }
};

TEST_F(GgufFamilies, ComeBackAsTheyWere) {
  for (const ModelConfig& config : configs()) {
    SCOPED_TRACE(config.model_type);
    const ModelDir model = open_model_dir(write_model(config));
    const fs::path back = folder_ / (config.model_type + "_back");
    import_gguf(file_of(model, folder_ / (config.model_type + ".gguf")), back,
                {.dtype = DType::kF32, .replace = false});
    const ModelDir found = open_model_dir(back);
    EXPECT_EQ(write_hf_config(found.config, nullptr, nullptr, "float32"),
              write_hf_config(model.config, nullptr, nullptr, "float32"));
    for (const NamedShape& named : weight_names(config)) {
      const auto wanted = model.shard_of(named.name).data(named.name);
      const auto got = found.shard_of(named.name).data(named.name);
      ASSERT_EQ(wanted.size(), got.size());
      const auto* a = reinterpret_cast<const float*>(wanted.data());
      const auto* b = reinterpret_cast<const float*>(got.data());
      for (size_t i = 0; i < wanted.size() / sizeof(float); ++i) {
        // 1 + weight is rounded once where llama.cpp wants that.
        ASSERT_NEAR(b[i], a[i], config.offset_norms ? 3e-7 : 0) << named.name;
      }
    }
  }
}

TEST_F(GgufFamilies, HaveTheTensorsThatLlamaCppKnows) {
  ROPEWAY_NEEDS_PYTHON();
  for (const ModelConfig& config : configs()) {
    SCOPED_TRACE(config.model_type);
    const std::string architecture(family_of(config.model_type).gguf_architecture);
    const std::string known = run_python(fmt::format(
        "from gguf.constants import *\narch = next(a for a, n in MODEL_ARCH_NAMES.items() if n == '{}')\n"
        "print(''.join('|' + TENSOR_NAMES[t].format(bid=0) + '.' for t in MODEL_TENSORS[arch]))\n",
        architecture));
    const ModelDir model = open_model_dir(write_model(config));
    const GgufFile file = GgufFile::open(file_of(model, folder_ / (config.model_type + ".gguf")));
    for (const GgufTensor& tensor : file.tensors()) {
      if (tensor.name.starts_with("blk.") && !tensor.name.starts_with("blk.0.")) continue;
      EXPECT_NE(known.find(fmt::format("|{}", tensor.name.substr(0, tensor.name.rfind('.') + 1))),
                std::string::npos)
          << tensor.name;
    }
  }
}

TEST_F(GgufFamilies, HaveTheKeysThatLlamaCppKnows) {
  ROPEWAY_NEEDS_PYTHON();
  for (const ModelConfig& config : configs()) {
    const ModelDir model = open_model_dir(write_model(config));
    EXPECT_EQ(run_python(R"(
import sys
from gguf import GGUFReader, constants
known = {value for group in vars(constants.Keys).values() if isinstance(group, type) for value in vars(group).values()}
reader = GGUFReader(sys.argv[1])
arch = reader.get_field("general.architecture").contents()
for key in reader.fields:
    general = key.replace(arch + ".", "{arch}.", 1) if key.startswith(arch + ".") else key
    if general not in known and not key.startswith(("GGUF.", "ropeway.")): print(key)
)",
                         file_of(model, folder_ / (config.model_type + ".gguf"))),
              "")
        << config.model_type;
  }
}

// Every weight of every family by the name that PyPI gguf's table of Hugging Face's names gives it.
TEST_F(GgufFamilies, WeightsHaveTheNamesOfLlamaCppsConverter) {
  ROPEWAY_NEEDS_PYTHON();
  std::vector<ModelConfig> all = configs();
  std::set<std::string> families_here;
  for (const char* name : {"llama", "mistral", "phi3", "qwen2", "qwen3"}) {
    all.push_back(make_config({.family = name, .layers = 2, .window = 64, .tied = false}));
  }
  std::string names;
  for (const ModelConfig& config : all) {
    families_here.insert(config.model_type);
    const Family& family = family_of(config.model_type);
    for (const NamedShape& named : weight_names(config)) {
      names += fmt::format("{} {} {}\n", family.gguf_architecture, named.name,
                           gguf_weight_name(family, named.name));
    }
  }
  for (const Family& family : families()) {
    const bool is_here = families_here.contains(std::string(family.model_type));
    EXPECT_EQ(is_here, family.experts == ExpertKeys::kNone) << family.model_type;
  }
  write_bytes(folder_ / "names.txt", names);
  EXPECT_EQ(run_python(R"(
import sys
from gguf import MODEL_ARCH_NAMES, get_tensor_name_map
archs = {name: arch for arch, name in MODEL_ARCH_NAMES.items()}
maps = {}
for line in open(sys.argv[1]):
    arch, hf, ours = line.split()
    table = maps.setdefault(arch, get_tensor_name_map(archs[arch], 8))
    theirs = table.get_name(hf, try_suffixes=(".weight", ".bias"))
    if theirs != ours: print(arch, hf, ours, theirs)
)",
                       (folder_ / "names.txt").string()),
            "");
}

TEST_F(GgufFamilies, WhatLlamaCppTakesForGrantedMustBeSo) {
  const auto refused = [&](ModelConfig config, const char* what) {
    const ModelDir model = open_model_dir(write_model(config));
    expect_error(ErrorKind::kBadData, {what, std::string(family_of(config.model_type).gguf_architecture)},
                 [&] { file_of(model, folder_ / "x.gguf"); });
    fs::remove_all(model.path);
  };
  ModelConfig smollm3 = configs()[2], gemma2 = configs()[3], gemma3 = configs()[4];
  smollm3.unrotated_layers = {false, true, false, true, false};
  refused(smollm3, "layers without RoPE");
  // llama.cpp takes 50 and 30 where a file has no soft caps of Gemma 2, and has none of scores for Gemma 3.
  gemma2.logit_softcap = 0;
  refused(gemma2, "no soft cap");
  gemma3.attention_softcap = 30;
  refused(gemma3, "scores have a soft cap");
  // Without a window all its layers are global ones.
  gemma3.attention_softcap = 0;
  gemma3.sliding_window = 0;
  refused(gemma3, "local layers have no window");
}

// llama.cpp's converter of 2026 writes it, and its gemma3 reads it.
TEST_F(GgufFamilies, Gemma3sLocalRopeHasItsKey) {
  ModelConfig config = configs()[4];
  config.local_rope_theta = 20000;
  const ModelDir model = open_model_dir(write_model(config));
  const std::string file = file_of(model, folder_ / "x.gguf");
  EXPECT_EQ(GgufFile::open(file).at("gemma3.rope.freq_base_swa").number(), 20000);
  import_gguf(file, folder_ / "back", {.dtype = DType::kF32, .replace = false});
  EXPECT_EQ(open_model_dir(folder_ / "back").config.local_rope_theta, 20000);
}

}  // namespace
}  // namespace ropeway
