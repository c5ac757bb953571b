// The tokenizer of a Hugging Face directory as GGUF metadata.
#pragma once

#include <string>

#include "trainer/family/model_config.h"
#include "trainer/formats/gguf/gguf_writer.h"

namespace ropeway {

struct TokenizerText {
  std::string where;      // of tokenizer.json, for messages
  std::string tokenizer;  // its text
  std::string config;     // of tokenizer_config.json; "": none
  std::string chat;       // a chat template that is a file of its own; "": none
};

// tokenizer.ggml.* and tokenizer.chat_template. The list of tokens has as many as the model's vocabulary:
// rows of the embedding without a token become unused ones. Throws kBadData naming the file for what GGUF
// cannot express: other kinds than byte-level BPE with a known splitting into words and SentencePiece BPE,
// ids beyond the vocabulary.
void add_tokenizer(const TokenizerText& text, const ModelConfig& config, GgufMetadata& metadata);

}  // namespace ropeway
