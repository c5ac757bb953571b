#include "launch/describe_model.h"

#include <algorithm>
#include <map>

#include "kernels/base/error.h"
#include "launch/export_text.h"
#include "launch/factor_plot.h"
#include "trainer/config/lengths.h"
#include "trainer/files/strict_json.h"
#include "trainer/formats/safetensors/safetensors_reader.h"
#include "trainer/rope/factor_set.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

std::string describe_set(const FactorSet& set, const std::string& weights) {
  const auto [low, high] = std::minmax_element(set.factors.begin(), set.factors.end());
  std::string text = fmt::format(
      "  {}: for {} tokens ({:.4g}x of {}), {} factors from {:.6g} to {:.6g}, temperature {:.6g}, start "
      "tokens {}\n",
      set.name, format_length(set.max_length), set.scale(), format_length(set.original_length),
      set.factors.size(), *low, *high, set.attention_temperature, set.start_tokens);
  if (set.above > 0) text += fmt::format("    beyond {} tokens only\n", format_length(set.above));
  if (!set.weights.empty()) {
    text += fmt::format("    for the weights {}{}\n", set.weights,
                        is_for_weights(set, weights) ? "" : ", not these: history, used only by name");
  }
  const FactorHistory& history = set.history;
  text += fmt::format("    made by {}{}{}\n", history.method.empty() ? "an unknown method" : history.method,
                      history.stage.empty() ? "" : ", stage " + history.stage,
                      history.parent.empty() ? "" : ", from " + history.parent);
  if (history.short_share > 0) {
    text += fmt::format("    {:.3g} % of the tuning was within {} tokens, under the original RoPE\n",
                        100 * history.short_share, format_length(set.original_length));
  }
  if (history.fitness != 0 || history.forward_equivalents != 0) {
    text += fmt::format("    loss {:.6g} nats per token, {:.4g} forward equivalents\n", history.fitness,
                        history.forward_equivalents);
  }
  text += fmt::format("    recipe {}  search {}  data {}\n", short_hash(history.recipe_sha256),
                      short_hash(history.search_sha256), short_hash(history.data_fingerprint));
  return text + factor_plot(set.factors);
}

// What distinguishes the model from a plain Llama, "" for nothing.
std::string special_features(const ModelConfig& config) {
  std::string text;
  const auto add = [&](bool there, const std::string& what) {
    if (there) text += ", " + what;
  };
  add(config.tie_word_embeddings, "tied head");
  add(config.qkv_bias,
      config.output_bias ? "biases of all projections" : "biases of queries, keys and values");
  add(config.mlp_bias, "MLP biases");
  add(config.qk_norm, "normed queries and keys");
  add(config.output_norms, "norms after attention and MLP");
  add(config.residual_multiplier != 1 || config.logit_divisor != 1, "multipliers");
  add(config.attention_softcap > 0, "soft caps of attention");
  add(config.logit_softcap > 0, "soft caps of logits");
  const auto layers = [](const std::vector<bool>& list) {
    return fmt::format("{} layers", std::count(list.begin(), list.end(), true));
  };
  if (!config.unrotated_layers.empty()) add(true, layers(config.unrotated_layers) + " without RoPE");
  if (config.num_experts > 0) {
    add(true, fmt::format("{} of {} experts a token", config.experts_per_token, config.num_experts));
  }
  if (config.sliding_window > 0) {
    add(true, fmt::format("sliding window {}{}", format_length(config.sliding_window),
                          config.sliding_layers.empty() ? "" : " in " + layers(config.sliding_layers)));
  }
  if (config.local_rope_theta > 0) add(true, fmt::format("local RoPE base {:g}", config.local_rope_theta));
  return text;
}

int64_t declared_window(const fs::path& folder) {
  return read_strict_json(folder / "config.json").at("max_position_embeddings").integer(1, int64_t{1} << 40);
}

// What other programs see of the RoPE: "16K, longrope", "2K".
std::string declared_rope(const fs::path& folder) {
  const JsonValue config = read_strict_json(folder / "config.json");
  std::string text = format_length(declared_window(folder));
  for (const char* style : {"rope_parameters", "rope_scaling"}) {
    const auto block = config.find(style);
    if (!block) continue;
    for (const char* key : {"rope_type", "type"}) {
      const auto type = block->find(key);
      if (type && type->is_string()) return type->string() == "default" ? text : text + ", " + type->string();
    }
  }
  return text;
}

std::string files_text(const ModelDir& model) {
  int64_t bytes = 0;
  for (const SafetensorsFile& shard : model.shards)
    bytes += static_cast<int64_t>(fs::file_size(shard.path()));
  const size_t count = model.shards.size();
  return fmt::format("{} in {} file{}, {}", dtypes_text(model), count, count == 1 ? "" : "s",
                     size_text(bytes));
}

}  // namespace

std::string short_hash(const std::string& hash) { return hash.empty() ? "-" : hash.substr(0, 12); }

std::string describe_config(const ModelConfig& config) {
  return fmt::format(
      "  {}: {} layers, hidden {}, MLP {}, {} heads of {} ({} for keys and values), vocabulary {}{}\n"
      "  original window {}, RoPE base {:g}, {} rotary pairs{}\n",
      config.model_type, config.num_layers, config.hidden_size, config.intermediate_size, config.num_heads,
      config.head_dim, config.num_kv_heads, config.vocab_size, special_features(config),
      format_length(config.original_window), config.rope_theta, config.rotary_pairs(),
      2 * config.rotary_pairs() < config.head_dim
          ? fmt::format(" ({} dims of each head)", 2 * config.rotary_pairs())
          : "");
}

std::string describe_sets(const std::vector<FactorSet>& sets, const std::string& weights) {
  std::string text = fmt::format("factor sets: {}\n", sets.empty() ? "none" : std::to_string(sets.size()));
  if (!weights.empty()) text += fmt::format("  of the weights {}\n", weights);
  for (const FactorSet& set : sets) text += describe_set(set, weights);
  return text;
}

std::string describe_tensors(const std::vector<const SafetensorsFile*>& files, bool lists_them) {
  std::string lines;
  int64_t count = 0, parameters = 0, bytes = 0;
  for (const SafetensorsFile* file : files) {
    for (const auto& [name, info] : file->tensors()) {
      int64_t elements = 1;
      for (const int64_t size : info.shape) elements *= size;
      if (lists_them) {
        lines += fmt::format("  {:<52} {:<5} [{}]\n", name, name_of(info.dtype), fmt::join(info.shape, ", "));
      }
      ++count;
      parameters += elements;
      bytes += info.end - info.begin;
    }
  }
  return fmt::format("tensors: {}, {} parameters, {}\n{}", count, parameters, size_text(bytes), lines);
}

std::string describe_model(const fs::path& path, bool lists_tensors) {
  const ModelDir model = open_model_dir(path);
  std::vector<const SafetensorsFile*> files;
  for (const SafetensorsFile& shard : model.shards) files.push_back(&shard);
  return fmt::format("{}: model\n", path.string()) + describe_config(model.config) +
         fmt::format("  weights {}; config.json declares {}\n", files_text(model), declared_rope(path)) +
         describe_sets(model.sets, model.weights) + describe_tensors(files, lists_tensors);
}

std::string describe_deployments(const fs::path& path, const std::vector<fs::path>& folders) {
  std::map<int64_t, std::string> lines;  // by window
  for (const fs::path& folder : folders) {
    const ModelDir model = open_model_dir(folder);
    lines[declared_window(folder)] += fmt::format("  {}: {}; declares {}\n", folder.filename().string(),
                                                  model_line(model), declared_rope(folder));
  }
  std::string text = fmt::format("{}: export for {} windows\n", path.string(), folders.size());
  for (const auto& [window, line] : lines) text += line;
  return text;
}

}  // namespace ropeway
