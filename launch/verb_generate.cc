// ropeway generate: goes on from a prompt.
#include <unistd.h>

#include <iostream>
#include <iterator>

#include "kernels/base/error.h"
#include "launch/choice_option.h"
#include "launch/command_page.h"
#include "launch/generation.h"
#include "launch/memory_words.h"
#include "launch/verbs.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mpi_session.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/files/files.h"
#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

namespace po = boost::program_options;

void require_utf8(const std::string& text, const std::string& where) {
  const size_t valid = valid_utf8_bytes(text);
  if (valid == text.size()) return;
  fail(ErrorKind::kBadData, "{}: byte {} begins no UTF-8 character; a prompt is UTF-8 text", where, valid);
}

std::string standard_input() {
  if (isatty(STDIN_FILENO) != 0) std::cerr << "(the prompt, then Ctrl-D)" << std::endl;
  return {std::istreambuf_iterator<char>(std::cin), {}};
}

// The same on every rank.
std::string prompt_of(const po::variables_map& values, Communicator& world) {
  const bool by_text = values.count("prompt") > 0, by_file = values.count("prompt-file") > 0;
  if (by_text == by_file) {
    fail(ErrorKind::kUsage, "wanted one of --prompt TEXT and --prompt-file FILE, found {}",
         by_text ? "both" : "neither");
  }
  std::string prompt;
  run_on_rank(world, 0, [&] {
    const std::string file = by_file ? values["prompt-file"].as<std::string>() : "";
    prompt = by_text       ? values["prompt"].as<std::string>()
             : file == "-" ? standard_input()
                           : read_text_file(file);
    require_utf8(prompt, by_text ? "--prompt" : file == "-" ? "standard input" : file);
  });
  return broadcast_string(world, prompt);
}

}  // namespace

CommandPage generate_page() {
  CommandPage page{
      .usage = "MODEL (--prompt TEXT | --prompt-file FILE) [options]",
      .about =
          "MODEL is a model folder, a run folder, or a checkpoint (.../step-N). The text that follows\n"
          "on the prompt goes to standard output, without the prompt, and a line feed behind it.\n",
      .options = {row(Option::text("prompt", "TEXT"), "what to go on from"),
                  row(Option::text("prompt-file", "FILE").offering(Completion::kFile),
                      "the same from a file, as it is; - is standard input")},
      .examples = "mpirun -n 2 ropeway generate models/tiny --prompt-file book.txt --max-new-tokens 64\n",
      .positional = "MODEL",
      .columns = 100,
      .help_column = 23};
  for (const OptionRow& options : generation_options("256 (default); the model's EOS ends the text before",
                                                     "of the draws; the same text on any number of ranks")) {
    page.options.push_back(options);
  }
  page.options.push_back(row(Option::text("bos", "CHOICE", "auto").offering("auto true false"),
                             "a BOS before the prompt: auto (default), true, false"));
  page.options.push_back(row(Option::text("special-tokens", "W", "text").offering("text parse"),
                             "text (default): their spelling in the prompt is text; or parse"));
  return page;
}

void generate_verb(const Arguments& arguments, MpiSession& job) {
  const CommandLine line = command_line("generate", generate_page());
  po::variables_map values;
  if (!parse_command_line(line, arguments, values)) {
    if (job.world().rank() == 0) std::cout << line.help;
    return;
  }
  const GenerationRequest request = read_generation_request(values);
  const auto bos = read_choice<MarkChoice>("bos", values["bos"].as<std::string>());
  const bool parses =
      read_choice<SpecialTokensInText>("special-tokens", values["special-tokens"].as<std::string>()) ==
      SpecialTokensInText::kParse;
  const std::string prompt = prompt_of(values, job.world());

  GeneratingModel model(request, kGenerateVerb, job);
  std::vector<int32_t> ids = window_start(model.tokenizer(), model.named(), bos);
  const std::vector<int32_t> text = model.tokenizer().encode(prompt, {.read_special_tokens = parses});
  ids.insert(ids.end(), text.begin(), text.end());
  if (ids.empty()) {
    fail(ErrorKind::kUsage, "the prompt is empty, and the tokenizer puts no BOS before it: give some text");
  }
  model.begin(std::ssize(ids) + request.max_new_tokens);
  model.write(ids, request.max_new_tokens, {}, ids);
  if (job.world().rank() == 0) std::cout << std::endl;
  model.tell_figures();
}

}  // namespace ropeway
