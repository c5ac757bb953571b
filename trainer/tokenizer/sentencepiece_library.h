// The module of sentencepiece_model.h, found beside the program: BUILD/bin/PROGRAM loads
// BUILD/lib/libropeway_sentencepiece.so when the first SentencePiece model is opened.
#pragma once

#include <memory>
#include <string_view>

#include "trainer/tokenizer/sentencepiece_model.h"

namespace ropeway {

// `name` stands for the bytes in messages. Throws kBadData when they are not a SentencePiece model, kLauncher
// when the module or Debian's libsentencepiece0, which it needs, cannot be loaded.
std::unique_ptr<SentencePieceModel> open_sentencepiece_model(std::string_view bytes, const std::string& name);

}  // namespace ropeway
