// ropeway convert: documents from one form into another.
#include <iostream>
#include <memory>

#include "kernels/base/error.h"
#include "launch/command_page.h"
#include "launch/verbs.h"
#include "trainer/data/convert_documents.h"
#include "trainer/tokenizer/load_tokenizer.h"

namespace ropeway {

CommandPage convert_page() {
  return {.usage = "SOURCE TARGET [--tokenizer MODEL] [--join] [--force]",
          .about =
              "Writes the documents of SOURCE as TARGET, whose ending says the form:\n"
              "\n"
              "  .npy         token ids of one document\n"
              "  .bin, .idx   Megatron's indexed data set\n"
              "  .jsonl       lines of JSON: the text, or without a tokenizer the ids\n"
              "\n"
              "SOURCE is what training takes: such a file, or a text, packed or not. TARGET appears\n"
              "whole or not at all. No BOS or EOS is added.\n",
          .options = {row(Option::text("tokenizer", "MODEL"),
                          "the model folder whose tokenizer encodes and decodes"),
                      row(Option::flag("join"), "put several documents one after the other into a .npy"),
                      row(Option::flag("force"), "replace TARGET")},
          .examples = "ropeway convert books.jsonl.gz books.bin --tokenizer models/llama2_7b\n",
          .positional = "SOURCE TARGET"};
}

void convert_verb(const Arguments& arguments, bool prints) {
  const CommandLine line = command_line("convert", convert_page());
  boost::program_options::variables_map values;
  const bool run = parse_command_line(line, arguments, values);
  if (!prints) return;  // one process writes
  if (!run) {
    std::cout << line.help;
    return;
  }
  std::unique_ptr<Tokenizer> tokenizer;
  if (values.count("tokenizer") > 0) tokenizer = load_tokenizer(values["tokenizer"].as<std::string>());
  const std::string target = values["TARGET"].as<std::string>();
  const ConvertedDocuments converted = convert_documents(values["SOURCE"].as<std::string>(), target,
                                                         {.tokenizer = tokenizer.get(),
                                                          .join = values["join"].as<bool>(),
                                                          .replace = values["force"].as<bool>()});
  std::cout << fmt::format("{}: {} document{} of {} tokens{}\n", target, converted.documents,
                           converted.documents == 1 ? "" : "s", converted.tokens,
                           converted.id_bytes > 0 ? fmt::format(", {} bytes each", converted.id_bytes) : "");
}

}  // namespace ropeway
