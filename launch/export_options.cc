#include "launch/export_options.h"

#include <fmt/ranges.h>

#include "kernels/base/error.h"
#include "launch/choice_option.h"
#include "launch/command_page.h"
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

CommandPage export_page() {
  const auto text = [](const char* name, const char* argument) { return Option::text(name, argument, ""); };
  return {.usage = "CHECKPOINT OUT --format hf|gguf [options]",
          .about =
              "CHECKPOINT is a model, run or checkpoint folder (.../step-N). OUT has two of its\n"
              "factor sets, and appears whole and checked, or not at all. hf: a directory for\n"
              "transformers and vLLM, one for each window (OUT/64K, OUT/1M, ...) unless one is\n"
              "chosen. gguf: a file for llama.cpp.\n",
          .options =
              {row(text("format", "F").offering("hf gguf"), "hf or gguf"),
               row(text("max-length", "LENGTH"), "window to declare: 256K, 1M, ...; the smallest set"),
               row(text("factors", "NAME"), "set beyond the original window; none: plain RoPE"),
               row(text("short-factors", "NAME"), "set up to the original window; else as evaluate"),
               row(text("for", "USE").offering("generation scoring"),
                   "generation: one set at every length, so that texts can grow; scoring: the best at each"),
               row(Option::flag("formula-temperature"), "attention temperature as of Phi-3's formula"),
               row({text("text", "FILE").offering(Completion::kFile),
                    Option::text("device", "D", "cpu").offering("cpu cuda"),
                    Option::text("cache", "DIR", ".cache/tokens").offering(Completion::kFile)},
                   "for the loss at both on"),
               row(text("dtype", "TYPE").offering("bf16 fp16 fp32 q8_0"),
                   "bf16, fp16, fp32, q8_0; else as in CHECKPOINT"),
               row({Option::flag("unfinished"), Option::flag("force")},
                   "of a run with stages left to do; replace OUT")},
          .notes =
              "exit codes: 0 done, 2 usage, 65 bad data or a set the format cannot hold,\n"
              "66 missing input, 73 OUT exists or cannot be made, 74 input/output\n",
          .examples =
              "ropeway export runs/mine exported/mine --format hf --dtype bf16\n"
              "ropeway export runs/mine a.gguf --format gguf --max-length 256K --dtype q8_0\n",
          .positional = "CHECKPOINT OUT",
          .help_column = 25};
}

std::optional<ExportOptions> read_export_options(const std::vector<std::string>& arguments) {
  po::variables_map values;
  if (!parse_command_line(command_line("export", export_page()), arguments, values)) return std::nullopt;
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
