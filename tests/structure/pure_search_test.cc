// The search works on numbers: only its objective on a real model may see a tensor or the model. Read from
// the #include lines, followed through every header of ours that they name.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = ROPEWAY_SOURCE_DIR;

std::vector<std::string> includes_of(const fs::path& file) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  std::vector<std::string> targets;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    std::smatch match;
    if (std::regex_search(line, match, kInclude)) targets.push_back(match[1]);
  }
  return targets;
}

// Everything that `file` sees: headers of ours by their path from the root, others as they are written.
std::set<std::string> reached_by(const std::string& file) {
  std::set<std::string> reached;
  std::vector<std::string> open = {file};
  while (!open.empty()) {
    const std::string next = open.back();
    open.pop_back();
    for (const std::string& target : includes_of(kRoot / next)) {
      if (reached.insert(target).second && fs::exists(kRoot / target)) open.push_back(target);
    }
  }
  return reached;
}

bool is_of_tensors(const std::string& target) {
  for (const char* prefix : {"ATen/", "c10/", "torch/", "trainer/model/", "kernels/ops/"}) {
    if (target.rfind(prefix, 0) == 0) return true;
  }
  return false;
}

std::vector<std::string> search_files() {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(kRoot / "trainer/search")) {
    const std::string extension = entry.path().extension();
    if (extension == ".h" || extension == ".cc") files.push_back(fs::relative(entry.path(), kRoot).string());
  }
  return files;
}

TEST(PureSearch, OnlyTheModelObjectiveSeesTensors) {
  int pure = 0;
  for (const std::string& file : search_files()) {
    if (fs::path(file).stem() == "model_objective") continue;
    ++pure;
    for (const std::string& target : reached_by(file)) {
      EXPECT_FALSE(is_of_tensors(target)) << file << " sees " << target;
    }
  }
  EXPECT_GT(pure, 30) << "too few files seen";
}

TEST(PureSearch, NoStepSeesTheWholeSearch) {
  for (const std::string& file : search_files()) {
    if (fs::path(file).stem() == "search") continue;
    EXPECT_FALSE(reached_by(file).contains("trainer/search/search.h")) << file;
  }
}

TEST(PureSearch, TensorsAreFoundWhereTheyAre) {
  bool found = false;
  for (const std::string& target : reached_by("trainer/search/model_objective.cc")) {
    found = found || is_of_tensors(target);
  }
  EXPECT_TRUE(found) << "the pattern is broken";
  // Through a header of its own, not only by name.
  EXPECT_TRUE(reached_by("trainer/stages/search_stage.cc").contains("trainer/search/problem.h"));
}

}  // namespace
