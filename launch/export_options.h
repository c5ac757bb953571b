// The command line of `ropeway export`.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "kernels/base/dtype.h"
#include "launch/export_words.h"
#include "launch/temperature_loss.h"
#include "trainer/formats/gguf/ggml_type.h"
#include "trainer/formats/hf/export_factors.h"

namespace ropeway {

struct CommandPage;

struct ExportOptions {
  std::string source;
  std::filesystem::path target;
  ExportFormat format = ExportFormat::kHf;
  ExportRequest request;       // what can be known of it without the model
  std::optional<DType> dtype;  // of the weights; none: as they are, or `quantized`
  bool quantized = false;      // Q8_0, of GGUF files only
  TextToScore text;            // empty pattern: nothing to measure
  bool formula_temperature = false, unfinished = false, replace = false;
  std::string command;  // as it was typed

  GgmlType gguf_type(DType of_weights) const;
};

// Nothing where --help was asked for. Throws kUsage naming the option.
std::optional<ExportOptions> read_export_options(const std::vector<std::string>& arguments);
CommandPage export_page();

}  // namespace ropeway
