// A good recipe that the tests break, one place at a time.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "trainer/config/recipe_parser.h"

namespace ropeway {

inline const std::string kGoodRecipe = R"(name: demo
seed: 7
model:
  path: models/tiny
data:
  train: [train.txt]
  validation: [validation.txt]
  test: [test.txt]
mesh:
  data: 1
  sequence: 2
stages:
  - name: search_8x
    kind: search
    from: none
    makes: searched
    length: 2K
  - name: tune
    kind: finetune
    from: searched
    makes: tuned
    length: 2K
    steps: 100
    learning_rate: 1e-3
  - name: score
    kind: evaluate
    lengths: [256, 2K]
)";

inline const std::string kNewModelRecipe = R"(name: fresh
model:
  architecture:
    hidden_size: 192
    intermediate_size: 512
    num_layers: 4
    num_heads: 3
    num_kv_heads: 3
    head_dim: 64
    window: 256
data:
  train: [train.txt]
  validation: [validation.txt]
stages:
  - name: base
    kind: pretrain
    length: 256
    steps: 10
  - {name: s, kind: search, from: none, makes: a, length: 2K}
)";

inline std::string replaced(std::string text, const std::string& find, const std::string& put) {
  const size_t at = text.find(find);
  EXPECT_NE(at, std::string::npos) << "'" << find << "' is not in the recipe";
  if (at != std::string::npos) text.replace(at, find.size(), put);
  return text;
}

// A file in a folder of this process, removed at the end.
class RecipeFile {
 public:
  explicit RecipeFile(const std::string& text) {
    path_ = std::filesystem::path(::testing::TempDir()) / ("recipe_" + std::to_string(::getpid()) + ".yaml");
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~RecipeFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  RecipeFile(const RecipeFile&) = delete;
  RecipeFile& operator=(const RecipeFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline RecipeResult parse_text(const std::string& text, const ParseRecipeOptions& options = {}) {
  const RecipeFile file(text);
  ParseRecipeOptions as_by_launch = options;
  as_by_launch.override_prefix = "--set ";
  RecipeResult result = parse_recipe(file.path(), as_by_launch);
  // Messages begin with the path as it was given; tests compare what comes after it.
  const std::string prefix = file.path().string() + ":";
  for (std::string& error : result.errors) {
    if (error.rfind(prefix, 0) == 0) error.erase(0, prefix.size());
  }
  return result;
}

}  // namespace ropeway
