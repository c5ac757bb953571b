#include "trainer/data/document_marks.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/files/strict_json.h"

namespace ropeway {
namespace {

// What `encode` puts around a text of its own accord.
DocumentMarks template_of(const Tokenizer& tokenizer) {
  const std::string text = "a";
  const std::vector<int32_t> bare = tokenizer.encode(text);
  const std::vector<int32_t> framed = tokenizer.encode(text, {.add_special_tokens = true});
  const auto found = std::search(framed.begin(), framed.end(), bare.begin(), bare.end());
  if (bare.empty() || found == framed.end()) return {};
  return {{framed.begin(), found}, {found + static_cast<int64_t>(bare.size()), framed.end()}};
}

// -1 unless the key names a text that is one token.
int64_t token_named(const JsonValue& config, const std::string& key, const Tokenizer& tokenizer) {
  auto value = config.find(key);
  if (value && value->is_object()) value = value->find("content");
  if (!value || !value->is_string()) return -1;
  const std::vector<int32_t> ids = tokenizer.encode(value->string(), {.read_special_tokens = true});
  return ids.size() == 1 ? ids.front() : -1;
}

std::vector<int32_t> mark(MarkChoice choice, const std::vector<int32_t>& of_template, int64_t named,
                          bool named_will_do, const char* what) {
  if (choice == MarkChoice::kFalse) return {};
  if (!of_template.empty()) return of_template;
  if (named >= 0 && (named_will_do || choice == MarkChoice::kTrue)) return {static_cast<int32_t>(named)};
  if (choice == MarkChoice::kTrue) {
    fail(ErrorKind::kConfig, "the tokenizer puts no {0} around a text and names none, and an {0} is wanted",
         what);
  }
  return {};
}

}  // namespace

NamedTokens named_tokens(const std::filesystem::path& folder, const Tokenizer& tokenizer,
                         const NamedTokens& otherwise) {
  NamedTokens named = otherwise;
  const std::filesystem::path file = folder / "tokenizer_config.json";
  if (folder.empty() || !std::filesystem::exists(file)) return named;
  const JsonValue config = read_strict_json(file);
  if (const int64_t bos = token_named(config, "bos_token", tokenizer); bos >= 0) named.bos = bos;
  if (const int64_t eos = token_named(config, "eos_token", tokenizer); eos >= 0) named.eos = eos;
  return named;
}

DocumentMarks document_marks(const Tokenizer& tokenizer, const NamedTokens& named,
                             const MarkChoices& choices) {
  const DocumentMarks own = template_of(tokenizer);
  return {mark(choices.bos, own.before, named.bos, false, "BOS"),
          mark(choices.eos, own.after, named.eos, true, "EOS")};
}

std::vector<int32_t> window_start(const Tokenizer& tokenizer, const NamedTokens& named, MarkChoice bos) {
  return document_marks(tokenizer, named, {bos, MarkChoice::kFalse}).before;
}

std::string describe(const DocumentMarks& marks) {
  const auto one = [](const char* name, const std::vector<int32_t>& ids) {
    return ids.empty() ? fmt::format("no {}", name) : fmt::format("{} {}", name, fmt::join(ids, "+"));
  };
  return fmt::format("{}, {}", one("BOS", marks.before), one("EOS", marks.after));
}

}  // namespace ropeway
