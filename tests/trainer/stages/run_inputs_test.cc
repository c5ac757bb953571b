// What does not fit is found before the run directory exists, for all stages, not when a stage is reached.
#include "trainer/stages/run_inputs.h"

#include "parallel/comm/thread_world.h"
#include "parallel/comm/world_of_one.h"
#include "tests/trainer/stages/run_recipe.h"
#include "tests/trainer/stages/stage_case.h"
#include "trainer/stages/run_directory.h"

namespace ropeway {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

void expect_refused(const TempDir& folder, const Recipe& recipe, ErrorKind kind,
                    const testing::Matcher<std::string>& message) {
  for (const int ranks : {1, 2}) {
    run_thread_world(ranks, [&](Communicator& world) {
      const auto error = error_of([&] { run_recipe(recipe, world, {}); });
      ASSERT_TRUE(error);
      EXPECT_EQ(error->kind(), kind) << error->what();
      EXPECT_THAT(std::string(error->what()), message);
    });
    EXPECT_FALSE(fs::exists(folder / "run"));
  }
}

TEST(RunInputs, AMissingTextIsNamed) {
  const TempDir folder;
  expect_refused(folder, recipe_in(folder, kPretrain), ErrorKind::kMissingInput,
                 HasSubstr((folder / "text.txt").string()));
}

TEST(RunInputs, ATextShorterThanATrainingSequenceIsBadData) {
  const TempDir folder;
  write_text(folder, 31);
  expect_refused(folder, recipe_in(folder, kPretrain), ErrorKind::kBadData,
                 AllOf(HasSubstr("stage base"), HasSubstr("text.txt: 31"), HasSubstr("32 tokens")));
}

// Twenty documents of ten tokens fill windows of 32 when they are joined; none of them fills one by itself.
TEST(RunInputs, ShortDocumentsAreJoinedOrAreTooShort) {
  const TempDir folder;
  std::string lines;
  for (int i = 0; i < 20; ++i) lines += fmt::format("{{\"text\": \"document{:02}\"}}\n", i);
  write_bytes(folder / "text.jsonl", lines);
  Recipe recipe = recipe_in(folder, kPretrain);
  recipe.data.train = {{(folder / "text.jsonl").string()}};
  recipe.data.packing = Packing::kDocuments;
  expect_refused(folder, recipe, ErrorKind::kBadData,
                 AllOf(HasSubstr("stage base"), HasSubstr("text.jsonl:1: 10"), HasSubstr("32 tokens")));
  recipe.data.packing = Packing::kConcat;
  const auto world = make_world_of_one();
  testing::internal::CaptureStderr();
  run_recipe(recipe, *world, {});
  EXPECT_THAT(
      testing::internal::GetCapturedStderr(),
      HasSubstr("base: used 20 documents, 200 tokens; 20 shorter than 32 were joined to others; no BOS, "
                "no EOS\n"));
}

TEST(RunInputs, ABosThatTheTokenizerLacksIsAnErrorOfTheRecipe) {
  const TempDir folder;
  write_text(folder, 500);
  Recipe recipe = recipe_in(folder, kPretrain);
  recipe.data.bos = MarkChoice::kTrue;
  expect_refused(folder, recipe, ErrorKind::kConfig, HasSubstr("BOS"));
  recipe = recipe_in(folder, kPretrain + "  - {name: scores, kind: evaluate, lengths: [32], bos: true}\n");
  expect_refused(folder, recipe, ErrorKind::kConfig, HasSubstr("BOS"));
}

TEST(RunInputs, TooFewWindowsForASearchLaterOnAreFoundAtTheStart) {
  const TempDir folder;
  write_text(folder, 3 * 128 - 1);
  expect_refused(
      folder, recipe_in(folder, kPretrain + kSearchWide), ErrorKind::kBadData,
      AllOf(HasSubstr("stage wide"), HasSubstr("2 disjoint windows of 128"), HasSubstr("wanted 3")));
}

// Gradient steps read what training reads: forty documents of ten tokens, joined or too short.
TEST(RunInputs, GradientStepsOfASearchTakeJoinedDocuments) {
  const TempDir folder;
  write_text(folder, 3 * 128);
  std::string lines;
  for (int i = 0; i < 40; ++i) lines += fmt::format("{{\"text\": \"document{:02}\"}}\n", i);
  write_bytes(folder / "text.jsonl", lines);
  const std::string search =
      "  - {name: wide, kind: search, from: none, makes: wide, length: 128, documents: 2, "
      "finalist_documents: 1, "
      "gradient_steps: 2}\n";
  Recipe recipe = recipe_in(folder, kPretrain + search);
  recipe.data.train = {{(folder / "text.jsonl").string()}};
  const auto world = make_world_of_one();
  const RunInputs inputs = open_run_inputs(recipe, *world, {&recipe.stages[0], &recipe.stages[1]});
  EXPECT_EQ(inputs.documents.at("train").count(), 40u);
  recipe.data.packing = Packing::kDocuments;
  const auto error = error_of([&] { open_run_inputs(recipe, *world, {&recipe.stages[1]}); });
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(),
              HasSubstr("stage wide: gradient steps on the training text: no document has 128"));
}

// Prompts of `bytes` letters, each with a completion of five.
std::string examples_of(size_t bytes, int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) {
    std::string prompt;
    for (size_t t = 0; t < bytes; ++t) prompt += static_cast<char>('a' + (t * t + 3 * t + 5 * i) % 26);
    lines += fmt::format("{{\"prompt\": \"{}\", \"completion\": \"{}\"}}\n", prompt, prompt.substr(0, 5));
  }
  return lines;
}

// A search on examples from the recipe to the set, by evolution and by gradients; the same on two ranks.
TEST(RunInputs, ASearchScoresExamplesByTheirCompletions) {
  const TempDir folder;
  write_text(folder, 500);
  write_bytes(folder / "sft.jsonl", examples_of(100, 4));
  write_bytes(folder / "short.jsonl", examples_of(9, 4));  // which pretraining takes
  for (const std::string refine : {"none", "gradient"}) {
    Recipe recipe = recipe_in(folder, kPretrain +
                                          "  - {name: wide, kind: search, from: none, makes: wide, length: "
                                          "128, documents: 2, finalist_documents: 1, gradient_steps: 2, "
                                          "refine: " +
                                          refine + "}\n");
    recipe.data.train = {{(folder / "sft.jsonl").string()}, {(folder / "short.jsonl").string()}};
    recipe.data.validation = {(folder / "sft.jsonl").string()};
    std::vector<double> fitness;
    for (const int ranks : {1, 2}) {
      recipe.mesh.sequence = ranks;
      testing::internal::CaptureStderr();
      run_thread_world(ranks, [&](Communicator& world) { run_recipe(recipe, world, {.fresh = true}); });
      EXPECT_THAT(testing::internal::GetCapturedStderr(),
                  HasSubstr("wide: the 3 longest of 4 examples up to 128, 105 to 105 tokens, 15 of them "
                            "scored\n"));
      const auto lines = read_bytes(folder / "run/stages/wide/search.jsonl");
      const std::string key = "\"fitness\":";
      fitness.push_back(std::stod(lines.substr(lines.find(key) + key.size())));
      EXPECT_TRUE(RunDirectory::is_done(recipe.run_dir, "wide"));
    }
    EXPECT_NEAR(fitness[0], fitness[1], 1e-4 * fitness[0]);
  }
}

TEST(RunInputs, ExamplesThatSayNothingOfLongerPositionsAreRefused) {
  const TempDir folder;
  write_text(folder, 500);
  write_bytes(folder / "sft.jsonl", examples_of(27, 3));
  Recipe recipe = recipe_in(folder, kPretrain + kSearchWide);
  recipe.data.validation = {(folder / "sft.jsonl").string()};
  expect_refused(folder, recipe, ErrorKind::kBadData,
                 AllOf(HasSubstr("stage wide"), HasSubstr("fits into 128 tokens has 32, wanted one of more "
                                                          "than 32")));
}

TEST(RunInputs, TasksThatAreMadeOfWholeTextsTakeNoExamples) {
  const TempDir folder;
  write_text(folder, 500);
  write_bytes(folder / "sft.jsonl", examples_of(100, 3));
  const auto evaluating = [&](const std::string& what) {
    Recipe recipe =
        recipe_in(folder, kPretrain + "  - {name: scores, kind: evaluate, lengths: [128], " + what + "}\n");
    recipe.data.test = {(folder / "sft.jsonl").string()};
    return recipe;
  };
  const std::pair<const char*, const char*> refused[] = {
      {"tasks: [passkey]", "passkey retrieval"},
      {"tasks: [needles]", "retrieval of needles"},
      {"tasks: [longppl], longppl.short: 32, longppl.stride: 16", "LongPPL"},
      {"tasks: [perplexity], controls: [crop]", "the control crop"},
      {"tasks: [perplexity], ruler: [niah_single_1, niah_single_2]", "RULER's niah_single_2"}};
  for (const auto& [what, task] : refused) {
    expect_refused(folder, evaluating(what), ErrorKind::kBadData,
                   AllOf(HasSubstr("stage scores"), HasSubstr("sft.jsonl"),
                         HasSubstr(std::string(task) + " takes whole texts")));
  }
  for (const std::string what : {"tasks: [perplexity]", "tasks: [perplexity], ruler: [niah_single_1]"}) {
    const Recipe recipe = evaluating(what);
    const auto world = make_world_of_one();
    EXPECT_NO_THROW(open_run_inputs(recipe, *world, {&recipe.stages[1]})) << what;
  }
}

TEST(RunInputs, ATextTooShortForTheEvaluationAtTheEndIsFoundAtTheStart) {
  const TempDir folder;
  write_text(folder, 500);
  const Recipe recipe =
      recipe_in(folder, kPretrain + "  - {name: scores, kind: evaluate, lengths: [32, 512]}\n");
  expect_refused(folder, recipe, ErrorKind::kBadData, AllOf(HasSubstr("stage scores"), HasSubstr("512")));
}

TEST(RunInputs, AMissingModelIsNamed) {
  const TempDir folder;
  write_text(folder, 1000);
  Recipe recipe = recipe_in(folder, kPretrain);
  recipe.model.has_architecture = false;
  recipe.model.path = (folder / "absent").string();
  recipe.stages[0].set_kind(StageKind::kFinetune);
  expect_refused(folder, recipe, ErrorKind::kMissingInput, HasSubstr((folder / "absent").string()));
}

TEST(RunInputs, AnEmbeddingSmallerThanTheTokenizerIsBadData) {
  const TempDir folder;
  write_text(folder, 1000);
  Recipe recipe = recipe_in(folder, kPretrain);
  recipe.model.architecture.vocab_size = 100;
  expect_refused(folder, recipe, ErrorKind::kBadData, AllOf(HasSubstr("100"), HasSubstr("tokenizer")));
}

TEST(RunInputs, FinishedStagesNeedTheirTextNoMore) {
  const TempDir folder;
  write_text(folder, 1000);
  const Recipe recipe = recipe_in(folder, kPretrain);
  const auto world = make_world_of_one();
  run_recipe(recipe, *world, {});
  fs::remove(folder / "text.txt");
  run_recipe(recipe, *world, {});
  const auto error = error_of([&] { run_recipe(recipe, *world, {.fresh = true}); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::kMissingInput);
  EXPECT_TRUE(RunDirectory::is_done(recipe.run_dir, "base")) << "the earlier run was moved aside for nothing";
}

TEST(RunInputs, OnlyGradientStepsReadTheTrainingText) {
  const TempDir folder;
  write_text(folder, 1000);
  Recipe recipe = recipe_in(folder, kPretrain + kSearchWide);
  const auto world = make_world_of_one();
  make_over_pretrained(recipe, folder, *world);
  recipe.data.train.clear();
  run_recipe(recipe, *world, {.fresh = true});
  EXPECT_TRUE(RunDirectory::is_done(recipe.run_dir, "wide"));
}

}  // namespace
}  // namespace ropeway
