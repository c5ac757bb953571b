// Files with a very long key or value where it is wrong: the message quotes an excerpt.
#include "tests/faults/refusals.h"

namespace ropeway {
namespace {

const std::string kMuch(20000, 'x');

class LongContent : public testing::Test {
 protected:
  // The message on a file: with at most 200 of the x, and short.
  void expect_short(const std::string& arguments, const std::string& file) {
    const Ended ended = run_ropeway(arguments);
    EXPECT_NE(ended.code, 0) << arguments;
    EXPECT_THAT(ended.err, testing::HasSubstr(file)) << arguments;
    EXPECT_LE(repeated(ended.err), 200u) << arguments << ended.err.substr(0, 500);
    EXPECT_LT(ended.err.size(), 3000u) << arguments;
  }
  // Letters x beside others like them: those of the file.
  static size_t repeated(const std::string& message) {
    size_t total = 0;
    for (size_t at = 0; (at = message.find("xxxx", at)) != std::string::npos;) {
      const size_t end = std::min(message.find_first_not_of('x', at), message.size());
      total += end - at;
      at = end;
    }
    return total;
  }
  // The tiny model with one of its files as given.
  std::string model_with(const std::string& name, const std::string& content) {
    const std::string folder = scratch_.name("model");
    std::filesystem::remove_all(folder);
    std::filesystem::copy(kTinyBase, folder);
    std::ofstream(folder + "/" + name, std::ios::binary) << content;
    return folder;
  }
  std::string evaluate(const std::string& model) {
    return "evaluate " + model + " --text tests/data/prose.txt --cache " + scratch_.name("cache");
  }

  TempDir scratch_;
};

TEST_F(LongContent, OfARecipe) {
  for (const std::string& content :
       {kMuch + ": 1\n", "name: a\nmodel: {path: b, " + kMuch + ": 1}\n", "name: [" + kMuch + "]\n",
        "name: a\nstages: [{kind: " + kMuch + "}]\n", "name: a\nname: \"" + kMuch + "\n"}) {
    expect_short("validate " + scratch_.file("recipe.yaml", content), "recipe.yaml:");
  }
}

TEST_F(LongContent, OfAModelsJson) {
  for (const char* name : {"config.json", "tokenizer.json"}) {
    for (const std::string& content :
         {"{\"" + kMuch + "\": 1, \"" + kMuch + "\": 1}",
          "{\"model_type\": \"" + kMuch + "\", \"model\": \"" + kMuch + "\"}", "{\"a\": \"" + kMuch,
          "{\"a\": " + kMuch + "}", "{\"a\": 1" + kMuch + "}", "{\"a\": {\"" + kMuch + "\": [1e999]}}"}) {
      expect_short(evaluate(model_with(name, content)), name);
    }
  }
}

TEST_F(LongContent, OfTokens) {
  const auto model = [](const std::string& vocabulary, const std::string& merges, const std::string& added) {
    return "{\"version\": \"1.0\", \"added_tokens\": [" + added +
           "], \"model\": {\"type\": \"BPE\", \"vocab\": {" + vocabulary + "}, \"merges\": [" + merges +
           "]}}";
  };
  const std::string x = "\"" + kMuch + "\"";
  for (const std::string& content :
       {model(x + ": 0, \"z\": 0", "", ""), model("\"a\": 0, " + x + ": 1", "[" + x + ", \"b\"]", ""),
        model("\"a\": 0", "\"" + kMuch + "\"", ""),
        model("\"a\": 0", x.substr(0, 9000) + " " + x.substr(1), ""),
        model(x + ": 0", "", "{\"content\": " + x + ", \"id\": 1, \"special\": true}"),
        "{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"\\\\p{" + kMuch +
            "}\"}, \"behavior\": \"Isolated\"}, \"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, "
            "\"merges\": []}}"}) {
    expect_short(evaluate(model_with("tokenizer.json", content)), "tokenizer.json: ");
  }
}

TEST_F(LongContent, OfFactorsAndWeights) {
  for (const std::string& content :
       {"{\"" + kMuch + "\": 1}", "{\"version\": \"" + kMuch + "\"}", "[\"" + kMuch + "\"]"}) {
    expect_short(evaluate(model_with("rope_factors.json", content)), "rope_factors.json: ");
  }
  const std::string header = "{\"" + kMuch + "\": {\"dtype\": \"F32\"}}";
  std::string weights(8, '\0');
  for (size_t i = 0; i < 8; ++i) weights[i] = static_cast<char>(header.size() >> (8 * i) & 0xFF);
  expect_short(evaluate(model_with("model.safetensors", weights + header)), "model.safetensors: ");
}

TEST_F(LongContent, OfLinesOfJson) {
  for (const std::string& content :
       {"{\"" + kMuch + "\": 1}\n", "{\"text\": [\"" + kMuch + "\"]}\n", "{\"text\": \"" + kMuch + "\n",
        "\"" + kMuch + "\"\n", kMuch + "\n",
        "{\"conversations\": [{\"from\": \"" + kMuch + "\", \"value\": \"\"}]}\n",
        "{\"completion\": [{\"role\": \"" + kMuch + "\", \"content\": \"\"}], \"prompt\": []}\n"}) {
    expect_short("evaluate " + kTinyBase + " --text " + scratch_.file("a.jsonl", content) + " --cache " +
                     scratch_.name("cache"),
                 "a.jsonl:1: ");
  }
}

}  // namespace
}  // namespace ropeway
