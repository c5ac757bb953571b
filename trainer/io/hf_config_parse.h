// A config.json in memory; read_hf_config() is this for a file.
#pragma once

#include "trainer/io/model_config.h"
#include "trainer/io/strict_json.h"

namespace ropeway {

// Throws kBadData naming the document's place, the JSON path, what was found and what was wanted.
ParsedConfig parse_hf_config(const JsonValue& config_json);

}  // namespace ropeway
