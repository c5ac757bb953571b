// Recipes for a model of a few thousand parameters, and what is in a folder.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/support/errors.h"
#include "tests/support/python.h"
#include "tests/support/temp_dir.h"
#include "trainer/config/recipe_parser.h"

namespace ropeway {

// A recipe in `folder`, over folder/text.txt, that runs in folder/run. `stages` are lines of YAML.
inline Recipe recipe_in(const TempDir& folder, const std::string& stages, int ranks = 1) {
  const std::string text = (folder / "text.txt").string();
  write_bytes(folder / "recipe.yaml",
              "name: case\nseed: 1\nmodel:\n  architecture: {vocab_size: 258, hidden_size: 16, "
              "intermediate_size: 32, num_layers: 1, num_heads: 2, num_kv_heads: 1, head_dim: 8, window: "
              "32}\ndata: {train: [" +
                  text + "], validation: [" + text + "], test: [" + text +
                  "], cache: " + (folder / "cache").string() + "}\nrun_dir: " + (folder / "run").string() +
                  "\nstages:\n" + stages);
  RecipeResult result = parse_recipe(folder / "recipe.yaml", {.overrides = {}, .ranks = ranks});
  EXPECT_THAT(result.errors, testing::IsEmpty());
  return result.recipe;
}

inline const std::string kPretrain =
    "  - {name: base, kind: pretrain, length: 32, steps: 2, batch_sequences: 2}\n";

inline const std::string kSearchWide =
    "  - {name: wide, kind: search, from: none, makes: wide, length: 128, documents: 2, "
    "finalist_documents: 1, refine: none}\n";

inline void write_text(const TempDir& folder, size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += "the quick brown fox jumps over the lazy dog. ";
  write_bytes(folder / "text.txt", text.substr(0, bytes));
}

// Every file below the folder with its content.
inline std::map<std::string, std::string> files_in(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  if (!std::filesystem::exists(folder)) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files[entry.path().string()] = read_bytes(entry.path());
  }
  return files;
}

}  // namespace ropeway
