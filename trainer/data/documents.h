// Whole documents as token ids: text files (text_file.h: plain or JSON, packed or not) encoded once into a
// cache, or files of ids (token_ids.h). A document is what the tokenizer makes of its text and no further
// token: a BOS or EOS around it is put there by whoever makes sequences of documents (marked_documents.h).
// The spelling of a special token in a text stays text. Ids that another program made stay as they are.
// Examples of instruction data (example.h) are documents of which a part is scored.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "parallel/comm/communicator.h"
#include "trainer/data/chat_template.h"
#include "trainer/data/example.h"
#include "trainer/data/source_facts.h"
#include "trainer/data/text_file.h"
#include "trainer/data/token_cache.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

class Documents {
 public:
  ~Documents();
  Documents(Documents&&) noexcept;
  Documents& operator=(Documents&&) noexcept;

  size_t count() const;
  std::span<const int32_t> tokens(size_t document) const;  // memory-mapped
  std::string name(size_t document) const;                 // FILE, or FILE:LINE
  int64_t bytes(size_t document) const;  // of text; equals the tokens for the byte-level tokenizer
  int64_t total_tokens() const;
  DocumentForm form(size_t document) const;
  std::span<const ScoredRun> scored(size_t document) const;  // of an example; empty for a text
  // The files, in the order of their patterns and names; source: which of them a document is from.
  const std::vector<SourceFacts>& sources() const;
  size_t source(size_t document) const;
  // SHA-256 over names, lengths and contents: changes when the data does.
  const std::string& fingerprint() const;

 private:
  friend Documents load_documents(Communicator&, const std::vector<std::string>&, const Tokenizer&,
                                  const std::filesystem::path&, const TextFileLimits&, const ChatTemplate&);
  friend Documents load_token_file(const std::filesystem::path&, int64_t);
  struct State;
  explicit Documents(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Collective: rank 0 encodes what the cache lacks (cache file: named by the hash of tokenizer and source,
// written atomically, verified on opening), the others map it. patterns: paths with * in the file name, each
// must match; chat: how conversations are written out; a file of ids (.npy, or Megatron's .bin or what it
// shares with its .idx) is copied into the cache. Throws kMissingInput naming the pattern or file, kBadData
// what find_or_encode refuses.
Documents load_documents(Communicator& world, const std::vector<std::string>& patterns,
                         const Tokenizer& tokenizer, const std::filesystem::path& cache_folder,
                         const TextFileLimits& limits = {}, const ChatTemplate& chat = {});
// The documents of one file of ids, in memory; the text's bytes are not known and taken for one per token.
// Throws what read_token_ids throws.
Documents load_token_file(const std::filesystem::path& file, int64_t vocab_size);

}  // namespace ropeway
