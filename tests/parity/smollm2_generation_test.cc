// SmolLM2-135M, real weights: the program's greedy text against transformers' generate(), alone, over ranks, and
// from a GGUF file that the program wrote and read again.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/faults/run_ropeway.h"
#include "tests/support/python.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

const fs::path kModel = ROPEWAY_SOURCE_DIR "/models/smollm2_135m";
const std::string kPrompt = "The old lighthouse keeper looked out over the water and";

constexpr const char* kOracle = R"(
import sys
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
torch.set_num_threads(1)
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
inputs = tokenizer(sys.argv[2], return_tensors="pt")
made = model.generate(**inputs, do_sample=False, max_new_tokens=64)[0, inputs["input_ids"].shape[1]:]
print(tokenizer.decode(made, skip_special_tokens=True), end="")
)";

std::string generated(const std::string& model, int ranks, int tokens = 64) {
  std::string arguments = "generate ";
  arguments.append(model).append(" --max-new-tokens ").append(std::to_string(tokens));
  arguments.append(" --prompt '").append(kPrompt).append("'");
  const Ended ended = ranks == 1 ? run_ropeway(arguments) : mpirun_ropeway(ranks, arguments);
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, ::testing::HasSubstr("tokens/s"));
  EXPECT_TRUE(ended.out.ends_with('\n'));
  return ended.out.substr(0, ended.out.size() - 1);
}

TEST(SmolLm2Generation, TextIsThatOfTransformers) {
  ROPEWAY_NEEDS_PYTHON();
  if (!fs::exists(kModel)) GTEST_SKIP() << kModel << " is not there: run launch/fetch_smollm2.sh";
  const std::string expected = run_python(kOracle, kModel.string() + " '" + kPrompt + "'");
  ASSERT_GT(expected.size(), 100u);
  EXPECT_EQ(generated(kModel.string(), 1), expected);
  EXPECT_EQ(generated(kModel.string(), 2), expected);
  const TempDir scratch;
  const std::string file = scratch.name("smollm2.gguf");
  const Ended exported = run_ropeway("export " + kModel.string() + " " + file + " --format gguf");
  ASSERT_EQ(exported.code, 0) << exported.err;
  const Ended imported = run_ropeway("import " + file + " " + scratch.name("model"));
  ASSERT_EQ(imported.code, 0) << imported.err;
  EXPECT_EQ(generated(scratch.name("model"), 1, 16), generated(kModel.string(), 1, 16));
}

}  // namespace
}  // namespace ropeway
