// ropeway evaluate and inspect on the tiny base model: files written, and results that agree with each other.
#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/faults/run_ropeway.h"

namespace ropeway {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kProse = ROPEWAY_SOURCE_DIR "/tests/data/prose.txt";

// The values of a little-endian float32 .npy of version 1, and its shape as the header says it.
struct Npy {
  std::string header;
  std::vector<float> values;
};
Npy read_npy(const std::string& path) {
  const std::string bytes = read_bytes(path);
  EXPECT_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  const size_t length = static_cast<unsigned char>(bytes[8]) + 256u * static_cast<unsigned char>(bytes[9]);
  Npy npy{bytes.substr(10, length), std::vector<float>((bytes.size() - 10 - length) / 4)};
  std::memcpy(npy.values.data(), bytes.data() + 10 + length, npy.values.size() * 4);
  return npy;
}

nlohmann::json evaluate(const TempDir& scratch, const std::string& options, int ranks = 1) {
  const std::string json = scratch.name("out.json");
  const std::string arguments =
      "evaluate " + kTinyBase + " --cache " + scratch.name("cache") + " --json " + json + " " + options;
  const Ended ended = ranks == 1 ? run_ropeway(arguments) : mpirun_ropeway(ranks, arguments);
  EXPECT_EQ(ended.code, 0) << ended.err;
  return nlohmann::json::parse(read_bytes(json)).at("evaluations");
}

TEST(EvaluateVerb, LossesOfTokensHaveTheMeanThatIsReported) {
  const TempDir scratch;
  const auto results = evaluate(
      scratch, "--text " + kProse + " --lengths 256 --windows 3 --save-nll " + scratch.name("nll.npy"));
  const Npy npy = read_npy(scratch.name("nll.npy"));
  EXPECT_THAT(npy.header, HasSubstr("'<f4'"));
  EXPECT_THAT(npy.header, HasSubstr("(3, 255)"));
  ASSERT_EQ(npy.values.size(), 3u * 255u);
  double sum = 0;
  for (const float value : npy.values) sum += value;
  const double nll = results[0].at("nll");
  EXPECT_NEAR(sum / 765, nll, 1e-5);
  EXPECT_NEAR(results[0].at("perplexity").get<double>(), std::exp(nll), 1e-6);
  EXPECT_NEAR(results[0].at("bits_per_byte").get<double>(), nll / std::log(2.0), 1e-6);  // one byte per token
  EXPECT_EQ(results[0].at("windows"), 3);
}

// The same weights under a sliding window: by default refused beyond it (tests/faults), attended to in full
// or through the window on request.
TEST(EvaluateVerb, AttendsBeyondASlidingWindowOnRequest) {
  const TempDir scratch;
  const std::string model = scratch.name("model"), options = " --lengths 128 --windows 1";
  std::filesystem::copy(kTinyBase, model, std::filesystem::copy_options::recursive);
  auto config = nlohmann::json::parse(read_bytes(model + "/config.json"));
  config["model_type"] = "mistral";
  config["sliding_window"] = 64;
  scratch.file("model/config.json", config.dump());
  const std::string json = scratch.name("sliding.json");
  const Ended ended =
      run_ropeway("evaluate " + model + " --text " + kProse + " --cache " + scratch.name("cache") +
                  " --json " + json + options + " --sliding-window full");
  ASSERT_EQ(ended.code, 0) << ended.err;
  const double full = nlohmann::json::parse(read_bytes(json)).at("evaluations")[0].at("nll");
  EXPECT_EQ(full, evaluate(scratch, "--text " + kProse + options)[0].at("nll"));
  const std::string seen = scratch.name("honoured.json");
  const Ended honoured =
      run_ropeway("evaluate " + model + " --text " + kProse + " --cache " + scratch.name("cache") +
                  " --json " + seen + options + " --sliding-window honour");
  ASSERT_EQ(honoured.code, 0) << honoured.err;
  const double through = nlohmann::json::parse(read_bytes(seen)).at("evaluations")[0].at("nll");
  EXPECT_NE(through, full);  // half of the tokens miss what lies more than 64 before them
  EXPECT_NEAR(through, full, 0.2);
}

TEST(EvaluateVerb, TokenIdsNeedNoTokenizerAndGiveTheSame) {
  const TempDir scratch;
  std::filesystem::create_directory(scratch.path() / "model");
  for (const char* file : {"config.json", "model.safetensors", "rope_factors.json"}) {
    std::filesystem::copy(kTinyBase + "/" + file, scratch.path() / "model" / file);
  }
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (600,), }";
  header.resize(118 - 1, ' ');
  header += '\n';
  scratch.file("ids.npy",
               std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + read_bytes(kProse).substr(0, 600));
  scratch.file("text.txt", read_bytes(kProse).substr(0, 600));
  const auto from_text =
      evaluate(scratch, "--text " + scratch.name("text.txt") + " --lengths 256 --factors none");
  const std::string json = scratch.name("ids.json");
  const Ended ended = run_ropeway("evaluate " + scratch.name("model") + " --tokens " +
                                  scratch.name("ids.npy") + " --lengths 256 --factors none --json " + json);
  ASSERT_EQ(ended.code, 0) << ended.err;
  const auto from_ids = nlohmann::json::parse(read_bytes(json)).at("evaluations");
  EXPECT_EQ(from_ids[0].at("nll"), from_text[0].at("nll"));
  EXPECT_EQ(from_ids[0].at("windows"), 2);
  EXPECT_TRUE(from_ids[0].at("bits_per_byte").is_null());  // the bytes behind the ids are not known
}

// Against the same windows laid out by hand as token ids, which are scored as they are. The model's files
// name a byte of the text as its BOS.
TEST(EvaluateVerb, ABosAtTheStartOfEachWindowOnRequest) {
  const TempDir scratch;
  std::filesystem::copy(kTinyBase, scratch.path() / "model", std::filesystem::copy_options::recursive);
  scratch.file("model/tokenizer_config.json", R"({"bos_token": "~"})");
  const std::string text = read_bytes(kProse).substr(0, 510);
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (512,), }";
  header.resize(118 - 1, ' ');
  scratch.file("ids.npy", std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + "\n~" +
                              text.substr(0, 255) + "~" + text.substr(255));
  scratch.file("text.txt", text);
  const auto score = [&](const std::string& options) {
    const std::string json = scratch.name("out.json");
    const Ended ended = run_ropeway("evaluate " + scratch.name("model") + " --lengths 256 --cache " +
                                    scratch.name("cache") + " --json " + json + " " + options);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return nlohmann::json::parse(read_bytes(json)).at("evaluations")[0];
  };
  const auto by_hand = score("--tokens " + scratch.name("ids.npy"));
  const auto marked = score("--bos true --text " + scratch.name("text.txt"));
  EXPECT_EQ(marked.at("nll"), by_hand.at("nll"));
  EXPECT_EQ(marked.at("windows"), 2);
  EXPECT_EQ(marked.at("predicted_tokens"), 510);
  EXPECT_EQ(score("--bos true --tokens " + scratch.name("ids.npy")).at("windows"), 2) << "a second BOS";
  // The tokenizer names it and puts none in front of a text: by itself the evaluation does neither.
  EXPECT_EQ(score("--text " + scratch.name("text.txt")).at("nll"),
            score("--bos false --text " + scratch.name("text.txt")).at("nll"));
  const Ended without = run_ropeway("evaluate " + kTinyBase + " --bos true --text " + kProse + " --cache " +
                                    scratch.name("cache"));
  EXPECT_EQ(without.code, 78);
  EXPECT_THAT(without.err, HasSubstr("names none"));
}

TEST(EvaluateVerb, RanksShareAWindowOrTakeTheirOwnWithTheSameResult) {
  const TempDir scratch;
  // 258 is no multiple of 4: two ranks cannot share such a window.
  for (const char* length : {"256", "258"}) {
    const std::string options = "--text " + kProse + " --windows 3 --factors yarn --lengths " + length;
    const double alone = evaluate(scratch, options)[0].at("nll"),
                 shared = evaluate(scratch, options, 2)[0].at("nll");
    EXPECT_NEAR(shared, alone, 2e-6 * alone) << length;
  }
}

TEST(EvaluateVerb, DefaultsAreTheOriginalWindowAndPerplexity) {
  const TempDir scratch;
  const auto results = evaluate(scratch, "--text " + kProse + " --windows 1");
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].at("length"), 256);
  EXPECT_FALSE(results[0].contains("passkey"));
}

TEST(EvaluateVerb, PasskeyIsReportedByDepth) {
  const TempDir scratch;
  const auto results = evaluate(scratch, "--text " + kProse + " --tasks passkey --lengths 256");
  EXPECT_EQ(results[0].at("passkey_depths").size(), 10u);
  EXPECT_EQ(results[0].at("passkey_by_depth").size(), 10u);
  EXPECT_FALSE(results[0].contains("nll"));
}

TEST(InspectVerb, ShowsShapeTensorsAndParameters) {
  const Ended ended = run_ropeway("inspect tests/data/tiny_base --tensors");
  EXPECT_EQ(ended.code, 0) << ended.err;
  for (const char* part : {"4 layers, hidden 192", "original window 256, RoPE base 10000, 32 rotary pairs",
                           "weights BF16 in 1 file, 3645.5 kB; config.json declares 256", "factor sets: none",
                           "model.layers.3.mlp.down_proj.weight", "BF16", "[192, 512]"}) {
    EXPECT_THAT(ended.out, HasSubstr(part));
  }
}

TEST(InspectVerb, TellsHistoryFromTheSetsOfTheseWeights) {
  const TempDir scratch;
  const auto set = [](const std::string& name, const std::string& weights) {
    return "{\"name\": \"" + name + "\", \"weights\": \"" + weights +
           "\", \"max_length\": 512, \"original_length\": 256, \"rope_theta\": 10000, "
           "\"attention_temperature\": 1, \"start_tokens\": 0, \"factors\": [1, 2]}";
  };
  std::ofstream(scratch.path() / "rope_factors.json")
      << "{\"format\": \"ropeway-factors\", \"version\": 2, \"weights\": \"tune@1\", \"sets\": ["
      << set("before", "base") << ", " << set("after", "tune@1") << "]}";
  const Ended ended = run_ropeway("inspect " + scratch.name("rope_factors.json"));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("  of the weights tune@1\n"));
  EXPECT_THAT(ended.out, HasSubstr("for the weights base, not these: history, used only by name\n"));
  EXPECT_THAT(ended.out, HasSubstr("for the weights tune@1\n"));
}

TEST(InspectVerb, ShowsARunItsCheckpointAndTheHistoryOfItsSets) {
  const TempDir scratch;
  const std::string recipe = small_recipe(scratch,
                                          "  - {name: wide, kind: search, from: none, makes: wide, "
                                          "length: 512, documents: 2, finalist_documents: 1, refine: none}\n"
                                          "  - {name: tune, kind: finetune, from: none, makes: tuned, "
                                          "length: 512, steps: 2, checkpoint_every: 1}\n");
  const Ended made = run_ropeway("run " + recipe);
  ASSERT_EQ(made.code, 0) << made.err;
  const Ended run = run_ropeway("inspect " + scratch.name("run"));
  EXPECT_EQ(run.code, 0) << run.err;
  for (const char* part :
       {"run of the recipe small", "finetune  finished", "tuned: for 512 tokens (2x of 256)",
        "made by finetune, stage tune, from none", "of the weights tune@", "    for the weights tune@"}) {
    EXPECT_THAT(run.out, HasSubstr(part));
  }
  // What the search was worth: in the log, in the run, in the report.
  const std::string verdict = read_bytes(scratch.path() / "run/stages/wide/verdict.txt");
  EXPECT_THAT(verdict, HasSubstr(" passes"));
  EXPECT_THAT(made.err, HasSubstr("wide: verdict: " + verdict));
  EXPECT_THAT(made.err, HasSubstr("finalists by 0.5 x mean loss"));
  EXPECT_THAT(run.out, HasSubstr("    verdict: " + verdict));
  EXPECT_THAT(read_bytes(scratch.path() / "run/report.json"), HasSubstr("\"verdict\": \"" + verdict));
  std::string checkpoint;
  for (const auto& entry :
       std::filesystem::directory_iterator(scratch.path() / "run/stages/tune/checkpoints")) {
    checkpoint = std::max(checkpoint, entry.path().string());
  }
  const Ended inspected = run_ropeway("inspect " + checkpoint);
  EXPECT_EQ(inspected.code, 0) << inspected.err;
  EXPECT_THAT(inspected.out, HasSubstr("checkpoint of step 2, written by 1 rank, all hashes right"));
  // A checkpoint is a model too.
  const Ended scored = run_ropeway("evaluate " + checkpoint + " --windows 1 --text " + kProse + " --cache " +
                                   scratch.name("cache"));
  EXPECT_EQ(scored.code, 0) << scored.err;
  EXPECT_THAT(scored.out, HasSubstr("nats/token"));
}

// Two prompts of one size: together their loss is the mean over the scored tokens of both, on any ranks.
TEST(EvaluateVerb, TheLossOfExamplesIsPerScoredToken) {
  const TempDir scratch;
  const std::string first = "{\"prompt\": \"It was the best of\", \"completion\": \" times\"}\n",
                    second =
                        "{\"prompt\": \"It was the worst of times, it was\", \"completion\": \" the age of "
                        "wisdom\"}\n",
                    chat =
                        "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", "
                        "\"content\": \"b\"}]}\n";
  const auto evaluated = [&](const std::string& name, const std::string& lines, const std::string& more = "",
                             const std::string& mpi = "") {
    const std::string json = scratch.name(name + ".json");
    const Ended ended =
        run_shell(mpi + "{} evaluate " + kTinyBase + " --cache " + scratch.name("cache") + " --text " +
                  scratch.file(name, lines) + " --lengths 64 --json " + json + more);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return nlohmann::json::parse(read_bytes(json)).at("evaluations").at(0);
  };
  const auto one = evaluated("one.jsonl", first), two = evaluated("two.jsonl", second);
  const auto both = evaluated("both.jsonl", first + second);
  EXPECT_EQ(one.at("predicted_tokens"), 6);
  EXPECT_EQ(two.at("predicted_tokens"), 18);
  EXPECT_EQ(both.at("predicted_tokens"), 24);
  EXPECT_EQ(both.at("windows"), 2);
  const auto nll = [](const nlohmann::json& entry) { return entry.at("nll").get<double>(); };
  EXPECT_NEAR(nll(both), (6 * nll(one) + 18 * nll(two)) / 24, 1e-5);
  EXPECT_NEAR(both.at("bits_per_byte").get<double>(), nll(both) / std::log(2.0), 1e-6);
  const auto ranks = evaluated("both.jsonl", first + second, "", "timeout -k 5 60 mpirun -n 2 ");
  EXPECT_NEAR(nll(ranks), nll(both), 1e-5);

  EXPECT_EQ(evaluated("chat.jsonl", chat, " --chat-template chatml").at("predicted_tokens"), 11)
      << "b<|im_end|>";
  const Ended unnamed = run_ropeway("evaluate " + kTinyBase + " --cache " + scratch.name("cache") +
                                    " --text " + scratch.name("chat.jsonl"));
  EXPECT_EQ(unnamed.code, 65);
  EXPECT_THAT(unnamed.err, AllOf(HasSubstr("conversations need a chat template"),
                                 HasSubstr("--chat-template for evaluate"), HasSubstr(", smollm3, ")));
  const Ended passkey = run_ropeway("evaluate " + kTinyBase + " --tasks passkey --cache " +
                                    scratch.name("cache") + " --text " + scratch.name("both.jsonl"));
  EXPECT_EQ(passkey.code, 65);
  EXPECT_THAT(passkey.err, HasSubstr("passkey retrieval takes whole texts"));
  for (const auto& [options, task] :
       {std::pair{"--tasks longppl --lengths 512 --longppl-short 256", "LongPPL"},
        {"--ruler niah_multikey_1 --lengths 512", "RULER's niah_multikey_1"}}) {
    const Ended refused = run_ropeway("evaluate " + kTinyBase + " " + options + " --cache " +
                                      scratch.name("cache") + " --text " + scratch.name("both.jsonl"));
    EXPECT_EQ(refused.code, 65) << options;
    EXPECT_THAT(refused.err, HasSubstr(std::string(task) + " takes whole texts")) << options;
  }
}

nlohmann::json whole_report(const TempDir& scratch, const std::string& options,
                            std::string* printed = nullptr) {
  const std::string json = scratch.name("whole.json");
  const Ended ended = run_ropeway("evaluate " + kTinyBase + " --cache " + scratch.name("cache") + " --text " +
                                  kProse + " --json " + json + " " + options);
  EXPECT_EQ(ended.code, 0) << ended.err;
  if (printed != nullptr) *printed = ended.out + ended.err;
  return nlohmann::json::parse(read_bytes(json));
}

TEST(EvaluateVerb, SeveralSetsAreScoredOnTheSameWindowsAndComparedInPairs) {
  const TempDir scratch;
  std::string printed;
  const auto report =
      whole_report(scratch, "--lengths 256,512 --target-tokens 1000 --factors none,yarn,pi", &printed);
  const auto& cells = report.at("evaluations");
  ASSERT_EQ(cells.size(), 6u);
  for (const auto& cell : cells) {
    EXPECT_EQ(cell.at("predicted_tokens"), 4 * 255) << "as few windows as score 1000 tokens";
    EXPECT_LE(cell.at("nll_95").at(0), cell.at("nll"));
    EXPECT_GE(cell.at("nll_95").at(1), cell.at("nll"));
    EXPECT_NEAR(cell.at("perplexity_95").at(1).get<double>(), std::exp(cell.at("nll_95").at(1).get<double>()),
                1e-9);
    EXPECT_TRUE(cell.at("bits_per_byte_95").is_array());
  }
  // yarn and pi against none at each length, none at 512 against none at 256.
  const auto& differences = report.at("differences");
  ASSERT_EQ(differences.size(), 5u);
  EXPECT_EQ(differences[2].at("factors"), "yarn");
  EXPECT_EQ(differences[2].at("against"), "none");
  EXPECT_NEAR(differences[2].at("nll").get<double>(),
              cells[4].at("nll").get<double>() - cells[3].at("nll").get<double>(), 1e-9);
  EXPECT_THAT(printed, HasSubstr("yarn at 512 against none at 512: "));
  EXPECT_THAT(printed, HasSubstr("none at 512 against none at 256: "));
  EXPECT_THAT(printed, HasSubstr(" nats/token ("));
}

TEST(EvaluateVerb, ControlsAndNeedlesAreReportedWithIntervals) {
  const TempDir scratch;
  std::string printed;
  const auto report = whole_report(scratch,
                                   "--lengths 2K --windows 1 --factors yarn --tasks perplexity,needles "
                                   "--needle-passes 1 --controls true --control-windows 2",
                                   &printed);
  const auto& cell = report.at("evaluations")[0];
  EXPECT_EQ(cell.at("needles_trials"), 20);
  EXPECT_EQ(cell.at("needles_by_depth").size(), 20u);
  ASSERT_EQ(cell.at("controls").size(), 4u);
  EXPECT_EQ(cell.at("controls")[0].at("control"), "crop");
  EXPECT_TRUE(cell.at("controls")[0].at("figure_95").is_array());
  EXPECT_GE(cell.at("controls")[2].at("distances").size(), 3u);
  EXPECT_THAT(printed, HasSubstr("control crop of yarn at 2048: "));
  EXPECT_THAT(printed, HasSubstr("control confusable_keys of yarn at 2048: "));
}

TEST(EvaluateVerb, ThePublishedPasskeyNeedsNoTextOfItsLength) {
  const TempDir scratch;
  const auto results = evaluate(scratch, "--text " + scratch.file("short.txt", "A few words.") +
                                             " --tasks passkey --haystack published --lengths 1K");
  EXPECT_EQ(results[0].at("passkey_samples"), 20);
  EXPECT_EQ(results[0].at("passkey_95").size(), 2u);
}

TEST(EvaluateVerb, ALengthBelowTheTrainedOneOrBeyondTheSetIsSaid) {
  const TempDir scratch;
  std::string printed;
  whole_report(scratch, "--lengths 128 --windows 1 --factors yarn", &printed);
  EXPECT_THAT(printed, HasSubstr("128 tokens are fewer than the 256 that the model was trained at"));
}

// Ended as by a kill behind the second of three cells; the same command takes these two from what is kept.
TEST(EvaluateVerb, TheSameCommandGoesOnWhereItWasKilled) {
  const TempDir scratch;
  const auto run = [&](const std::string& environment, const std::string& json, const std::string& more) {
    return run_shell(
        environment + "{} evaluate " + kTinyBase + " --cache " + scratch.name("cache") + " --text " + kProse +
        " --windows 2 --lengths 128,256,512 --tasks perplexity,passkey --passkey-samples 1 " +
        "--passkey-depths 2 --keep " + scratch.name("keep") + " --json " + scratch.name(json) + more);
  };
  EXPECT_EQ(run("ROPEWAY_FAULT_POINT=evaluation.cell_kept ROPEWAY_FAULT_SKIP=1 ", "a.json", "").code, 137);
  ASSERT_TRUE(std::filesystem::exists(scratch.path() / "keep"));
  // Another command finds nothing, and leaves what is not its own.
  const Ended other = run("", "b.json", " --seed 0");
  EXPECT_EQ(other.code, 0) << other.err;
  EXPECT_THAT(other.err, ::testing::Not(HasSubstr("finished earlier")));
  const Ended again = run("", "a.json", "");
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("evaluate: 2 of 3 evaluations were finished earlier"));
  EXPECT_EQ(read_bytes(scratch.name("a.json")), read_bytes(scratch.name("b.json")));
  EXPECT_FALSE(std::filesystem::exists(scratch.path() / "keep")) << "all is done";
}

TEST(EvaluateVerb, OptionsHaveTheBoundsOfTheirKeys) {
  const auto refused = [](const std::string& options, const std::string& words) {
    const Ended ended = run_ropeway("evaluate " + kTinyBase + " --text " + kProse + " " + options);
    EXPECT_EQ(ended.code, 2) << options;
    EXPECT_THAT(ended.err, HasSubstr(words));
  };
  refused("--passkey-depths 0", "--passkey-depths: found 0, wanted an integer from 1 to 10000");
  refused("--needles 2000", "--needles: found 2000, wanted an integer from 1 to 1000");
  refused("--windows 0", "--windows: found 0, wanted an integer from 1");
  refused("--align middle", "--align: found middle, wanted auto, ends or starts");
  refused("--tasks perplexty", "--tasks: found perplexty, wanted");
  refused("--longppl-gain x", "--longppl-gain: found x, wanted a number");
}

TEST(EvaluateVerb, DepthsNeedlesAndTheSeedAreWhatTheyAreInARecipe) {
  const TempDir scratch;
  const auto at = [&](const std::string& seed) {
    return whole_report(scratch,
                        "--lengths 512 --factors yarn --tasks passkey,needles --passkey-depths 3 "
                        "--passkey-samples 1 --needles 5 --needle-passes 1 --seed " +
                            seed)
        .at("evaluations")
        .at(0);
  };
  const auto first = at("1");
  EXPECT_EQ(first.at("passkey_depths"), (std::vector<double>{0, 0.5, 1}));
  EXPECT_EQ(first.at("passkey_samples"), 3);
  EXPECT_EQ(first.at("needles_trials"), 5);
  EXPECT_NE(first.at("passkey_answer_nll"), at("2").at("passkey_answer_nll"));
}

}  // namespace
}  // namespace ropeway
