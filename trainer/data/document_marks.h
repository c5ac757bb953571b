// The tokens that stand around each document: a BOS in front of it, an EOS behind it. Documents are kept
// without them; whoever makes sequences of documents puts them there, as the tokenizer's own files or the
// recipe say.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "trainer/config/data_choices.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

struct DocumentMarks {
  std::vector<int32_t> before, after;

  bool operator==(const DocumentMarks&) const = default;
};

// Ids of the tokens that a model's files name as the first and the last of a text; -1: none is named.
struct NamedTokens {
  int64_t bos = -1, eos = -1;
};
// Those of the folder's tokenizer_config.json ("bos_token", "eos_token"); `otherwise` for one that it does
// not name, or with a text that is no single token, and where there is no folder.
NamedTokens named_tokens(const std::filesystem::path& folder, const Tokenizer& tokenizer,
                         const NamedTokens& otherwise);

struct MarkChoices {
  MarkChoice bos = MarkChoice::kAuto, eos = MarkChoice::kAuto;
};
// kAuto, bos: what the tokenizer's template puts in front of a text. kAuto, eos: what the template puts
// behind it, else the EOS that is named, else nothing. kTrue: the same, and for a BOS also one that is only
// named. Throws kConfig for kTrue where there is none.
DocumentMarks document_marks(const Tokenizer& tokenizer, const NamedTokens& named,
                             const MarkChoices& choices);

// What stands at the start of windows that are scored: the marks before a text.
std::vector<int32_t> window_start(const Tokenizer& tokenizer, const NamedTokens& named, MarkChoice bos);

// "BOS 1, EOS 2", "no BOS, EOS 0".
std::string describe(const DocumentMarks& marks);

}  // namespace ropeway
