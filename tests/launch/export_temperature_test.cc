// Phi-3 in transformers 4 knows no attention temperature but the formula's: an export says so, with the loss of a
// text under either where there is one.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/faults/run_ropeway.h"
#include "tests/support/python.h"
#include "tests/support/small_model.h"
#include "trainer/formats/hf/save_model_dir.h"
#include "trainer/rope/factor_file.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// sqrt(1 + ln 4 / ln 64): four times a window of 64.
const double kFormula = std::sqrt(1 + std::log(4.0) / std::log(64.0));

class ExportTemperature : public testing::Test {
 protected:
  ExportTemperature() { save(1.5); }

  void save(double temperature) {
    const ModelConfig config = make_config({.family = "phi3", .vocab = 258, .window = 64});
    FactorSet set = make_factor_set({.name = "4x", .max_length = 256, .window = 64, .factors = {1, 4}});
    set.attention_temperature = temperature;
    Weights weights(config);
    for (auto& values : weights.values) {
      for (float& value : values) value *= 0.4f;
    }
    save_model_dir(scratch_.path() / "model", config, {set}, weights.tensors(),
                   {.copy_small_files_from = {}, .in_force = "", .replace = true});
    fs::copy_file(kTinyBase + "/tokenizer.json", scratch_.path() / "model/tokenizer.json");
  }
  Ended export_it(const std::string& options) const {
    return run_ropeway("export " + scratch_.name("model") + " " + scratch_.name("out") +
                       " --format hf --force --cache " + scratch_.name("cache") + options);
  }
  double loss_at(double temperature) {
    save(temperature);
    const Ended ended = run_ropeway(
        fmt::format("evaluate {} --text {} --lengths 256 --factors 4x --json {} --cache {}",
                    scratch_.name("model"), kText, scratch_.name("out.json"), scratch_.name("cache")));
    EXPECT_EQ(ended.code, 0) << ended.err;
    return json::parse(read_bytes(scratch_.path() / "out.json"))["evaluations"][0]["nll"].get<double>();
  }
  json rope() const {
    return json::parse(read_bytes(scratch_.path() / "out/config.json")).at("rope_scaling");
  }

  TempDir scratch_;
  const std::string kText = ROPEWAY_SOURCE_DIR "/tests/data/prose.txt";
};

TEST_F(ExportTemperature, TheSetsOwnIsWrittenWithAWarning) {
  const Ended ended = export_it("");
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, AllOf(HasSubstr("transformers 4 refuses this config.json"),
                               HasSubstr("1.5 of set '4x'"), HasSubstr(fmt::format("{:.6g}", kFormula)),
                               HasSubstr("--formula-temperature"), HasSubstr("--text FILE")));
  EXPECT_EQ(rope().at("attention_factor"), 1.5);
}

TEST_F(ExportTemperature, TheFormulasIsWrittenOnRequestAndNotUnmeasuredInSilence) {
  const Ended ended = export_it(" --formula-temperature");
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, AllOf(Not(HasSubstr("refuses")), HasSubstr("was not measured: --text FILE")));
  EXPECT_EQ(rope().size(), 3u);  // what Phi3Config of transformers 4 allows: type and two lists
  save(kFormula);
  EXPECT_EQ(export_it(" --formula-temperature").err, "");
}

TEST_F(ExportTemperature, TheLossUnderEitherIsThatOfAnEvaluation) {
  const Ended ended = export_it(" --formula-temperature --text " + kText);
  ASSERT_EQ(ended.code, 0) << ended.err;
  const double own = loss_at(1.5), formula = loss_at(kFormula);
  EXPECT_GT(std::abs(own - formula), 5e-4);  // more than the last digit of what is printed
  const std::string figures = fmt::format(
      "'4x' at 256: {:.4f} nats per token at its own attention temperature, 1.5; {:.4f} ({:+.4f}) at the "
      "formula's, {:.6g}",
      own, formula, formula - own, kFormula);
  EXPECT_THAT(ended.out, HasSubstr(figures));
  EXPECT_THAT(ended.err, Not(HasSubstr("not measured")));
  EXPECT_THAT(read_bytes(scratch_.path() / "out/README.md"), HasSubstr(figures));
}

TEST_F(ExportTemperature, TransformersTakesWhatIsWritten) {
  ROPEWAY_NEEDS_PYTHON();
  for (const auto& [options, wanted] : {std::pair{"", 1.5}, {" --formula-temperature", kFormula}}) {
    ASSERT_EQ(export_it(options).code, 0);
    const std::string said =
        run_python("from transformers import AutoModelForCausalLM as M\nprint(M.from_pretrained('" +
                   scratch_.name("out") + "').model.rotary_emb.attention_scaling)\n");
    EXPECT_NEAR(numbers_of(said).at(0), wanted, 1e-12) << said;
  }
}

}  // namespace
}  // namespace ropeway
