// The search's spaces against what the authors of LongRoPE found with theirs.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "search_fixture.h"
#include "trainer/search/factor_space.h"

namespace ropeway {
namespace {

std::map<std::string, std::vector<double>> released_sets() {
  std::ifstream file(ROPEWAY_SOURCE_DIR "/tests/data/longrope_released_sets.txt");
  std::map<std::string, std::vector<double>> sets;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string name;
    words >> name;
    for (double factor = 0; words >> factor;) sets[name].push_back(factor);
  }
  return sets;
}

// Weights tuned under the set, with 4,096 tokens as the original window, as the authors take Mistral's too.
SearchProblem tuned_under(const std::vector<double>& factors, int64_t trained_length) {
  SearchProblem problem;
  problem.geometry = {64, 1e4, 4096};
  problem.trained_factors = factors;
  problem.trained_length = trained_length;
  return problem;
}

TEST(ReleasedSets, OfShortLengthsLieInTheSpaceOfAReadjust) {
  const auto sets = released_sets();
  ASSERT_EQ(sets.size(), 17u);
  int checked = 0;
  for (const auto& [name, factors] : sets) {
    ASSERT_EQ(factors.size(), 64u) << name;
    const int64_t length = std::stoll(name.starts_with("ft") ? "0" : name) * 1024;
    const std::string tuned = "ft" + name.substr(name.find('_'));
    const int64_t trained = name.ends_with("256k") ? 1 << 18 : 1 << 17;
    if (length == 0 || length >= trained) continue;
    SearchProblem problem = tuned_under(sets.at(tuned), trained);
    problem.readjust = true;
    problem.target_length = length;
    int beyond_tuned = 0;
    for (size_t i = 0; i < 64; ++i) beyond_tuned += factors[i] > sets.at(tuned)[i] ? 1 : 0;
    EXPECT_GE(beyond_tuned, 13) << name << ": bounds of tuned factors dim by dim would lose it";
    EXPECT_TRUE(published_space(problem).contains(factors)) << name;
    EXPECT_TRUE(family_space(problem).contains(factors)) << name;
    ++checked;
  }
  EXPECT_EQ(checked, 12);
}

TEST(ReleasedSets, Of512KLieInTheSpaceOfASecondSearch) {
  const auto sets = released_sets();
  SearchProblem problem = tuned_under(sets.at("ft_la2_256k"), 1 << 18);
  problem.target_length = 1 << 19;
  std::vector<double> stretch = sets.at("512k_la2_256k");
  for (size_t i = 0; i < 64; ++i) stretch[i] /= problem.trained_factors[i];
  EXPECT_NEAR(stretch[63], 2.645, 1e-9);  // more than 1.25 times s2 = 2
  // Equal neighbours are equal to rounding only, of the file and of the division.
  const std::vector<double> inside = published_space(problem).coordinates(sets.at("512k_la2_256k"));
  for (size_t i = 0; i < 64; ++i) EXPECT_NEAR(inside[i], stretch[i], 1e-6) << i;
  EXPECT_TRUE(family_space(problem).contains(sets.at("512k_la2_256k")));
}

}  // namespace
}  // namespace ropeway
