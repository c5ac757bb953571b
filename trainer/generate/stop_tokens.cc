#include "trainer/generate/stop_tokens.h"

#include <algorithm>

#include "trainer/files/strict_json.h"

namespace ropeway {
namespace {

// Empty: the file is not there, or says nothing.
std::vector<int64_t> eos_in(const std::filesystem::path& file, int64_t vocab_size) {
  std::vector<int64_t> ids;
  if (!std::filesystem::exists(file)) return ids;
  const auto value = read_strict_json(file).find("eos_token_id");
  if (!value) return ids;
  const auto id_of = [&](const JsonValue& id) { return id.integer(-1, vocab_size - 1); };
  if (!value->is_array()) return {id_of(*value)};
  for (int64_t i = 0; i < value->size(); ++i) ids.push_back(id_of(value->at(i)));
  return ids;
}

}  // namespace

std::vector<int32_t> stop_tokens(const std::filesystem::path& folder, const NamedTokens& named,
                                 int64_t vocab_size) {
  std::vector<int64_t> ids = eos_in(folder / "generation_config.json", vocab_size);
  if (ids.empty()) ids = eos_in(folder / "config.json", vocab_size);
  if (ids.empty() && named.eos < vocab_size) ids = {named.eos};
  std::erase_if(ids, [](int64_t id) { return id < 0; });
  std::ranges::sort(ids);
  const auto repeated = std::ranges::unique(ids);
  ids.erase(repeated.begin(), repeated.end());
  return {ids.begin(), ids.end()};
}

}  // namespace ropeway
