// The floors of the house, read from the #include lines themselves: a file includes its own folder and lower
// floors.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = ROPEWAY_SOURCE_DIR;

// Longest matching prefix wins.
const std::map<std::string, int> kFloors = {
    {"kernels/base", 0},      {"kernels/rope", 1},     {"kernels/norm", 1},     {"kernels/mlp", 1},
    {"kernels/attention", 1}, {"kernels/loss", 1},     {"kernels/optim", 1},    {"trainer/rope", 1},
    {"trainer/config", 1},    {"kernels/ops", 2},      {"parallel/comm", 2},    {"parallel", 2},
    {"parallel/ring", 3},     {"parallel/zero", 3},    {"trainer/io", 4},       {"trainer/io/gguf", 4},
    {"trainer/tokenizer", 4}, {"trainer/data", 4},     {"trainer/report", 4},   {"trainer/cost", 4},
    {"trainer/model", 5},     {"trainer/finetune", 6}, {"trainer/evaluate", 6}, {"trainer/search", 7},
    {"trainer/stages", 8},    {"launch", 9},
};
// Folders of one floor that may use a neighbour: trainer/io serves the others, trainer/tokenizer the data.
const std::vector<std::pair<std::string, std::string>> kNeighbours = {
    {"trainer/tokenizer", "trainer/io"},   {"trainer/data", "trainer/io"},
    {"trainer/data", "trainer/tokenizer"}, {"trainer/io/gguf", "trainer/io"},
    {"trainer/report", "trainer/io"},      {"trainer/cost", "trainer/io"},
    {"parallel/comm", "parallel"},         {"parallel", "parallel/comm"},
};

std::string folder_of(const std::string& file) { return fs::path(file).parent_path().string(); }

struct Include {
  std::string file, target;
  bool quoted;
};

std::vector<Include> all_includes() {
  static const std::regex kInclude(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<Include> includes;
  for (const char* top : {"kernels", "parallel", "trainer", "launch"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / top)) {
      const std::string extension = entry.path().extension();
      if (extension != ".h" && extension != ".cc" && extension != ".cu") continue;
      std::ifstream stream(entry.path());
      for (std::string line; std::getline(stream, line);) {
        std::smatch match;
        if (!std::regex_search(line, match, kInclude)) continue;
        includes.push_back({fs::relative(entry.path(), kRoot).string(), match[2], match[1] == "\""});
      }
    }
  }
  return includes;
}

bool starts_with_any(const std::string& text, const std::vector<std::string>& prefixes) {
  for (const std::string& prefix : prefixes) {
    if (text.rfind(prefix, 0) == 0) return true;
  }
  return false;
}

TEST(Layers, EveryFolderHasAFloor) {
  for (const Include& include : all_includes()) {
    EXPECT_TRUE(kFloors.contains(folder_of(include.file)))
        << include.file << " is in a folder without a floor";
  }
}

TEST(Layers, IncludesGoDownwards) {
  int checked = 0;
  for (const Include& include : all_includes()) {
    const std::string from = folder_of(include.file), to = folder_of(include.target);
    if (!include.quoted || !kFloors.contains(from) || !kFloors.contains(to) || from == to) continue;
    ++checked;
    const bool neighbour =
        std::find(kNeighbours.begin(), kNeighbours.end(), std::pair(from, to)) != kNeighbours.end();
    EXPECT_TRUE(neighbour || kFloors.at(to) < kFloors.at(from))
        << include.file << " (floor " << kFloors.at(from) << ") includes " << include.target << " (floor "
        << kFloors.at(to) << ")";
  }
  EXPECT_GT(checked, 50) << "too few includes seen: the pattern is broken";
}

TEST(Layers, OwnHeadersAreNamedFromTheRoot) {
  for (const Include& include : all_includes()) {
    if (!include.quoted || include.target == "event.pb.h") continue;
    // A header that CMake fills in stands in the tree as its template.
    EXPECT_TRUE(fs::exists(kRoot / include.target) || fs::exists(kRoot / (include.target + ".in")))
        << include.file << " includes \"" << include.target << "\"";
  }
}

TEST(Layers, MpiAndNcclStayInComm) {
  for (const Include& include : all_includes()) {
    if (include.target != "mpi.h" && include.target != "nccl.h") continue;
    EXPECT_EQ(folder_of(include.file), "parallel/comm") << include.file;
    EXPECT_EQ(fs::path(include.file).extension(), ".cc") << include.file;
  }
}

TEST(Layers, TorchHeadersAreNarrowAndStartAtFloorTwo) {
  const std::vector<std::string> torch = {"ATen/", "c10/", "torch/"};
  for (const Include& include : all_includes()) {
    if (!starts_with_any(include.target, torch)) continue;
    EXPECT_NE(include.target, "torch/torch.h") << include.file;
    EXPECT_NE(include.target, "ATen/ATen.h") << include.file;
    EXPECT_NE(fs::path(include.file).extension(), ".cu") << include.file;
    if (kFloors.contains(folder_of(include.file))) {
      EXPECT_GE(kFloors.at(folder_of(include.file)), 2) << include.file << " includes " << include.target;
    }
  }
}

}  // namespace
