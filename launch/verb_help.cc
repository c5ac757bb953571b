// ropeway help: a verb or a key of a recipe explained; manual pages written.
#include <algorithm>
#include <filesystem>
#include <iostream>

#include "kernels/base/error.h"
#include "launch/command_page.h"
#include "launch/man_page.h"
#include "launch/verbs.h"
#include "trainer/config/key_help.h"
#include "trainer/config/nearest_word.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

void write_man_pages(const fs::path& folder) {
  for (const ManPage& page : man_pages()) {
    const fs::path section = folder / fmt::format("man{}", page.file.back());
    require_writable_folder(section, static_cast<int64_t>(page.text.size()));
    write_file_atomically(section / page.file, page.text);
  }
}

bool is_verb(const std::string& word) {
  return std::ranges::any_of(verbs(), [&](const Verb& verb) { return word == verb.name; });
}

std::string help_on_key(const std::string& word) {
  std::string text;
  for (const RecipeKey* key : keys_called(word))
    text += fmt::format("{}{}", text.empty() ? "" : "\n", key_help(*key));
  if (!text.empty()) return text;
  std::vector<std::string> names;
  for (const Verb& verb : verbs()) names.emplace_back(verb.name);
  std::string nearest = nearest_word(word, names);
  if (nearest.empty()) nearest = nearest_key(word);
  fail(ErrorKind::kUsage, "'{}' is neither a verb nor a key of a recipe{}", word,
       nearest.empty() ? "; ropeway validate --keys lists all keys"
                       : fmt::format("; did you mean {}?", nearest));
}

}  // namespace

CommandPage help_page() {
  return {.usage = "[VERB|KEY]\n--man FOLDER",
          .about =
              "Explains a verb, or a key of a recipe: its meaning, what values it takes, its default, and\n"
              "what other trainers call it. A key is given by its name, by its path, or by another\n"
              "trainer's name.\n",
          .options = {row(Option::text("man", "FOLDER"), "write all manual pages there, into man1 and man5")},
          .examples = "ropeway help plan\nropeway help checkpoint_every\nropeway help mesh.data\n",
          .positional = "VERB|KEY",
          .positional_is_optional = true};
}

void help_verb(const Arguments& arguments, bool prints) {
  const CommandLine line = command_line("help", help_page());
  boost::program_options::variables_map values;
  if (!parse_command_line(line, arguments, values)) {
    if (prints) std::cout << line.help;
    return;
  }
  if (values.count("man") > 0) {
    if (prints) write_man_pages(values["man"].as<std::string>());
    return;
  }
  if (values.count("VERB|KEY") == 0) {
    if (prints) std::cout << overview();
    return;
  }
  const std::string word = values["VERB|KEY"].as<std::string>();
  if (!is_verb(word)) {
    const std::string text = help_on_key(word);
    if (prints) std::cout << text;
    return;
  }
  const Verb& verb = find_verb(word);
  if (prints) std::cout << help_text(verb.name, verb.page());
}

}  // namespace ropeway
