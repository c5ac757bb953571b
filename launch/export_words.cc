#include "launch/export_words.h"

#include <fmt/format.h>

#include "trainer/config/lengths.h"
#include "trainer/formats/hf/export_temperature.h"

namespace ropeway {
namespace {

// transformers chooses by the length that a sequence has reached, vLLM once for all sequences.
std::vector<std::string> hf_words(const ExportFactors& factors, const std::string& window) {
  const std::string &far = factors.long_set->name, &near = factors.short_set.name;
  if (factors.use == ExportUse::kGeneration) {
    return {
        fmt::format("For generation: '{}' at every length, so that a text can grow across {} tokens. "
                    "Sequences that stay below may do better under '{}': --for scoring writes it for them.",
                    far, window, factors.short_for_scoring),
        fmt::format("vLLM stops at {} tokens unless --max-model-len says more (give {}).", window,
                    factors.max_length)};
  }
  return {
      fmt::format("For scoring: '{}' up to {} tokens, '{}' beyond. Do not let transformers generate across "
                  "{} tokens: the keys in its cache stay as '{}' turned them, and the text falls apart. "
                  "--for generation writes '{}' for all lengths.",
                  near, window, far, window, near, far),
      fmt::format(
          "vLLM has one list for all sequences: the long one with --max-model-len beyond {} (give {}), "
          "the short one, which is its default, up to that.",
          window, factors.max_length)};
}

std::string gguf_words(const ExportFactors& factors, const std::string& window) {
  const std::string& far = factors.long_set->name;
  if (factors.use == ExportUse::kGeneration) {
    return fmt::format(
        "'{}' in llama.cpp whatever its context; --for scoring writes '{}' for contexts up to {}.", far,
        factors.short_for_scoring, window);
  }
  return fmt::format(
      "llama.cpp has one list for all tokens of a context: '{}' where a sequence's share of it (-c "
      "divided by -np) is longer than {} tokens, '{}' where it is not. Give -c {} for each "
      "sequence.",
      far, window, factors.short_set.name, factors.max_length);
}

}  // namespace

std::string line_of(const std::string& out, const ExportFactors& factors, const ModelConfig& config) {
  const std::string window = format_length(factors.max_length);
  if (!factors.long_set) return fmt::format("{}: window {}, original RoPE\n", out, window);
  return fmt::format("{}: window {}, factors '{}', up to {} '{}'\n", out, window, factors.long_set->name,
                     format_length(config.original_window), factors.short_set.name);
}

std::vector<std::string> use_words(ExportFormat format, const ExportFactors& factors,
                                   const ModelConfig& config) {
  if (!factors.long_set || factors.short_for_scoring == factors.long_set->name) return {};
  if (factors.use == ExportUse::kScoring && factors.short_set.factors == factors.long_set->factors) return {};
  const std::string window = format_length(config.original_window);
  if (format == ExportFormat::kGguf) return {gguf_words(factors, window)};
  return hf_words(factors, window);
}

std::string transformers4_warning(const ModelConfig& config, const ExportFactors& factors) {
  if (!only_transformers5_reads(config, factors)) return "";
  return fmt::format(
      "transformers 4 refuses this config.json: its Phi-3 has no key for the attention temperature, "
      "{:.6g} of set '{}', and takes what the formula gives for {:.6g} times the window, {:.6g}. "
      "transformers 5 and vLLM read it. --formula-temperature writes the formula's; "
      "with --text FILE the loss under both is measured",
      factors.long_set->attention_temperature, factors.long_set->name,
      static_cast<double>(factors.max_length) / static_cast<double>(config.original_window),
      formula_temperature(config, factors));
}

}  // namespace ropeway
