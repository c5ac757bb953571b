// What `ropeway evaluate` says of its figures: files, and the tables with their lines on standard output.
#pragma once

#include <string>

#include "launch/evaluation.h"

namespace ropeway {

// The files that the request asks for: figures as JSON, losses of single tokens. Throws kCannotCreate and kIo.
void write_evaluation(const EvaluationRequest& request, const Evaluated& evaluated);

std::string evaluation_text(const EvaluationRequest& request, const Evaluated& evaluated);

}  // namespace ropeway
