// The page of a recorded run against the run's files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "tests/support/temp_dir.h"
#include "trainer/page/run_page.h"
#include "trainer/page/write_page.h"

namespace ropeway::page {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using testing::HasSubstr;
using testing::Not;

const fs::path kRun = fs::path(ROPEWAY_SOURCE_DIR) / "tests/data/demo_run";

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

void nothing_left_out(const std::string& part) { ADD_FAILURE() << part; }

TEST(Page, EveryFigureOfTheReportIsOnIt) {
  const std::string html = page_of({kRun}, nothing_left_out);
  for (const Json& evaluation : Json::parse(read_bytes(kRun / "report.json")).at("evaluations")) {
    const std::string factors = evaluation.at("factors"), model = evaluation.at("model");
    EXPECT_THAT(html, HasSubstr(factors == "none" ? "original RoPE" : factors));
    EXPECT_THAT(html, HasSubstr(fmt::format(">{:.3f} ", evaluation.at("bits_per_byte").get<double>())))
        << model << " " << factors;
  }
}

TEST(Page, AllPartsAreThere) {
  const std::string html = page_of({kRun}, nothing_left_out);
  for (const char* part :
       {"lengths", "retrieval", "controls", "schedule", "training", "factors", "searches", "record"}) {
    EXPECT_EQ(count_of(html, fmt::format("<section id=\"{}\"", part)), 1u) << part;
    EXPECT_EQ(count_of(html, fmt::format("href=\"#{}\"", part)), 1u) << part;
  }
  EXPECT_THAT(html, HasSubstr("resumed"));
  EXPECT_THAT(html, HasSubstr("gradient_steps: 4"));  // the recipe
  EXPECT_THAT(html, HasSubstr("ropeway run configs/tiny_cpu.yaml"));
  EXPECT_LT(html.size(), 1'500'000u);
}

TEST(Page, EveryPictureHasWordsAndATable) {
  const std::string html = page_of({kRun}, nothing_left_out);
  const size_t pictures = count_of(html, "<svg ");
  EXPECT_GE(pictures, 15u);
  EXPECT_EQ(count_of(html, "<desc id="), pictures);
  EXPECT_EQ(count_of(html, "<figure "), count_of(html, "<summary>Table: "));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
}

TEST(Page, NothingOfARunBreaksThePage) {
  RunData run;
  run.name = "<b>&\"name\"";
  run.recipe = "name: </pre><script>alert(1)</script>";
  run.report.commands = {"ropeway run '<x>'"};
  run.samples = {{"<i>", "<u>\x1b[31m"}};
  const std::string html = run_page({run}, "now");
  for (const char* tag : {"<b>&", "<script>", "<x>", "<i>", "<u>", "\x1b"})
    EXPECT_THAT(html, Not(HasSubstr(tag)));
}

TEST(Page, ARunWithoutAnythingIsAPage) {
  const TempDir folder;
  write_bytes(folder / "run/recipe.yaml", read_bytes(kRun / "recipe.yaml"));
  fs::create_directories(folder / "run/stages");
  const std::string html = page_of({folder / "run"}, nothing_left_out);
  EXPECT_THAT(html, HasSubstr("at stage base"));
  EXPECT_THAT(html, HasSubstr("<section id=\"record\""));
}

TEST(Page, WhatCannotBeReadIsSaidInWords) {
  const TempDir folder;
  fs::copy(kRun, folder / "run", fs::copy_options::recursive);
  write_bytes(folder / "run/stages/scores/figures.json", R"({"evaluations": [{"of": {}}]})");
  write_bytes(folder / "run/environment.json", "{");
  write_bytes(folder / "run/stages/search_8x/search.jsonl", R"({"phase": 3})");
  std::vector<std::string> said;
  const std::string html = page_of({folder / "run"}, [&](const std::string& part) { said.push_back(part); });
  const std::string run = (folder / "run").string();
  EXPECT_THAT(
      said, testing::UnorderedElementsAre(
                HasSubstr(run + "/environment.json: not as this program writes it: parse error"),
                HasSubstr(run + "/stages/search_8x/search.jsonl: not as this program writes it"),
                run + "/stages/scores/figures.json: not as this program writes it: key 'figures' not found"));
  EXPECT_EQ(count_of(html, "Not on this page: "), 3u);
  EXPECT_THAT(html + fmt::format("{}", fmt::join(said, " ")), Not(HasSubstr("json.exception")));
}

TEST(Page, AWarningIsGivenOnce) {
  const Tell warn = warn_once();
  testing::internal::CaptureStderr();
  for (const char* part : {"a", "b", "a"}) warn(part);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(count_of(said, "warning: a; "), 1u);
  EXPECT_EQ(count_of(said, "warning: b; "), 1u);
}

TEST(Page, TwoRunsShareTheirPictures) {
  const TempDir folder;
  fs::copy(kRun, folder / "other", fs::copy_options::recursive);
  const std::string alone = page_of({kRun}, nothing_left_out),
                    both = page_of({kRun, folder / "other"}, nothing_left_out);
  EXPECT_THAT(both, HasSubstr("far_64x (demo_run)"));
  EXPECT_THAT(both, HasSubstr("far_64x (other)"));
  EXPECT_EQ(count_of(both, "<figure id=\"figure-loss\""), 1u);
  EXPECT_EQ(count_of(alone, "<figure id=\"figure-passkeys"), 1u);
  EXPECT_EQ(count_of(both, "<figure id=\"figure-passkeys"), 2u);
}

TEST(Page, PicturesAreFilesOfTheirOwn) {
  const TempDir folder;
  const size_t count = write_pictures({kRun}, folder / "pictures");
  EXPECT_EQ(names_in(folder / "pictures").size(), count);
  EXPECT_THAT(read_bytes(folder / "pictures/loss.svg"), HasSubstr("<style>:root{"));
}

}  // namespace
}  // namespace ropeway::page
