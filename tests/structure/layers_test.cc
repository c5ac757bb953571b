// The floors of the house, read from the #include lines themselves: a file includes its own folder and lower
// floors.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = ROPEWAY_SOURCE_DIR;

const std::map<std::string, int> kFloors = {
    {"kernels/base", 0},

    {"kernels/rope", 1},         {"kernels/norm", 1},
    {"kernels/mlp", 1},          {"kernels/attention", 1},
    {"kernels/loss", 1},         {"kernels/optim", 1},
    {"parallel/board", 1},       {"trainer/charts", 1},

    {"kernels/ops", 2},          {"parallel/comm", 2},
    {"parallel/layout", 2},      {"trainer/files", 2},

    {"parallel/device", 3},      {"parallel/attention", 3},
    {"parallel/zero", 3},        {"trainer/config", 3},
    {"trainer/rope", 3},         {"trainer/tokenizer", 3},
    {"trainer/report", 3},       {"trainer/formats/safetensors", 3},

    {"trainer/family", 4},       {"trainer/data", 4},
    {"trainer/checkpoint", 4},   {"trainer/page", 4},

    {"trainer/formats/hf", 5},   {"trainer/plan", 5},
    {"trainer/tasks", 5},

    {"trainer/formats/gguf", 6}, {"trainer/model", 6},

    {"trainer/search", 7},       {"trainer/finetune", 7},
    {"trainer/score", 7},        {"trainer/generate", 7},

    {"trainer/evaluate", 8},     {"trainer/benchmarks", 8},

    {"trainer/stages", 9},       {"launch", 10},
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

// "" when the include may stand: a header of the file's own folder, of a lower floor, or none of ours.
std::string upward(const Include& include) {
  const std::string from = folder_of(include.file), to = folder_of(include.target);
  if (!include.quoted || from == to || !kFloors.contains(from) || !kFloors.contains(to)) return "";
  if (kFloors.at(to) < kFloors.at(from)) return "";
  return include.file + " (floor " + std::to_string(kFloors.at(from)) + ") includes " + include.target +
         " (floor " + std::to_string(kFloors.at(to)) + ")";
}

TEST(Layers, IncludesGoDownwards) {
  int between_folders = 0;
  for (const Include& include : all_includes()) {
    EXPECT_EQ(upward(include), "");
    if (kFloors.contains(folder_of(include.target)) && folder_of(include.file) != folder_of(include.target)) {
      ++between_folders;
    }
  }
  EXPECT_GT(between_folders, 50) << "too few includes seen: the pattern is broken";
}

TEST(Layers, APlantedUpwardIncludeIsFound) {
  EXPECT_NE(upward({"kernels/base/log.cc", "trainer/files/files.h", true}), "");
  EXPECT_NE(upward({"trainer/model/block.cc", "trainer/stages/run_state.h", true}), "");
  EXPECT_NE(upward({"trainer/rope/factor_file.cc", "trainer/config/recipe.h", true}), "") << "one floor";
  EXPECT_EQ(upward({"trainer/model/block.cc", "trainer/model/tiles.h", true}), "");
  EXPECT_EQ(upward({"trainer/stages/run_state.cc", "trainer/model/block.h", true}), "");
}

// The CMake helper knows the same floors.
TEST(Layers, CMakeDeclaresTheSameFloors) {
  static const std::regex kLibrary(R"(ropeway_library\(\s*\w+\s+FLOOR\s+(\d+))");
  for (const auto& [folder, floor] : kFloors) {
    std::ifstream stream(kRoot / folder / "CMakeLists.txt");
    ASSERT_TRUE(stream) << folder << " has no CMakeLists.txt";
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    std::smatch match;
    ASSERT_TRUE(std::regex_search(text, match, kLibrary)) << folder;
    EXPECT_EQ(std::stoi(match[1]), floor) << folder;
  }
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
