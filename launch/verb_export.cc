// ropeway export: a model for other programs.
#include <filesystem>
#include <iostream>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "launch/command_line.h"
#include "launch/export_text.h"
#include "launch/verbs.h"
#include "trainer/config/recipe_parser.h"
#include "trainer/io/checkpoint_manifest.h"
#include "trainer/io/export_hf.h"
#include "trainer/stages/open_model.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

constexpr const char* kHelp =
    R"(usage: ropeway export CHECKPOINT OUT --format hf [options]

CHECKPOINT is a model folder, a run folder or a checkpoint (.../step-N). OUT is
a directory that transformers and vLLM load as it is. It holds two factor sets:
for the declared window, and for the original one. A model with sets for several
windows becomes a directory for each, OUT/64K, OUT/1M, ... (weights shared by
hard links), unless one is chosen; rope_factors.json has all sets always. OUT
appears whole and checked, or not at all.

  --format FORMAT       hf
  --max-length LENGTH   window to declare (256K, 1M), under the smallest set for
                        it
  --factors NAME        set beyond the original window; none: the original RoPE
  --short-factors NAME  set up to the original window; default: that of
                        evaluate --factors auto
  --dtype TYPE          bf16, f16, f32; default: as the weights are
  --force               replace OUT when it is a model directory

exit codes: 0 done, 2 usage, 65 bad data or a set the format cannot hold,
66 missing input, 73 OUT exists or cannot be made, 74 input/output

examples:
  ropeway export runs/mine exported/mine --format hf --dtype bf16
  ropeway export runs/mine exported/mine_256k --format hf --max-length 256K
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

void check_format(const std::string& format) {
  if (format == "hf") return;
  if (format.empty()) fail(ErrorKind::kUsage, "--format is missing: wanted hf");
  if (format == "gguf") fail(ErrorKind::kUsage, "--format gguf: GGUF files are not written yet; wanted hf");
  fail(ErrorKind::kUsage, "--format: found {}, wanted hf", format);
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
  check_format(values["format"].as<std::string>());
  const ExportRequest request = read_request(values);
  const fs::path target = values["OUT"].as<std::string>();
  const OpenedModel source = open_checked(values["CHECKPOINT"].as<std::string>());
  const ModelConfig& config = source.dir.config;

  HfExport what{.model = source.dir,
                .base = source.tokenizer_folder,
                .files = {},
                .deployments = choose_export_factors(config, source.dir.sets, request),
                .dtype = export_dtype(values["dtype"].as<std::string>()),
                .replace = values["force"].as<bool>()};
  if (source.tokenizer_folder.empty()) what.files["tokenizer.json"] = byte_tokenizer_json({"<s>", "</s>"});
  const std::vector<fs::path> folders = export_hf(what, target);
  for (size_t i = 0; i < folders.size(); ++i) {
    std::cout << describe(folders[i], what.deployments[i], config);
    const std::string warning = temperature_warning(config, what.deployments[i]);
    if (!warning.empty()) log_warning("{}: {}", folders[i].string(), warning);
  }
}

}  // namespace ropeway
