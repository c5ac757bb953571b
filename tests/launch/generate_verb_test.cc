// ropeway generate and chat as a user calls them, on the tiny model of the tests.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/faults/run_ropeway.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

namespace fs = std::filesystem;

const std::string kPrompt = "It was a bright morning, and the";

Ended generate(const std::string& arguments, int ranks = 1) {
  const std::string all = "generate " + arguments;
  Ended ended = ranks == 1 ? run_ropeway(all) : mpirun_ropeway(ranks, all);
  if (ended.out.ends_with('\n')) ended.out.pop_back();  // the line feed behind the text
  return ended;
}

// tests/data/tiny_base with what a test changes.
std::string copied_model(const TempDir& scratch) {
  fs::copy(kTinyBase, scratch.path() / "model", fs::copy_options::recursive);
  return scratch.name("model");
}

// The window is 256; sets for 320 and 512 tokens. The same factors at the same length as a set by name.
void add_sets(const std::string& model) {
  const auto set = [](const char* name, int64_t length, double by) {
    nlohmann::json factors;
    for (int i = 0; i < 32; ++i) factors.push_back(1 + by * i);
    return nlohmann::json{{"name", name},        {"max_length", length},         {"original_length", 256},
                          {"rope_theta", 10000}, {"attention_temperature", 1.1}, {"start_tokens", 0},
                          {"factors", factors}};
  };
  std::ofstream(model + "/rope_factors.json")
      << nlohmann::json{{"format", "ropeway-factors"},
                        {"version", 1},
                        {"sets", {set("first", 320, 0.01), set("second", 512, 0.04)}}};
}

TEST(GenerateVerb, WritesTheTextAndNothingElseOnAnyNumberOfRanks) {
  const std::string arguments = kTinyBase + " --max-new-tokens 40 --prompt '" + kPrompt + "'";
  const Ended alone = generate(arguments);
  ASSERT_EQ(alone.code, 0) << alone.err;
  EXPECT_EQ(alone.out.size(), 40u);  // a byte a token
  EXPECT_THAT(alone.out, Not(HasSubstr(kPrompt)));
  EXPECT_THAT(alone.err, HasSubstr("read 32 tokens in "));
  EXPECT_THAT(alone.err, HasSubstr("generated 39 tokens in "));
  EXPECT_THAT(alone.err, HasSubstr("keys and values: "));
  for (const int ranks : {2, 4}) {
    const Ended shared = generate(arguments, ranks);
    ASSERT_EQ(shared.code, 0) << shared.err;
    EXPECT_EQ(shared.out, alone.out);
    EXPECT_EQ(times(shared.err, "generated 39 tokens"), 1);
  }
}

TEST(GenerateVerb, DrawsByItsSeed) {
  const auto drawn = [](const std::string& seed, int ranks) {
    const Ended ended = generate(kTinyBase + " --max-new-tokens 40 --temperature 0.9 --top-p 0.95 --seed " +
                                     seed + " --prompt '" + kPrompt + "'",
                                 ranks);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended.out;
  };
  const std::string text = drawn("5", 1);
  EXPECT_EQ(drawn("5", 2), text);
  EXPECT_NE(drawn("6", 1), text);
}

TEST(GenerateVerb, TakesThePromptFromAFileOrStandardInput) {
  const TempDir scratch;
  const std::string options = kTinyBase + " --max-new-tokens 12 ";
  const std::string expected = generate(options + "--prompt '" + kPrompt + "'").out;
  EXPECT_EQ(generate(options + "--prompt-file " + scratch.file("prompt.txt", kPrompt)).out, expected);
  const Ended piped = run_shell("printf %s '" + kPrompt + "' | {} generate " + options + "--prompt-file -");
  EXPECT_EQ(piped.code, 0) << piped.err;
  EXPECT_EQ(piped.out, expected + "\n");
}

TEST(GenerateVerb, EndsAtTheModelsEndOfText) {
  const TempDir scratch;
  const std::string model = copied_model(scratch);
  const std::string options = " --max-new-tokens 60 --prompt '" + kPrompt + "'";
  const std::string whole = generate(model + options).out;
  ASSERT_EQ(whole.size(), 60u);
  const auto stop = static_cast<unsigned char>(whole[30]);
  scratch.file("model/generation_config.json", "{\"eos_token_id\": [257, " + std::to_string(stop) + "]}");
  const Ended ended = generate(model + options);
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, whole.substr(0, whole.find(whole[30])));
}

// From below the window into the first set and the second. Each piece of the text is what a run with that
// set's factors says after the text before it.
TEST(GenerateVerb, CrossesFromSetToSetAsFreshRunsWouldHaveIt) {
  const TempDir scratch;
  const std::string model = copied_model(scratch);
  add_sets(model);
  const std::string prompt = read_bytes(top_folder() + "/tests/data/prose.txt").substr(0, 250);
  const std::string file = scratch.file("prompt.txt", prompt);
  for (const int ranks : {1, 2}) {
    const Ended ended = generate(model + " --max-new-tokens 90 --prompt-file " + file, ranks);
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("at 257 tokens the factors are first, no longer none: all of them were "
                                     "read again ("));
    EXPECT_THAT(ended.err, HasSubstr("at 321 tokens the factors are second, no longer first"));
    const auto piece = [&](const char* factors, size_t length, int count) {
      const std::string before = scratch.file("before.txt", (prompt + ended.out).substr(0, length));
      return generate(model + " --factors " + factors + " --max-new-tokens " + std::to_string(count) +
                      " --prompt-file " + before)
          .out;
    };
    EXPECT_EQ(ended.out.substr(0, 7), piece("none", 250, 7));
    EXPECT_EQ(ended.out.substr(7, 64), piece("first", 257, 64));
    EXPECT_EQ(ended.out.substr(71), piece("second", 321, 19));
  }
  const Ended kept = generate(model + " --max-new-tokens 90 --on-crossing keep --prompt-file " + file);
  ASSERT_EQ(kept.code, 0) << kept.err;
  EXPECT_EQ(kept.out.size(), 90u);
  EXPECT_THAT(kept.err, HasSubstr("no longer none: keys were rotated anew, nothing was read ("));
  const Ended beyond = generate(model + " --max-new-tokens 270 --prompt-file " + file);
  EXPECT_EQ(beyond.code, 0);
  EXPECT_EQ(times(beyond.err, "no factor set is for 513 tokens; the longest for these weights is taken"), 1);
}

TEST(GenerateVerb, ABosOnRequest) {
  const TempDir scratch;
  const std::string model = copied_model(scratch);
  scratch.file("model/tokenizer_config.json", R"({"bos_token": "~"})");
  const std::string options = model + " --max-new-tokens 20 ";
  EXPECT_EQ(generate(options + "--bos true --prompt abc").out, generate(options + "--prompt '~abc'").out);
  EXPECT_EQ(generate(options + "--bos true --prompt ''").out, generate(options + "--prompt '~'").out);
}

TEST(GenerateVerb, WhatItCannotDoIsRefused) {
  const TempDir scratch;
  const auto refused = [](const std::string& arguments, int code, const std::string& words) {
    const Ended ended = generate(arguments);
    EXPECT_EQ(ended.code, code) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr(words));
    EXPECT_THAT(ended.out, IsEmpty());
  };
  refused(kTinyBase + " --prompt ''", 2, "the prompt is empty");
  refused(kTinyBase + " --prompt-file " + scratch.file("bad.txt", "ab\xFFz"), 65,
          "bad.txt: byte 2 begins no UTF-8 character");
  refused(kTinyBase + " --prompt-file " + scratch.name("none.txt"), 66, "none.txt");
  refused(scratch.name("nowhere") + " --prompt a", 66, "nowhere");
  refused(kTinyBase + " --prompt a --factors yran", 2, "no such set");
  const std::string model = copied_model(scratch);
  auto config = nlohmann::json::parse(read_bytes(model + "/config.json"));
  config["model_type"] = "mistral";
  config["sliding_window"] = 64;
  scratch.file("model/config.json", config.dump());
  refused(model + " --prompt a --max-new-tokens 64", 65, "65 tokens are more than the sliding window of 64");
  EXPECT_EQ(generate(model + " --prompt a --max-new-tokens 64 --sliding-window honour").code, 0);
}

TEST(GenerateVerb, AClosedOutputEndsItWithAnError) {
  const TempDir scratch;
  run_shell("({} generate " + kTinyBase + " --max-new-tokens 4000 --prompt abc 2>" + scratch.name("err") +
            "; echo $? > " + scratch.name("code") + ") | head -c 5");
  EXPECT_EQ(read_bytes(scratch.name("code")), "74\n") << read_bytes(scratch.name("err"));
  EXPECT_THAT(read_bytes(scratch.name("err")), HasSubstr("standard output: cannot be written"));
}

// Chat: the tiny model answers nonsense, so formats and turns are looked at and not what it says.
TEST(ChatVerb, AnswersEachLineInTheFormatItIsTold) {
  const TempDir scratch;
  const std::string model = copied_model(scratch);
  const std::string command = "chat " + model + " --chat-template zephyr --max-new-tokens 10";
  scratch.file("model/tokenizer_config.json", R"({"eos_token": "~"})");
  const Ended ended = run_shell("printf 'Good morning\\n\\nAnd then?\\n' | {} " + command);
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(times(ended.out, "\n") >= 2, true) << ended.out;
  // The first answer is that of generate on the format written by hand.
  const Ended by_hand =
      generate(model + " --max-new-tokens 10 --prompt '<|user|>\nGood morning~\n<|assistant|>\n'");
  EXPECT_EQ(ended.out.substr(0, by_hand.out.size() + 1), by_hand.out + "\n");
  const std::string first = by_hand.out;
  const Ended second =
      generate(model + " --max-new-tokens 10 --prompt '<|user|>\nGood morning~\n<|assistant|>\n" + first +
               "~\n<|user|>\nAnd then?~\n<|assistant|>\n'");
  EXPECT_EQ(ended.out, first + "\n" + second.out + "\n");
  const Ended shared = run_shell("printf 'Good morning\\n\\nAnd then?\\n' | mpirun -n 2 {} " + command);
  EXPECT_EQ(shared.code, 0) << shared.err;
  EXPECT_EQ(shared.out, ended.out);
}

TEST(ChatVerb, WhatItCannotDoIsRefused) {
  const auto refused = [](const std::string& arguments, int code, const std::string& words) {
    const Ended ended = run_shell("echo hello | {} chat " + arguments);
    EXPECT_EQ(ended.code, code) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr(words));
    EXPECT_THAT(ended.out, IsEmpty());
  };
  refused(kTinyBase, 65, "no chat template of those known");
  refused(kTinyBase, 65, "--chat-template names a format: chatml, ");
  refused(kTinyBase + " --chat-template chatlm", 2, "--chat-template: found chatlm");
  refused(kTinyBase + " --chat-template gemma", 65, "the tokenizer names no BOS");
}

}  // namespace
}  // namespace ropeway
