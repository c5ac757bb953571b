// What can be told of a recipe's inputs before a run without reading weights or encoding text: that model,
// tokenizer and texts are there and fit, that texts can be long enough for the stages, that the disk has room.
#pragma once

#include <exception>
#include <string>
#include <vector>

namespace ropeway {

struct Recipe;

struct InputError {
  std::string where;         // "FILE:LINE:COLUMN: key"; "" where the message says so itself
  std::exception_ptr error;  // an Error
};

struct InputChecks {
  std::vector<InputError> errors;
  std::string checked;  // "model of 135M parameters, tokenizer, 26 texts of 11.2 MiB, ..."
};
// All errors at once. A text is too short only if its bytes are fewer than the tokens wanted: tokens are counted
// when it is encoded.
InputChecks check_inputs(const Recipe& recipe);

}  // namespace ropeway
