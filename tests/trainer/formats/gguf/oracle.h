// Runs gguf_oracle.py, which has PyPI gguf and transformers look at files.
#pragma once

#include <string>

#include "tests/support/python.h"

namespace ropeway {

inline std::string gguf_oracle(const std::vector<std::string>& arguments) {
  std::string list = "''";
  for (const std::string& argument : arguments) list += ", '" + argument + "'";
  return run_python("import sys, runpy\nsys.argv = [" + list +
                    "]\nrunpy.run_path('" ROPEWAY_SOURCE_DIR
                    "/tests/trainer/formats/gguf/gguf_oracle.py')\n");
}

}  // namespace ropeway
