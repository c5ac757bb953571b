#include "launch/export_options.h"

#include <fmt/ranges.h>

#include "kernels/base/error.h"
#include "launch/choice_option.h"
#include "launch/command_line.h"
#include "launch/dtype_option.h"
#include "trainer/config/lengths.h"

namespace ropeway {

template <>
struct ChoiceTable<ExportUse> {
  using enum ExportUse;
  static constexpr Choice<ExportUse> choices[] = {{kGeneration, "generation"}, {kScoring, "scoring"}};
};
template <>
struct ChoiceTable<ExportFormat> {
  using enum ExportFormat;
  static constexpr Choice<ExportFormat> choices[] = {{kHf, "hf"}, {kGguf, "gguf"}};
};

namespace {

namespace po = boost::program_options;

constexpr const char* kHelp =
    R"(usage: ropeway export CHECKPOINT OUT --format hf|gguf [options]

CHECKPOINT is a model, run or checkpoint folder (.../step-N). OUT has two of its
factor sets, and appears whole and checked, or not at all. hf: a directory for
transformers and vLLM, one for each window (OUT/64K, OUT/1M, ...) unless one is
chosen. gguf: a file for llama.cpp.

  --max-length LENGTH    window to declare: 256K, 1M, ...; with the smallest set
  --factors NAME         set beyond the original window; none: the original RoPE
  --short-factors NAME   set up to the original window; else as evaluate does it
  --for USE              generation: one set at every length, so that texts can
                         grow across the window; scoring: the best at each one
  --formula-temperature  attention temperature as transformers 4 wants of Phi-3
  --text FILE            to measure the loss at both on (--device cuda: on GPUs)
  --dtype TYPE           bf16, fp16, fp32, q8_0 (GGUF); else as in CHECKPOINT
  --unfinished           also of a run that has stages left to do
  --force                replace OUT when it is a model directory or a GGUF file

exit codes: 0 done, 2 usage, 65 bad data or a set the format cannot hold,
66 missing input, 73 OUT exists or cannot be made, 74 input/output

examples:
  ropeway export runs/mine exported/mine --format hf --dtype bf16
  ropeway export runs/mine a.gguf --format gguf --max-length 256K --dtype q8_0
)";

CommandLine command_line() {
  CommandLine line{kHelp, "CHECKPOINT OUT", {}};
  const auto text = [] { return po::value<std::string>()->default_value(""); };
  line.options.add_options()("format", text(), "")("factors", text(), "")("short-factors", text(), "")(
      "max-length", text(), "")("for", text(), "")("formula-temperature", po::bool_switch(), "")(
      "text", text(), "")("device", po::value<std::string>()->default_value("cpu"), "")(
      "cache", po::value<std::string>()->default_value(".cache/tokens"), "")("dtype", text(), "")(
      "unfinished", po::bool_switch(), "")("force", po::bool_switch(), "");
  return line;
}

ExportFormat read_format(const std::string& format) {
  if (format.empty()) fail(ErrorKind::kUsage, "--format is missing: wanted hf or gguf");
  return read_choice<ExportFormat>("format", format);
}

// llama.cpp never changes lists under a cache, so a GGUF file has the best set at each length.
ExportRequest read_request(const po::variables_map& values, ExportFormat format) {
  ExportRequest request;
  request.factors = values["factors"].as<std::string>();
  request.short_factors = values["short-factors"].as<std::string>();
  const std::string length = values["max-length"].as<std::string>(), use = values["for"].as<std::string>();
  if (!length.empty()) request.max_length = parse_length(length);
  if (!use.empty()) {
    request.use = read_choice<ExportUse>("for", use);
  } else if (format == ExportFormat::kGguf) {
    request.use = ExportUse::kScoring;
  }
  if (!request.short_factors.empty() && use == word_of(ExportUse::kGeneration)) {
    fail(ErrorKind::kUsage,
         "--for generation has one set at every length, and --short-factors another: give one");
  }
  return request;
}

constexpr const char* kQ8 = "q8_0";

std::optional<DType> read_dtype(const std::string& word, ExportFormat format) {
  const bool gguf = format == ExportFormat::kGguf;
  if (word.empty() || (gguf && word == kQ8)) return std::nullopt;
  return read_dtype_option(word, {DType::kBF16, DType::kF16, DType::kF32},
                           gguf ? std::vector<std::string>{kQ8} : std::vector<std::string>{});
}

}  // namespace

GgmlType ExportOptions::gguf_type(DType of_weights) const {
  if (quantized) return GgmlType::kQ8_0;
  switch (dtype.value_or(of_weights)) {
    case DType::kF16:
      return GgmlType::kF16;
    case DType::kBF16:
      return GgmlType::kBF16;
    default:
      return GgmlType::kF32;
  }
}

const char* export_help() { return kHelp; }

std::optional<ExportOptions> read_export_options(const std::vector<std::string>& arguments) {
  po::variables_map values;
  if (!parse_command_line(command_line(), arguments, values)) return std::nullopt;
  const auto text = [&](const char* name) { return values[name].as<std::string>(); };
  const auto has = [&](const char* name) { return values[name].as<bool>(); };
  ExportOptions options;
  options.source = text("CHECKPOINT");
  options.target = text("OUT");
  options.format = read_format(text("format"));
  options.request = read_request(values, options.format);
  options.dtype = read_dtype(text("dtype"), options.format);
  options.quantized = text("dtype") == kQ8;
  options.text = {.pattern = text("text"),
                  .cache = text("cache"),
                  .device = read_choice<DeviceKind>("device", text("device"))};
  options.formula_temperature = has("formula-temperature");
  options.unfinished = has("unfinished");
  options.replace = has("force");
  options.command = command_text("export", arguments);
  return options;
}

}  // namespace ropeway
