// Unicode normal forms as Hugging Face tokenizers computes them.
#pragma once

#include <string>

namespace ropeway {

enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };

// Replaces the text (valid UTF-8) by its normal form.
void apply_normal_form(NormalForm form, std::string& text);

}  // namespace ropeway
