// What a text may turn into besides its own tokens. The defaults suit a part of a document.
#pragma once

namespace ropeway {

struct EncodeOptions {
  // The tokens of the tokenizer's own template, such as a BOS in front (Hugging Face: add_special_tokens).
  bool add_special_tokens = false;
  // Text that spells a special token becomes that token. Off, a document cannot smuggle one in (Hugging Face:
  // encode_special_tokens = true). Added tokens that are not special are ordinary words and always read.
  bool read_special_tokens = false;
};

}  // namespace ropeway
