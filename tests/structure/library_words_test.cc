// Libraries throw and launch/ words: no string of theirs has an option of the command line or a verb of the
// program in it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = ROPEWAY_SOURCE_DIR;

// The string literals of a C++ source, one after another; neighbours, which the compiler joins, as one.
std::vector<std::string> literals_of(const std::string& source) {
  static const std::regex kToken(
      R"re(//[^\n]*|/\*[\s\S]*?\*/|#\s*include[^\n]*|R"([^(\s]*)\(([\s\S]*?)\)\1")re"
      R"re(|"((?:[^"\\\n]|\\.)*)"|'(?:[^'\\\n]|\\.)+'|\s+|[^\s"'/#R]+|.)re");
  std::vector<std::string> literals;
  bool joins = false;
  for (std::sregex_iterator token(source.begin(), source.end(), kToken), end; token != end; ++token) {
    const std::string text = token->str();
    const bool is_space = text.find_first_not_of(" \t\n") == std::string::npos || text.rfind("//", 0) == 0;
    if (is_space) continue;
    const bool is_literal = (*token)[3].matched || (*token)[2].matched;
    if (is_literal) {
      const std::string content = (*token)[3].matched ? (*token)[3].str() : (*token)[2].str();
      if (joins) {
        literals.back() += content;
      } else {
        literals.push_back(content);
      }
    }
    joins = is_literal;
  }
  return literals;
}

// An option ("--fresh") or a verb ("ropeway run") in the text; "" if there is none.
std::string command_line_in(const std::string& text) {
  static const std::regex kWords(
      R"((^|[^-\w])(--[a-z][a-z-]*|ropeway (run|data|evaluate|generate|chat|import|export|inspect|status|report|plan|validate|version|new|convert|fetch|show|schema|completion)\b))");
  std::smatch match;
  return std::regex_search(text, match, kWords) ? match[2].str() : "";
}

std::vector<fs::path> library_sources() {
  std::vector<fs::path> sources;
  for (const char* top : {"kernels", "parallel", "trainer"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / top)) {
      const std::string extension = entry.path().extension();
      if (extension == ".h" || extension == ".cc" || extension == ".cu") sources.push_back(entry.path());
    }
  }
  return sources;
}

TEST(LibraryWords, NameNoOptionAndNoVerb) {
  size_t literals = 0;
  for (const fs::path& path : library_sources()) {
    std::ifstream stream(path);
    for (const std::string& literal : literals_of({std::istreambuf_iterator<char>(stream), {}})) {
      EXPECT_EQ(command_line_in(literal), "") << path.string() << ": \"" << literal << "\"";
      ++literals;
    }
  }
  EXPECT_GT(literals, 1000u) << "too few strings seen: the pattern is broken";
}

TEST(LibraryWords, PlantedOnesAreFound) {
  const auto found = [](const std::string& source) {
    std::string all;
    for (const std::string& literal : literals_of(source)) all += command_line_in(literal);
    return all;
  };
  EXPECT_EQ(found(R"(fail(kind, "{}: exists; --force replaces it", path);)"), "--force");
  EXPECT_EQ(found("f(\"use ropeway \"\n  \"plan to see\");"), "ropeway plan");
  EXPECT_EQ(found("f(R\"(--set KEY)\");"), "--set");
  EXPECT_EQ(
      found("// \"--force\" in a comment\n/* \"--fresh\" */ i--; #include \"--a.h\"\nf(\"a -- b, i--\");"),
      "");
  EXPECT_EQ(found("f('\"'); g(\"this ropeway was built without CUDA\");"), "");
}

}  // namespace
