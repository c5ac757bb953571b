// The metadata becomes the JSON that Hugging Face would have, and the one reader of config.json reads that:
// what a RoPE type means and which shapes are possible is decided in one place.
#include "trainer/formats/gguf/gguf_config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/family/families.h"
#include "trainer/formats/gguf/gguf_family.h"
#include "trainer/formats/gguf/gguf_names.h"
#include "trainer/formats/gguf/gguf_rope.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/formats/hf/rope_settings.h"
#include "trainer/rope/factor_file.h"

namespace ropeway {
namespace {

constexpr int64_t kMaxSize = int64_t{1} << 24;
constexpr int64_t kMaxLength = int64_t{1} << 40;

const Family& family_of_file(const GgufFile& file) {
  const GgufValue architecture = file.at("general.architecture");
  const auto stated = file.find(kRopewayModelType);
  for (const Family& family : families()) {
    const bool wanted = !stated || stated->string() == family.model_type;
    if (family.gguf_architecture == architecture.string() && wanted) return family;
  }
  if (stated) stated->refuse(fmt::format("a model type of architecture {}", architecture.string()));
  architecture.refuse(fmt::format("one of the architectures this program has: {}", gguf_architectures()));
}

// RoPE of a whole head unless the family turns a part.
void add_heads(const GgufFile& file, const std::string& prefix, const Family& family,
               nlohmann::ordered_json& json) {
  const int64_t hidden = file.at(prefix + "embedding_length").integer(1, kMaxSize);
  const GgufValue head_count = file.at(prefix + "attention.head_count");
  const int64_t heads = head_count.integer(1, hidden);
  int64_t head_dim = hidden / heads;
  if (const auto length = file.find(prefix + "attention.key_length")) {
    head_dim = length->integer(2, 1 << 16);
  } else if (hidden % heads != 0) {
    head_count.refuse(fmt::format("a divisor of {}embedding_length, {}", prefix, hidden));
  }
  if (const auto length = file.find(prefix + "attention.value_length")) length->integer(head_dim, head_dim);
  json["hidden_size"] = hidden;
  json["num_attention_heads"] = heads;
  json["num_key_value_heads"] = heads;
  if (const auto value = file.find(prefix + "attention.head_count_kv")) {
    json["num_key_value_heads"] = value->integer(1, heads);
  }
  json["head_dim"] = head_dim;
  if (const auto dims = file.find(prefix + "rope.dimension_count")) {
    const int64_t rotary = dims->integer(2, head_dim);
    if (rotary != head_dim && !family.partial_rotary) dims->refuse(fmt::format("the head's {}", head_dim));
    if (family.partial_rotary) json["partial_rotary_factor"] = rotary_share(rotary, head_dim);
  }
}

void add_vocabulary(const GgufFile& file, const std::string& prefix, nlohmann::ordered_json& json) {
  const GgufTensor& embedding = file.tensor(gguf_outer_name("model.embed_tokens.weight"));
  const int64_t rows = embedding.rows();
  json["vocab_size"] = rows;
  if (const auto size = file.find(prefix + "vocab_size")) size->integer(rows, rows);
  if (const auto tokens = file.find("tokenizer.ggml.tokens"); tokens && tokens->size() > rows) {
    tokens->refuse(fmt::format("at most the {} rows of {}", rows, embedding.name));
  }
  json["tie_word_embeddings"] = file.find_tensor(gguf_outer_name("lm_head.weight")) == nullptr;
  for (const char* name : {"bos_token_id", "eos_token_id"}) {
    const auto value = file.find(fmt::format("tokenizer.ggml.{}", name));
    const auto id = value ? value->token_id(rows - 1) : std::nullopt;
    json[name] = id ? nlohmann::ordered_json(*id) : nlohmann::ordered_json(nullptr);
  }
}

nlohmann::ordered_json config_json(const GgufFile& file) {
  const Family& family = family_of_file(file);
  const std::string prefix = std::string(family.gguf_architecture) + ".";
  if (const auto experts = file.find(prefix + "expert_count")) experts->integer(0, 0);
  nlohmann::ordered_json json;
  json["model_type"] = family.model_type;
  json["num_hidden_layers"] = file.at(prefix + "block_count").integer(1, 1000);
  json["intermediate_size"] = file.at(prefix + "feed_forward_length").integer(1, kMaxSize);
  json["max_position_embeddings"] = file.at(prefix + "context_length").integer(2, kMaxLength);
  json["rms_norm_eps"] = file.at(prefix + "attention.layer_norm_rms_epsilon").number();
  add_heads(file, prefix, family, json);
  add_vocabulary(file, prefix, json);
  const auto has = [&](const char* name) { return file.find_tensor(name) != nullptr; };
  if (family.attention_bias_key) json["attention_bias"] = has("blk.0.attn_q.bias");
  if (family.mlp_bias_key) json["mlp_bias"] = has("blk.0.ffn_gate.bias");
  read_gguf_family_keys(file, prefix, family, json);
  add_gguf_rope(file, prefix, family, json);
  return json;
}

}  // namespace

std::string gguf_architectures() {
  std::vector<std::string_view> names;
  for (const Family& family : families()) {
    if (family.experts != ExpertKeys::kNone) continue;
    if (std::ranges::find(names, family.gguf_architecture) == names.end()) {
      names.push_back(family.gguf_architecture);
    }
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

ParsedConfig read_gguf_config(const GgufFile& file) {
  const std::string text = config_json(file).dump();
  ParsedConfig parsed = parse_hf_config(parse_strict_json(text, file.where() + " (as config.json)"));
  if (const auto sets = file.find(kRopewayFactorSets)) {
    FactorFile own = restore_factor_sets(*sets, parsed, file.where());
    parsed.sets = std::move(own.sets);
    parsed.weights = std::move(own.weights);
  }
  return parsed;
}

}  // namespace ropeway
