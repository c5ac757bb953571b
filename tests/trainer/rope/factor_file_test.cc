#include "trainer/rope/factor_file.h"

#include <cmath>
#include <cstring>

#include "kernels/base/random.h"
#include "tests/support/folder_test.h"
#include "tests/support/model_shape.h"

namespace ropeway {
namespace {

FactorSet make_set(const std::string& name) {
  return make_factor_set(
      {.name = name, .max_length = 16384, .factors = {1, 1.1, 7.25, 64}, .temperature = 1.24316});
}

class FactorFileTest : public FolderTest {};

TEST_F(FactorFileTest, RoundTripIsBitExact) {
  Philox random(7, Stream::kMutation);
  FactorSet set = make_set("64x \"é\"");
  set.factors.clear();
  for (int i = 0; i < 1000; ++i) set.factors.push_back(std::exp(10 * random.normal()));
  set.factors.push_back(5e-324);
  set.factors.push_back(1.7976931348623157e308);
  set.factors.push_back(std::nextafter(1.0, 2.0));
  set.attention_temperature = std::sqrt(1 + std::log(64.0) / std::log(256.0));
  set.rope_theta = 500000.00000000006;
  set.start_tokens = 4;
  set.max_length = (int64_t{1} << 40) - 1;
  set.history = {"search:families+gradient", "search-64x", "8x",    std::string(64, 'a'),
                 std::string(64, 'b'),       "pg19",       1.1 / 3, 296.7};
  set.above = 256;
  set.weights = "tune@12";
  write_factor_file(folder_ / "rope_factors.json", {make_set("first"), set}, "tune@12");
  const FactorFile file = read_factor_file(folder_ / "rope_factors.json");
  EXPECT_EQ(file.weights, "tune@12");
  const auto& sets = file.sets;
  ASSERT_EQ(sets.size(), 2u);
  const FactorSet& read = sets[1];
  ASSERT_EQ(read.factors.size(), set.factors.size());
  EXPECT_EQ(std::memcmp(read.factors.data(), set.factors.data(), 8 * set.factors.size()), 0);
  EXPECT_EQ(read.name, set.name);
  EXPECT_EQ(read.attention_temperature, set.attention_temperature);
  EXPECT_EQ(read.rope_theta, set.rope_theta);
  EXPECT_EQ(read.start_tokens, 4);
  EXPECT_EQ(read.max_length, set.max_length);
  EXPECT_EQ(read.original_length, 256);
  EXPECT_EQ(read.above, 256);
  EXPECT_EQ(read.weights, "tune@12");
  EXPECT_EQ(sets[0].above, 0);
  EXPECT_EQ(sets[0].weights, "");
  EXPECT_EQ(read.history.method, set.history.method);
  EXPECT_EQ(read.history.stage, set.history.stage);
  EXPECT_EQ(read.history.parent, "8x");
  EXPECT_EQ(read.history.recipe_sha256, set.history.recipe_sha256);
  EXPECT_EQ(read.history.search_sha256, set.history.search_sha256);
  EXPECT_EQ(read.history.data_fingerprint, "pg19");
  EXPECT_EQ(read.history.fitness, set.history.fitness);
  EXPECT_EQ(read.history.forward_equivalents, set.history.forward_equivalents);
}

TEST_F(FactorFileTest, NoSetsIsAFileToo) {
  write_factor_file(folder_ / "f.json", {});
  EXPECT_TRUE(read_factor_file(folder_ / "f.json").sets.empty());
}

TEST_F(FactorFileTest, FailedFitnessComesBackAsNan) {
  FactorSet set = make_set("a");
  set.history.fitness = INFINITY;
  EXPECT_TRUE(std::isnan(factor_sets_from_json(factor_sets_to_json({set}), "x").sets[0].history.fitness));
}

TEST_F(FactorFileTest, BrokenFilesAreRefusedByName) {
  const std::string good = factor_sets_to_json({make_set("a")});
  auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  const std::vector<std::pair<std::string, std::string>> cases = {
      {with("ropeway-factors", "other"), "f.json: format: found \"other\", wanted \"ropeway-factors\""},
      {with("\"version\": 4", "\"version\": 5"), "f.json: version: found 5, wanted version 4 or older"},
      {with("\"version\": 4", "\"version\": 1.0"), "f.json: version: found 1.0"},
      {with("\"sets\": [", "\"sets\": [7,"), "f.json: sets[0]: found 7, wanted an object"},
      {with("16384", "16384.5"), "f.json: sets[0].max_length: found 16384.5"},
      {with("\"max_length\"", "\"max_lenght\""), "f.json: sets[0].max_lenght: unknown key"},
      {with("\"name\": \"a\",", ""), "f.json: sets[0].name: the key is missing"},
      {with("7.25", "\"7.25\""), "f.json: sets[0].factors[2]: found \"7.25\", wanted a number"},
      {with("7.25", "-7.25"), "f.json: factor set 'a': factors[2] is -7.25"},
      {with("1.24316", "0"), "attention_temperature is 0"},
      {with("\"start_tokens\": 0", "\"start_tokens\": -1"), "sets[0].start_tokens: found -1"},
      {with("\"method\"", "\"methods\""), "sets[0].history.methods: unknown key"},
      {good.substr(0, good.size() / 2), "not valid JSON"},
  };
  for (const auto& [text, fragment] : cases) {
    expect_error(ErrorKind::kBadData, {fragment},
                 [&, &text = text] { factor_sets_from_json(text, "f.json"); });
  }
}

// Version 1 had neither names of weights nor second lists: its sets are for the weights they lie with.
TEST_F(FactorFileTest, FilesOfVersion1AreRead) {
  std::string text = factor_sets_to_json({make_set("a")});
  text.replace(text.find("\"version\": 4"), 12, "\"version\": 1");
  const FactorFile file = factor_sets_from_json(text, "f.json");
  ASSERT_EQ(file.sets.size(), 1u);
  EXPECT_EQ(file.weights, "");
  EXPECT_TRUE(is_for_weights(file.sets[0], file.weights));
  EXPECT_TRUE(is_for_weights(file.sets[0], "any"));
}

// Of weights that were tuned on mixed windows alone.
TEST_F(FactorFileTest, TheShareOfShortWindowsIsKept) {
  FactorSet set = make_set("a");
  EXPECT_EQ(factor_sets_to_json({set}).find("short_share"), std::string::npos);
  set.history.short_share = 0.3;
  const std::string text = factor_sets_to_json({set});
  EXPECT_EQ(factor_sets_from_json(text, "x").sets[0].history.short_share, 0.3);
  std::string broken = text;
  broken.replace(broken.find("\"short_share\": 0.3"), 18, "\"short_share\": 1.5");
  expect_error(ErrorKind::kBadData, {"f.json: sets[0].history.short_share: found 1.5, wanted a share"},
               [&] { factor_sets_from_json(broken, "f.json"); });
}

// JSON has no infinity: of a pair that does not turn it holds null.
TEST_F(FactorFileTest, AnInfiniteFactorIsNull) {
  FactorSet set = make_set("a");
  set.factors = {1, INFINITY, 3};
  const std::string text = factor_sets_to_json({set});
  EXPECT_NE(text.find("null"), std::string::npos);
  EXPECT_EQ(factor_sets_from_json(text, "f.json").sets[0].factors, set.factors);
}

TEST_F(FactorFileTest, TwoSetsOfOneNameAreRefused) {
  expect_error(ErrorKind::kBadData, {"f.json: sets[1].name: found \"a\""}, [] {
    factor_sets_from_json(factor_sets_to_json({make_set("a"), make_set("a")}), "f.json");
  });
}

TEST_F(FactorFileTest, NothingIsWrittenThatCouldNotBeRead) {
  FactorSet set = make_set("a");
  set.factors[1] = NAN;
  expect_error(ErrorKind::kBadData, {"factors[1]"}, [&] { write_factor_file(folder_ / "f.json", {set}); });
  EXPECT_TRUE(names_in(folder_).empty());
}

}  // namespace
}  // namespace ropeway
