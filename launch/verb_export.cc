// ropeway export: a model for other programs.
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "launch/command_line.h"
#include "launch/dtype_option.h"
#include "launch/export_text.h"
#include "launch/verbs.h"
#include "trainer/checkpoint/checkpoint_manifest.h"
#include "trainer/config/lengths.h"
#include "trainer/formats/gguf/gguf_export.h"
#include "trainer/formats/hf/export_hf.h"
#include "trainer/stages/open_model.h"
#include "trainer/tokenizer/byte_tokenizer_json.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

constexpr const char* kHelp =
    R"(usage: ropeway export CHECKPOINT OUT --format hf|gguf [options]

CHECKPOINT is a model folder, a run folder or a checkpoint (.../step-N). OUT has
two of its factor sets, for the declared window and for the original one, and
appears whole and checked, or not at all.
  hf    a directory for transformers and vLLM; rope_factors.json in it has all
        sets. A model with sets for several windows becomes one for each,
        OUT/64K, OUT/1M, ... (weights hard-linked), unless a window is chosen.
  gguf  a file for llama.cpp with the tokenizer, for one window. llama.cpp takes
        the set by the context it allocates (-c), for every token alike.

  --max-length LENGTH   window to declare: 256K, 1M, ...; with the smallest set
  --factors NAME        set beyond the original window; none: the original RoPE
  --short-factors NAME  set up to the original window; default: as evaluate does
  --dtype TYPE          bf16, fp16, fp32, q8_0 (GGUF); default: as in CHECKPOINT
  --force               replace OUT when it is a model directory, or a GGUF file

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
      "max-length", text(), "")("dtype", text(), "")("force", po::bool_switch(), "");
  return line;
}

ExportRequest read_request(const po::variables_map& values) {
  ExportRequest request;
  request.factors = values["factors"].as<std::string>();
  request.short_factors = values["short-factors"].as<std::string>();
  const std::string length = values["max-length"].as<std::string>();
  if (!length.empty()) request.max_length = parse_length(length);
  return request;
}

bool is_gguf(const std::string& format) {
  if (format == "hf" || format == "gguf") return format == "gguf";
  if (format.empty()) fail(ErrorKind::kUsage, "--format is missing: wanted hf or gguf");
  fail(ErrorKind::kUsage, "--format: found {}, wanted hf or gguf", format);
}

OpenedModel open_checked(const fs::path& path) {
  if (fs::exists(path / "manifest.json")) read_verified_manifest(path, true);
  return open_model_or_checkpoint(path);
}

std::string describe(const fs::path& folder, const ExportFactors& factors, const ModelConfig& config) {
  if (!factors.long_set) {
    return fmt::format("{}: window {}, original RoPE\n", folder.string(), format_length(factors.max_length));
  }
  return fmt::format("{}: window {}, factors '{}', up to {} '{}'\n", folder.string(),
                     format_length(factors.max_length), factors.long_set->name,
                     format_length(config.original_window), factors.short_set.name);
}

// What was written, and what its readers cannot do as this program does.
void report(const fs::path& path, const ExportFactors& factors, const ModelConfig& config) {
  std::cout << describe(path, factors, config);
  const std::string warning = temperature_warning(config, factors);
  if (!warning.empty()) log_warning("{}: {}", path.string(), warning);
}

const ExportFactors& only_one(const std::vector<ExportFactors>& deployments) {
  if (deployments.size() == 1) return deployments.front();
  std::vector<std::string> lengths;
  for (const ExportFactors& factors : deployments) lengths.push_back(format_length(factors.max_length));
  fail(ErrorKind::kUsage, "a GGUF file holds one declared length; give one of {} as --max-length",
       fmt::join(lengths, ", "));
}

constexpr const char* kQ8 = "q8_0";  // a type of GGUF files only

// Nothing for "".
std::optional<DType> read_dtype(const std::string& word, const std::vector<std::string>& others) {
  if (word.empty()) return std::nullopt;
  return read_dtype_option(word, {DType::kBF16, DType::kF16, DType::kF32}, others);
}

GgmlType gguf_type(const std::string& word, DType of_weights) {
  if (word == kQ8) return GgmlType::kQ8_0;
  switch (read_dtype(word, {kQ8}).value_or(of_weights)) {
    case DType::kF16:
      return GgmlType::kF16;
    case DType::kBF16:
      return GgmlType::kBF16;
    default:
      return GgmlType::kF32;
  }
}

}  // namespace

void export_verb(const Arguments& arguments, bool prints) {
  const CommandLine line = command_line();
  po::variables_map values;
  const bool run = parse_command_line(line, arguments, values);
  if (!prints) return;
  if (!run) {
    std::cout << line.help;
    return;
  }
  const bool gguf = is_gguf(values["format"].as<std::string>());
  ExportRequest request = read_request(values);
  const fs::path target = values["OUT"].as<std::string>();
  const OpenedModel source = open_checked(values["CHECKPOINT"].as<std::string>());
  const ModelConfig& config = source.dir.config;

  request.weights = source.dir.weights;
  const auto deployments = choose_export_factors(config, source.dir.sets, request);
  std::map<std::string, std::string> files;
  if (source.tokenizer_folder.empty()) files["tokenizer.json"] = byte_tokenizer_json({"<s>", "</s>"});
  if (gguf) {
    export_gguf({.model = source.dir,
                 .tokenizer_folder = source.tokenizer_folder,
                 .files = files,
                 .factors = only_one(deployments),
                 .type = gguf_type(values["dtype"].as<std::string>(), source.dir.dtype()),
                 .replace = values["force"].as<bool>()},
                target);
    report(target, deployments.front(), config);
    return;
  }
  const HfExport what{.model = source.dir,
                      .base = source.tokenizer_folder,
                      .files = files,
                      .deployments = deployments,
                      .dtype = read_dtype(values["dtype"].as<std::string>(), {}),
                      .replace = values["force"].as<bool>()};
  const std::vector<fs::path> folders = export_hf(what, target);
  for (size_t i = 0; i < folders.size(); ++i) report(folders[i], what.deployments[i], config);
}

}  // namespace ropeway
