// Completion for shells. Verbs, options and the words they take are in the script; keys and stages of a recipe are
// asked of the program.
#pragma once

#include <string>

namespace ropeway {

std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

// What --set can set, a line each: "mesh.data=". With a recipe the keys of its stages by their names; without, or
// with one that cannot be read, those of the sections.
std::string completed_keys(const std::string& recipe);
std::string completed_stages(const std::string& recipe);

}  // namespace ropeway
