// Options of the command line whose value is one of a few words.
#pragma once

#include <string>

#include "kernels/base/error.h"
#include "trainer/config/choices.h"
#include "trainer/config/nearest_word.h"
#include "trainer/config/recipe_problems.h"

namespace ropeway {

// The value that `word` stands for (ChoiceTable). Throws kUsage naming the option, the words there are, and the
// nearest one.
template <typename Value>
Value read_choice(const char* option, const std::string& word) {
  if (const auto value = value_of<Value>(word)) return *value;
  const std::string nearest = nearest_word(word, words_of<Value>());
  fail(ErrorKind::kUsage, "--{}: found {}, wanted {}{}", option, word, join_words(words_of<Value>()),
       nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest));
}

}  // namespace ropeway
