// ropeway evaluate --requests, and the benchmarks and the gate of an evaluate stage, on the tiny base model.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/faults/run_ropeway.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

const std::string kRequests = ROPEWAY_SOURCE_DIR "/tests/data/requests/";
const std::string kProse = ROPEWAY_SOURCE_DIR "/tests/data/prose.txt";

TEST(Benchmarks, RequestsNeedNoTextAndAreTheSameOnTwoRanks) {
  const TempDir scratch;
  const auto numbers = [&](int ranks) {
    const std::string json = scratch.name("out.json");
    const std::string arguments = "evaluate " + kTinyBase + " --requests " + kRequests + "everyday.jsonl," +
                                  kRequests + "per_answer.jsonl --json " + json;
    const Ended ended = ranks == 1 ? run_ropeway(arguments) : mpirun_ropeway(ranks, arguments);
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_THAT(ended.out, HasSubstr("everyday"));
    EXPECT_THAT(ended.out, HasSubstr("accuracy_norm"));
    return Json::parse(read_bytes(json)).at("benchmarks");
  };
  const Json alone = numbers(1), shared = numbers(2);
  ASSERT_EQ(alone.size(), 2u);
  EXPECT_EQ(alone[0].at("benchmark"), "choices");
  EXPECT_EQ(alone[0].at("task"), "everyday");
  EXPECT_EQ(alone[0].at("length"), 256);
  EXPECT_EQ(alone[0].at("numbers").at("samples"), 8);
  EXPECT_EQ(alone[1].at("numbers").at("samples"), 3);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(shared[i].at("numbers").at("accuracy"), alone[i].at("numbers").at("accuracy"));
    EXPECT_NEAR(shared[i].at("numbers").at("right_nll").get<double>(),
                alone[i].at("numbers").at("right_nll").get<double>(), 1e-5);
  }
}

TEST(Benchmarks, RequestsBesideAText) {
  const TempDir scratch;
  const Ended ended = run_ropeway("evaluate " + kTinyBase + " --text " + kProse + " --windows 1 --cache " +
                                  scratch.name("cache") + " --request-limit 2 --requests " + kRequests +
                                  "everyday.jsonl --json " + scratch.name("out.json"));
  ASSERT_EQ(ended.code, 0) << ended.err;
  const Json report = Json::parse(read_bytes(scratch.name("out.json")));
  EXPECT_EQ(report.at("evaluations").size(), 1u);
  EXPECT_EQ(report.at("benchmarks").at(0).at("numbers").at("samples"), 2);
  EXPECT_THAT(ended.out, HasSubstr("nats/token"));
}

// niah_single_1 is teacher-forced, vt generated.
TEST(Benchmarks, RulerIsTheSameOnTwoRanks) {
  const TempDir scratch;
  const auto figures = [&](int ranks) {
    const std::string json = scratch.name("out.json");
    const std::string arguments =
        "evaluate " + kTinyBase +
        " --ruler niah_single_1,vt --ruler-prompt plain --lengths 2K,4K --samples 2 "
        "--factors yarn --json " +
        json;
    const Ended ended = ranks == 1 ? run_ropeway(arguments) : mpirun_ropeway(ranks, arguments);
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_THAT(ended.out, HasSubstr("ruler overall"));
    return Json::parse(read_bytes(json)).at("benchmarks");
  };
  const Json alone = figures(1), shared = figures(2);
  ASSERT_EQ(alone.size(), 4u + 2u + 1u);
  EXPECT_EQ(alone[0].at("task"), "niah_single_1");
  EXPECT_EQ(alone[1].at("task"), "vt");
  EXPECT_EQ(alone[1].at("length"), 2048);
  EXPECT_EQ(alone[6].at("numbers").at("tasks"), 2);
  for (size_t i = 0; i < 4; ++i) {
    const Json &one = alone[i].at("numbers"), &two = shared[i].at("numbers");
    EXPECT_EQ(one.at("samples"), 2);
    EXPECT_EQ(one.at("score"), two.at("score"));
    EXPECT_EQ(one.at("mean_tokens"), two.at("mean_tokens"));
    if (i % 2 == 0) {
      EXPECT_NEAR(one.at("answer_nll").get<double>(), two.at("answer_nll").get<double>(), 1e-4);
    }
  }
}

TEST(Benchmarks, LongPplWithTheModelOrAnotherAsEvaluator) {
  const TempDir scratch;
  const auto numbers = [&](const std::string& evaluator) {
    const std::string json = scratch.name("out.json");
    const Ended ended =
        run_ropeway("evaluate " + kTinyBase + " --tasks longppl --text " + kProse +
                    " --lengths 512 --windows 3 --longppl-short 128 --longppl-stride 64 --cache " +
                    scratch.name("cache") + " --json " + json + evaluator);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return Json::parse(read_bytes(json)).at("benchmarks").at(0).at("numbers");
  };
  const Json own = numbers(""), other = numbers(" --longppl-evaluator " + kTinyBase);
  EXPECT_EQ(own.at("targets"), 3 * (512 - 128));
  EXPECT_GT(own.at("key_tokens"), 0);
  EXPECT_EQ(own, other);
  const Ended refused =
      run_ropeway("evaluate " + kTinyBase + " --tasks longppl --text " + kProse + " --lengths 512");
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("beyond the short context of 4096"));
}

// 2 tasks x 3 samples, a window and 6 short contexts, answers of 1,156 bytes: two windows full.
TEST(Benchmarks, PlanCountsTheirPasses) {
  const TempDir scratch;
  const std::string recipe = scratch.file(
      "recipe.yaml",
      "name: counted\nmodel: {path: " + kTinyBase + "}\nrun_dir: " + scratch.name("run") +
          "\ndata: {train: [" + kProse + "], validation: [" + kProse + "], test: [" + kProse +
          "]}\nstages:\n  - {name: scores, kind: evaluate, lengths: [2K], windows: 1, tasks: [longppl], "
          "ruler: [niah_single_1, vt], ruler_samples: 3, longppl: {short: 512, stride: 256}, requests: [" +
          kRequests + "everyday.jsonl]}\n");
  const Ended ended = run_ropeway("plan --details " + recipe);
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("6 forward passes over 2K"));
  EXPECT_THAT(ended.out, HasSubstr("6 forward passes over 768"));
  EXPECT_THAT(ended.out, HasSubstr("2 forward passes over 256"));
}

TEST(Benchmarks, WrongRequestsEndEarlyWithTheirReason) {
  const TempDir scratch;
  const auto refused = [&](const std::string& options, int code, const std::string& words) {
    const Ended ended = run_ropeway("evaluate " + kTinyBase + " " + options);
    EXPECT_EQ(ended.code, code) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr(words));
  };
  const std::string everyday = kRequests + "everyday.jsonl";
  refused("--requests " + scratch.name("none.jsonl"), 66, "none.jsonl");
  refused("--requests " + everyday + "," + everyday, 65, "second file of the name everyday");
  refused("--requests " + scratch.file("bad.jsonl", "{\"a\": 1}\n"), 65, "bad.jsonl:1");
  refused("--requests " + everyday + " --lengths 512", 2, "original window");
  refused("--requests " + everyday + " --tasks passkey", 2, "--text FILE");
  refused("--requests " + everyday + " --request-limit 0", 2, "--request-limit: found 0");
  refused("--text " + kProse + " --save-choices x.jsonl", 2, "--save-choices wants --requests");
  refused("", 2, "wanted one of --text FILE");
}

// A recipe whose training steps wreck the model: figures before and after, and a gate between them.
std::string wrecking_recipe(const TempDir& scratch, const std::string& gate, const std::string& rate) {
  const std::string requests = "requests: [" + kRequests + "everyday.jsonl], ";
  return scratch.file("recipe.yaml",
                      "name: wreck\nmodel: {path: " + kTinyBase + "}\nrun_dir: " + scratch.name("run") +
                          "\ndata: {train: [" + kProse + "], validation: [" + kProse + "], test: [" + kProse +
                          "], cache: " + scratch.name("cache") +
                          "}\nmesh: {data: 1, sequence: auto}\nstages:\n  - {name: before, kind: evaluate, "
                          "lengths: [256], windows: 2, tasks: [perplexity], " +
                          requests +
                          "factors: [none]}\n  - {name: find, kind: search, from: none, makes: found, "
                          "length: 512, documents: 1, "
                          "finalist_documents: 1, refine: none, seed_grid: short}\n  - {name: tune, kind: "
                          "finetune, from: found, makes: tuned, "
                          "length: 512, steps: 3, batch_sequences: 1, learning_rate: " +
                          rate +
                          ", warmup_steps: 0}\n  - {name: after, kind: evaluate, lengths: [256], windows: 2, "
                          "tasks: [perplexity], " +
                          requests + "factors: [none], gate: {max_short_loss: " + gate + "}}\n");
}

TEST(Gate, FailsTheRunWithItsFiguresAndAgainWhenItIsRunAgain) {
  const TempDir scratch;
  const std::string recipe = wrecking_recipe(scratch, "1%", "0.1");
  for (int time = 0; time < 2; ++time) {
    const Ended ended = run_ropeway("run " + recipe);
    EXPECT_EQ(ended.code, 81) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("stage after: short inputs got worse by"));
    EXPECT_THAT(ended.err, HasSubstr("at most 1 % is allowed"));
    EXPECT_THAT(ended.err, HasSubstr("bits per byte at 256 tokens"));
    EXPECT_THAT(ended.err, HasSubstr("against stage before"));
    if (time == 1) {
      EXPECT_THAT(ended.err, HasSubstr("1 of 1 benchmarks were finished earlier"));
    }
  }
  const Json report = Json::parse(read_bytes(scratch.name("run/report.json")));
  EXPECT_EQ(report.at("evaluations").size(), 2u);
  EXPECT_EQ(report.at("benchmarks").size(), 2u);
  EXPECT_EQ(report.at("benchmarks").at(1).at("model"), "tuned");
}

TEST(Gate, LetsPassWhatIsWithinIt) {
  const TempDir scratch;
  const Ended ended = run_ropeway("run " + wrecking_recipe(scratch, "0.9", "1e-9"));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("after: short inputs: bits per byte at 256 tokens"));
  EXPECT_THAT(ended.out, HasSubstr("everyday"));
}

}  // namespace
}  // namespace ropeway
