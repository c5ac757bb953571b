#include "trainer/formats/hf/weight_check.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/family/weight_names.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/formats/hf/tied_head.h"

namespace ropeway {
namespace {

bool is_float(DType dtype) {
  return dtype == DType::kF64 || dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

// "3 weights that ... are missing: a, b, c"; "" for an empty list.
std::string listed(const std::string& what, const std::vector<std::string>& list) {
  if (list.empty()) return "";
  const size_t shown = std::min<size_t>(list.size(), 10);
  return fmt::format("{} {}: {}{}", list.size(), what, fmt::join(list.begin(), list.begin() + shown, ", "),
                     shown < list.size() ? ", ..." : "");
}

}  // namespace

void check_tensors(const std::map<std::string, FoundTensor>& found,
                   const std::map<std::string, std::vector<int64_t>>& expected, const std::string& where,
                   const std::string& source) {
  std::vector<std::string> missing, misshapen, unexpected;
  for (const auto& [name, shape] : expected) {
    const auto it = found.find(name);
    if (it == found.end()) {
      missing.push_back(name);
    } else if (it->second.shape != shape) {
      misshapen.push_back(fmt::format("{} is [{}], wanted [{}]", name, fmt::join(it->second.shape, ", "),
                                      fmt::join(shape, ", ")));
    } else if (!is_float(it->second.dtype)) {
      misshapen.push_back(
          fmt::format("{} is {}, wanted BF16, F16, F32 or F64", name, name_of(it->second.dtype)));
    }
  }
  for (const auto& [name, tensor] : found) {
    if (!expected.contains(name)) unexpected.push_back(name);
  }
  // All at once: a weight under another name is both missing and unexpected.
  std::vector<std::string> problems = {
      listed(fmt::format("weights that {} asks for are missing", source), missing),
      listed(fmt::format("weights do not fit {}", source), misshapen),
      listed("unexpected tensors (another architecture?)", unexpected)};
  std::erase(problems, "");
  if (!problems.empty()) fail(ErrorKind::kBadData, "{}: {}", where, fmt::join(problems, "; "));
}

bool is_derived_buffer(std::string_view name) {
  const size_t owner = name.rfind("rotary_emb.");
  if (owner == std::string_view::npos) return false;
  const std::string_view buffer = name.substr(owner + std::string_view("rotary_emb.").size());
  for (const char* known : {"inv_freq", "original_inv_freq", "cos_cached", "sin_cached"}) {
    if (buffer == known) return true;
  }
  return false;
}

void check_weights(const std::map<std::string, FoundTensor>& found, const ModelConfig& config,
                   const std::string& where) {
  std::map<std::string, std::vector<int64_t>> expected;
  for (NamedShape& entry : weight_names(config))
    expected.emplace(std::move(entry.name), std::move(entry.shape));
  std::map<std::string, FoundTensor> weights = found;
  if (config.tie_word_embeddings) weights.erase(kHeadWeight);
  std::erase_if(weights, [](const auto& entry) { return is_derived_buffer(entry.first); });
  try {
    check_tensors(weights, expected, where, "config.json");
  } catch (const Error& error) {
    if (config.tie_word_embeddings || weights.contains(kHeadWeight)) throw;
    fail(error.kind(),
         "{}; the embedding serves as the head where config.json says \"tie_word_embeddings\": true",
         error.what());
  }
}

}  // namespace ropeway
