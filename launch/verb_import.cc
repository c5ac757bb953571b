// ropeway import: a model made elsewhere, checked and put where recipes and the other verbs take it from.
#include <filesystem>
#include <iostream>
#include <memory>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "launch/command_page.h"
#include "launch/dtype_option.h"
#include "launch/export_text.h"
#include "launch/verbs.h"
#include "trainer/formats/gguf/gguf_config.h"
#include "trainer/formats/gguf/gguf_import.h"
#include "trainer/formats/hf/hf_config.h"
#include "trainer/formats/hf/import_hf.h"
#include "trainer/tokenizer/load_tokenizer.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

// {}: the architectures of GGUF.
ImportOptions read_options(const po::variables_map& values) {
  ImportOptions options;
  const bool link = values["link"].as<bool>();
  const std::string dtype = values["dtype"].as<std::string>();
  if (!dtype.empty()) options.dtype = read_dtype_option(dtype, {DType::kBF16, DType::kF16, DType::kF32});
  options.replace = values["force"].as<bool>();
  options.finite_only = values["strict"].as<bool>();
  options.transfer = link ? Transfer::kLink : Transfer::kCopy;
  if (link && values["copy"].as<bool>())
    fail(ErrorKind::kUsage, "wanted one of --copy and --link, found both");
  if (link && options.dtype) fail(ErrorKind::kUsage, "--link: weights of another --dtype are new files");
  return options;
}

// A tokenizer that is there must be readable and fit the embedding; without one, token ids can still be used.
void check_tokenizer(const fs::path& source) {
  std::unique_ptr<Tokenizer> tokenizer;
  try {
    tokenizer = load_tokenizer(source);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kMissingInput) throw;
    log_warning("{}; with this model token ids can be used, texts cannot", error.what());
    return;
  }
  require_tokenizer_fits(*tokenizer, read_hf_config(source / "config.json").config.vocab_size,
                         source.string());
}

void warn_of(const std::vector<NonFiniteTensor>& non_finite, const fs::path& source) {
  if (non_finite.empty()) return;
  log_warning("{}: weights are NaN or infinite, and nothing can be computed with them: {}", source.string(),
              describe_non_finite(non_finite));
}

std::string describe_files(const ImportResult& result) {
  const TransferCounts& files = result.files;
  std::string text = "weights ";
  if (files.copied > 0) text += fmt::format("copied ({})", size_text(files.bytes));
  if (files.hard_links > 0) text += fmt::format("hard-linked ({})", size_text(files.bytes));
  if (files.symbolic_links > 0) text += fmt::format("linked by symbolic links ({})", size_text(files.bytes));
  if (files.bytes == 0) text += "rewritten";
  if (!result.left_behind.empty()) {
    text += fmt::format("; left behind: {}", fmt::join(result.left_behind, ", "));
  }
  return text;
}

void import_gguf_file(const fs::path& source, const fs::path& target, const ImportOptions& options) {
  if (options.transfer == Transfer::kLink) {
    fail(ErrorKind::kUsage, "--link: the weights of a .gguf file are rewritten");
  }
  const GgufImportResult result = import_gguf(source, target,
                                              {.dtype = options.dtype.value_or(DType::kBF16),
                                               .replace = options.replace,
                                               .finite_only = options.finite_only});
  warn_of(result.non_finite, source);
  if (!result.has_tokenizer) {
    log_warning("{}: has no tokenizer: texts cannot be read with this model, files of token ids can",
                source.string());
  }
  const ModelDir model = open_model_dir(target);
  std::cout << fmt::format("{}: {}\n  weights in {} from {}\n", target.string(), model_line(model),
                           dtypes_text(model), result.types);
}

}  // namespace

CommandPage import_page() {
  return {.usage = "SOURCE MODEL_DIR [options]",
          .about =
              fmt::format("SOURCE is a Hugging Face directory (config.json, safetensors), or a .gguf file\n"
                          "(of a split model the first) of one of the architectures\n"
                          "{}.\n"
                          "Names, shapes, config.json, factor lists and tokenizer are checked before\n"
                          "anything is written; MODEL_DIR appears whole or not at all. No code of SOURCE is\n"
                          "run or kept; pickled weights (.bin, .pt) are refused.\n",
                          gguf_architectures()),
          .options =
              {row(Option::flag("copy"), "copy the weights (default): SOURCE may change or go afterwards"),
               row(Option::flag("link"),
                   "link them, which takes no space: hard links, or symbolic ones to another file system"),
               row(Option::text("dtype", "TYPE", "").offering("bf16 fp16 fp32"),
                   "bf16, fp16, fp32: rewrite the weights so; default: as they are, and bf16 for those of a "
                   ".gguf file"),
               row(Option::flag("strict"), "refuse weights that are NaN or infinite; default: name them"),
               row(Option::flag("force"), "replace MODEL_DIR when it is a model directory")},
          .notes =
              "exit codes: 0 done, 2 usage, 65 bad data, 66 missing input, 73 MODEL_DIR exists\n"
              "or cannot be made, 74 input/output\n",
          .examples =
              "ropeway import ~/Llama-2-7b-hf models/llama2_7b --link\n"
              "ropeway import downloads/SmolLM2-135M-Instruct.Q4_1.gguf models/smollm2_135m\n",
          .positional = "SOURCE MODEL_DIR",
          .help_column = 16};
}

void import_verb(const Arguments& arguments, bool prints) {
  const CommandLine line = command_line("import", import_page());
  po::variables_map values;
  const bool run = parse_command_line(line, arguments, values);
  if (!prints) return;
  if (!run) {
    std::cout << line.help;
    return;
  }
  const ImportOptions options = read_options(values);
  const fs::path source = values["SOURCE"].as<std::string>(), target = values["MODEL_DIR"].as<std::string>();
  if (source.extension() == ".gguf") {
    import_gguf_file(source, target, options);
    return;
  }
  if (!fs::is_directory(source)) {
    fail(ErrorKind::kMissingInput, "{}: {}, wanted a Hugging Face directory or a .gguf file", source.string(),
         fs::exists(source) ? "is not a folder" : "is not there");
  }
  read_config_and_sets(source);  // throws where the folder holds no such model
  check_tokenizer(source);
  const ImportResult result = import_hf_dir(source, target, options);
  warn_of(result.non_finite, source);
  std::cout << fmt::format("{}: {}\n  {}\n", target.string(), model_line(open_model_dir(target)),
                           describe_files(result));
}

}  // namespace ropeway
