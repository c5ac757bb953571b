#include "trainer/page/search_pictures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ropeway::page {
namespace {

SearchEvaluation candidate(const std::string& phase, const std::string& origin,
                           std::vector<int64_t> documents, double loss, double spent) {
  return {.phase = phase,
          .origin = origin,
          .length = 2048,
          .documents = std::move(documents),
          .loss = loss,
          .spent = spent};
}

RunData run_with(std::vector<SearchEvaluation> evaluations) {
  RunData run;
  run.searches.push_back({"search", std::move(evaluations)});
  return run;
}

// An easy document makes no candidate the best.
TEST(SearchPictures, OnlyLossesOfTheSameDocumentsAreCompared) {
  const auto pictures = search_pictures(
      {run_with({candidate("seeds", "pi", {0}, 2.0, 1), candidate("seeds", "ntk", {0}, 1.6, 2),
                 candidate("seeds", "yarn", {0}, 1.5, 3), candidate("seeds", "pi", {7}, 0.2, 4)})});
  ASSERT_EQ(pictures.size(), 1u);
  const auto& row = pictures[0].table.rows.at(0);
  EXPECT_EQ(row, (std::vector<std::string>{"seeds", "yarn", "4", "4", "1.5000", ""}));
}

TEST(SearchPictures, FinalistsHaveTheMeanOverTheirDocuments) {
  auto first = candidate("finalists", "yarn", {0}, 1.2, 5),
       second = candidate("finalists", "yarn", {1}, 1.4, 6);
  first.held_out = second.held_out = true;
  first.needle = 0.5;
  second.needle = 1.5;
  const auto pictures = search_pictures({run_with({candidate("seeds", "yarn", {0}, 1.5, 3), first, second})});
  ASSERT_EQ(pictures.size(), 1u);
  const auto& row = pictures[0].table.rows.back();
  EXPECT_EQ(row[0], "finalist on 2 held-out documents");
  EXPECT_EQ(row[4], "1.3000");
  EXPECT_EQ(row[5], "1.00");
}

TEST(SearchPictures, ASearchWithoutACandidateHasNoPicture) {
  EXPECT_TRUE(search_pictures({run_with({})}).empty());
}

}  // namespace
}  // namespace ropeway::page
