// The top level is what the README says and nothing else; every folder of code says what it is for.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <set>
#include <string>

namespace {

namespace fs = std::filesystem;

// What git knows, so that build folders and run folders of the user do not count.
std::set<std::string> tracked_top_level() {
  std::set<std::string> names;
  const std::string command = "git -C '" ROPEWAY_SOURCE_DIR "' ls-files 2>/dev/null";
  FILE* pipe = popen(command.c_str(), "r");
  std::array<char, 4096> line{};
  while (pipe != nullptr && fgets(line.data(), line.size(), pipe) != nullptr) {
    const std::string path = line.data();
    names.insert(path.substr(0, path.find_first_of("/\n")));
  }
  if (pipe != nullptr) pclose(pipe);
  return names;
}

TEST(Tree, TopLevelIsFixed) {
  const std::set<std::string> allowed = {"trainer",   "kernels",      "parallel",       "configs",
                                         "launch",    "tests",        "CMakeLists.txt", "CMakePresets.json",
                                         "README.md", "CHANGELOG.md", "LICENSE"};
  const auto names = tracked_top_level();
  if (names.empty()) GTEST_SKIP() << "not a git checkout";
  for (const std::string& name : names) {
    if (name[0] == '.') continue;
    EXPECT_TRUE(allowed.contains(name)) << name << " does not belong at the top level";
  }
  for (const std::string& name : allowed) EXPECT_TRUE(names.contains(name)) << name << " is missing";
}

}  // namespace
