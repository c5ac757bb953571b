// `ropeway import` of GGUF files that are missing, damaged, or lie about their sizes.
#include "tests/faults/refusals.h"
#include "tests/trainer/formats/gguf/gguf_bytes.h"

namespace ropeway {
namespace {

class GgufFiles : public testing::Test {
 protected:
  void expect_refused(const std::string& bytes, int code, std::vector<std::string> said) {
    const std::string path = scratch_.file("model.gguf", bytes);
    said.insert(said.begin(), path);
    expect_refusal("import " + path + " " + scratch_.name("out/model"),
                   {.code = code, .said = said, .ranks = {1}}, scratch_.path() / "out");
  }

  TempDir scratch_;
};

// A Llama of one layer without its tensors, and a tokenizer of two tokens.
GgufBytes metadata() {
  GgufBytes gguf;
  gguf.text("general.architecture", "llama");
  gguf.u32("llama.block_count", 1);
  gguf.u32("llama.context_length", 128);
  gguf.u32("llama.embedding_length", 8);
  gguf.u32("llama.feed_forward_length", 8);
  gguf.u32("llama.attention.head_count", 2);
  gguf.pair("llama.attention.layer_norm_rms_epsilon", 6, raw(1e-5f));
  gguf.tensor("token_embd.weight", {8, 4}, 0, 0);
  gguf.data = std::string(8 * 4 * 4, '\0');
  return gguf;
}

std::string strings(const std::vector<std::string>& list) {
  std::string bytes = raw<uint32_t>(8) + raw<uint64_t>(list.size());
  for (const std::string& text : list) bytes += gguf_string(text);
  return bytes;
}

TEST_F(GgufFiles, AMissingFile) {
  const std::string path = scratch_.name("model.gguf");
  expect_refusal("import " + path + " " + scratch_.name("out/model"),
                 {.code = 66, .said = {path, "cannot open"}, .ranks = {1}}, scratch_.path() / "out");
}

// One answer, whichever command meets the file where a model directory was wanted.
TEST_F(GgufFiles, InPlaceOfAModelDirectory) {
  std::filesystem::create_directories(scratch_.path() / "model");
  const std::string file = scratch_.file("model/a.gguf", metadata().file()), folder = scratch_.name("model");
  const std::string recipe = small_recipe(scratch_, kEvaluateStage);
  for (const std::string& model : {folder, file}) {
    const std::string what = model == file ? file + ": is a GGUF file" : folder + ": holds no model";
    for (const std::string& command :
         {"validate " + recipe + " --set model.path=" + model,
          "plan " + recipe + " --set model.path=" + model, "data " + recipe + " --set model.path=" + model,
          "run " + recipe + " --set model.path=" + model,
          "evaluate " + model + " --text tests/data/prose.txt",
          "export " + model + " " + scratch_.name("out/x") + " --format hf"}) {
      expect_refusal(command,
                     {.code = 65, .said = {what, "ropeway import " + file + " MODEL_DIR"}, .ranks = {1}},
                     scratch_.path() / "out");
    }
  }
  expect_refusal("inspect " + folder,
                 {.code = 65, .said = {"ropeway import " + file + " MODEL_DIR"}, .ranks = {1}},
                 scratch_.path() / "out");
}

TEST_F(GgufFiles, AnotherKindOfFile) { expect_refused("{\"not\": \"gguf\"}", 65, {"not a GGUF file"}); }

TEST_F(GgufFiles, ATruncatedFile) {
  const std::string whole = metadata().file();
  expect_refused(whole.substr(0, 100), 65, {"truncated?"});
  expect_refused(whole.substr(0, whole.size() - 1), 65, {"token_embd.weight", "truncated?"});
}

TEST_F(GgufFiles, SizesThatOverflow) {
  GgufBytes gguf = metadata();
  gguf.table.clear();
  gguf.tensor("token_embd.weight", {uint64_t{1} << 32, uint64_t{1} << 32}, 0, 0);
  expect_refused(gguf.file(), 65, {"token_embd.weight", "overflows 63 bits"});
  gguf = metadata();
  gguf.pair("llama.long", 8, raw(~uint64_t{0}));
  expect_refused(gguf.file(), 65, {"llama.long", "18446744073709551615 bytes"});
  gguf = metadata();
  gguf.pair("llama.long", 9, raw<uint32_t>(10) + raw(uint64_t{1} << 61));
  expect_refused(gguf.file(), 65, {"llama.long", "2305843009213693952"});
}

TEST_F(GgufFiles, DuplicateKeysAndUnknownTypes) {
  GgufBytes gguf = metadata();
  gguf.u32("llama.block_count", 2);
  expect_refused(gguf.file(), 65, {"llama.block_count", "twice"});
  gguf = metadata();
  gguf.table.clear();
  gguf.tensor("token_embd.weight", {8, 4}, 99, 0);
  expect_refused(gguf.file(), 65, {"token_embd.weight", "ggml type 99"});
}

TEST_F(GgufFiles, ArchitecturesKeysAndTensorsThatAreNotThere) {
  GgufBytes gguf;
  gguf.text("general.architecture", "mamba");
  expect_refused(gguf.file(), 65, {"general.architecture", "mamba"});
  gguf = metadata();
  gguf.pairs.erase(gguf.pairs.begin() + 1);
  expect_refused(gguf.file(), 65, {"llama.block_count", "missing"});
  expect_refused(metadata().file(), 65, {"missing", "blk.0.attn_q.weight"});
}

TEST_F(GgufFiles, RopeThatIsUnknownOrOfTheWrongLength) {
  GgufBytes gguf = metadata();
  gguf.text("llama.rope.scaling.type", "spiral");
  expect_refused(gguf.file(), 65, {"llama.rope.scaling.type", "spiral"});
  gguf = metadata();
  gguf.text("llama.rope.scaling.type", "longrope");
  gguf.tensor("rope_factors_short.weight", {3}, 0, 128);
  gguf.data += std::string(12, '\0');
  expect_refused(gguf.file(), 65, {"rope_factors_short.weight", "wanted 2 factors"});
}

TEST_F(GgufFiles, MoreTokensThanTheEmbeddingHasRows) {
  GgufBytes gguf = metadata();
  gguf.text("tokenizer.ggml.model", "gpt2");
  gguf.pair("tokenizer.ggml.tokens", 9, strings({"a", "b", "c", "d", "e"}));
  expect_refused(gguf.file(), 65, {"tokenizer.ggml.tokens", "an array of 5", "4 rows"});
}

}  // namespace
}  // namespace ropeway
