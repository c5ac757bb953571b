// The files of a corpus, each encoded once into the token cache: texts and examples through the tokenizer,
// ids as they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "trainer/data/chat_template.h"
#include "trainer/data/example.h"
#include "trainer/data/text_file.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

struct EncodingOptions {
  const Tokenizer& tokenizer;
  const std::filesystem::path& cache_folder;
  const TextFileLimits& limits;
  const ChatTemplate& chat;

  int64_t vocab_size() const;  // ids of files of ids, and of examples of ids, lie below it
};

// What there is to know about a file that the cache has.
struct EncodedFile {
  std::string name;
  std::string kind;  // "JSON lines of messages"
  RecordKind records = RecordKind::kText;
  std::string encoding;    // how it was encoded: the kind, and what else that depends on
  std::string sha256;      // of the source
  std::string cache_file;  // verified
  size_t pattern = 0;      // set by who knows it
  int64_t documents = 0, tokens = 0;
};

// Encodes the file unless the cache has it. Logs what was odd in it. Throws what read_text_documents,
// read_token_ids and ExampleEncoder throw; kBadData for an empty file, for one that changes meanwhile and for
// examples of which none has a token to score.
EncodedFile find_or_encode(const std::filesystem::path& path, const EncodingOptions& options);

}  // namespace ropeway
