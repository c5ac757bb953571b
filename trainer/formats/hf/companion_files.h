// What lies in a model directory beside config.json, the weights and rope_factors.json and goes with the
// model: tokenizer, generation settings, chat template, licence. Code (*.py, and auto_map, which tells
// transformers to run it) does not: the model here is the one that config.json describes, and nobody read
// that code. Neither do weights in other formats, folders, hidden files, and lists of checksums, which would
// be wrong, nor the state of a training run; nor a settings file that may hold auto_map and is not JSON, or that no reader should be given.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace ropeway {

struct CompanionFiles {
  std::map<std::string, std::string> files;  // name -> content
  std::vector<std::string> left;             // names of what does not go with the model, sorted
};
CompanionFiles read_companion_files(const std::filesystem::path& from);

// The card of a model that another was made from says something else than its own would: README.md becomes
// README.base.md.
void set_base_card_apart(std::map<std::string, std::string>& files);

// What nobody needs to read can still be a trap for the next reader: throws kBadData for a settings file of `from`
// (*config.json) of more than 4 MiB or nested more than 32 levels deep.
void require_bounded_settings(const std::filesystem::path& from);

// Copies them and returns the names of what was left behind, sorted.
std::vector<std::string> copy_companion_files(const std::filesystem::path& from,
                                              const std::filesystem::path& to);

}  // namespace ropeway
