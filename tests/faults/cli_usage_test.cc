// The command line: what is wrong with it is said in one message, with the nearest right word, and ends
// with 2.
#include <gmock/gmock.h>

#include "tests/faults/run_ropeway.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

struct BadLine {
  const char* name;
  const char* arguments;
  const char* message;
};
void PrintTo(const BadLine& line, std::ostream* out) { *out << line.name; }

class CliUsage : public ::testing::TestWithParam<BadLine> {};

TEST_P(CliUsage, IsRefusedWithOneMessage) {
  const Ended ended = run_ropeway(GetParam().arguments);
  EXPECT_EQ(ended.code, 2) << ended.err;
  EXPECT_THAT(ended.err, StartsWith(std::string("ropeway: ") + GetParam().message));
  EXPECT_EQ(times(ended.err, "ropeway: "), 1 + times(GetParam().message, "ropeway: "));
  EXPECT_THAT(ended.out, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    All, CliUsage,
    ::testing::Values(
        BadLine{"unknown_verb", "evalute x", "unknown verb 'evalute'; did you mean evaluate?"},
        BadLine{"unlike_any_verb", "frobnicate", "unknown verb 'frobnicate'; there are run, evaluate"},
        BadLine{"unknown_flag", "run configs/tiny_cpu.yaml --frsh",
                "unknown option --frsh; did you mean --fresh?"},
        BadLine{"unknown_flag_with_a_value", "evaluate m --txt=x",
                "unknown option --txt; did you mean --text?"},
        BadLine{"abbreviated_flag", "run configs/tiny_cpu.yaml --fre", "unknown option --fre"},
        BadLine{"unlike_any_flag", "validate configs/tiny_cpu.yaml --zzzzzz",
                "unknown option --zzzzzz; see --help"},
        BadLine{"flag_without_value", "run configs/tiny_cpu.yaml --set",
                "the required argument for option '--set' is missing"},
        BadLine{"flag_of_the_wrong_type", "validate configs/tiny_cpu.yaml --ranks two",
                "the argument ('two') for option '--ranks' is invalid"},
        BadLine{"negative_ranks", "validate configs/tiny_cpu.yaml --ranks=-1",
                "--ranks -1: wanted a number of ranks"},
        BadLine{"no_recipe", "run", "RECIPE.yaml is missing; see --help"},
        BadLine{"two_recipes", "validate a.yaml b.yaml", "found several arguments, wanted one RECIPE.yaml"},
        BadLine{"argument_to_version", "version now", "found an argument, wanted none"},
        BadLine{"override_of_an_unknown_key", "validate configs/tiny_cpu.yaml --set a.b=1",
                "--set a.b=1: a: unknown key"},
        BadLine{"override_of_an_unknown_stage", "run configs/tiny_cpu.yaml --set stages.tine_8x.steps=1",
                "--set stages.tine_8x.steps=1: stages.tine_8x.steps: found no stage named tine_8x; did you "
                "mean tune_8x?"},
        BadLine{"override_without_a_value", "run configs/tiny_cpu.yaml --set seed",
                "--set seed: wanted key=value"},
        BadLine{"neither_text_nor_tokens", "evaluate tests/data/tiny_base",
                "wanted one of --text FILE and --tokens FILE.npy, found neither"},
        BadLine{"text_and_tokens", "evaluate tests/data/tiny_base --text a --tokens b",
                "wanted one of --text FILE and --tokens FILE.npy, found both"},
        BadLine{"bad_length", "evaluate tests/data/tiny_base --text README.md --lengths 256,2k",
                "--lengths: found 2k, wanted a length"},
        BadLine{"empty_place_in_a_list", "evaluate tests/data/tiny_base --text README.md --lengths 256,,2K",
                "--lengths: found '256,,2K', wanted a list"},
        BadLine{"unknown_task", "evaluate tests/data/tiny_base --text README.md --tasks perplexty",
                "--tasks: found perplexty, wanted perplexity, passkey, needles or longppl; did you mean "
                "perplexity?"},
        BadLine{"unknown_factors", "evaluate tests/data/tiny_base --text tests/data/prose.txt --factors yran",
                "factors \"yran\": no such set"},
        BadLine{"unknown_dtype", "evaluate tests/data/tiny_base --text README.md --dtype fp8",
                "--dtype: found fp8, wanted fp32, bf16 or fp64"},
        BadLine{"no_windows", "evaluate tests/data/tiny_base --text README.md --windows 0",
                "--windows: found 0, wanted an integer from 1"},
        BadLine{"neither_prompt_nor_file", "generate tests/data/tiny_base",
                "wanted one of --prompt TEXT and --prompt-file FILE, found neither"},
        BadLine{"prompt_and_file", "generate tests/data/tiny_base --prompt a --prompt-file README.md",
                "wanted one of --prompt TEXT and --prompt-file FILE, found both"},
        BadLine{"no_new_tokens", "generate tests/data/tiny_base --prompt a --max-new-tokens 0",
                "--max-new-tokens: found 0, wanted 1 or more"},
        BadLine{"temperature_below_zero", "generate tests/data/tiny_base --prompt a --temperature=-1",
                "--temperature: found -1, wanted 0 (the likeliest token) or more"},
        BadLine{"temperature_that_is_no_number", "generate tests/data/tiny_base --prompt a --temperature nan",
                "--temperature: found nan"},
        BadLine{"empty_nucleus", "generate tests/data/tiny_base --prompt a --top-p 0",
                "--top-p: found 0, wanted a number above 0, up to 1"},
        BadLine{"unknown_way_of_crossing", "generate tests/data/tiny_base --prompt a --on-crossing rered",
                "--on-crossing: found rered, wanted reread or keep; did you mean reread?"},
        BadLine{"context_that_is_no_length", "chat tests/data/tiny_base --chat-template zephyr --context 2k",
                "'2k' is not a length"},
        BadLine{"losses_of_two_lengths",
                "evaluate tests/data/tiny_base --text README.md --lengths 256,512 --save-nll x.npy",
                "--save-nll wants the task perplexity and one length"}),
    [](const auto& info) { return info.param.name; });

TEST(CliUsage, NoVerbShowsTheOverview) {
  const Ended ended = run_ropeway("");
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.err, HasSubstr("usage: ropeway VERB"));
}

TEST(CliUsage, AnUnknownStageIsNamedWithThoseThereAre) {
  const TempDir scratch;
  const Ended ended = run_ropeway("run " + small_recipe(scratch, kEvaluateStage) + " --stage scor");
  EXPECT_EQ(ended.code, 2) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("--stage scor: no such stage; there are score"));
}

class CliHelp : public ::testing::TestWithParam<const char*> {};

TEST_P(CliHelp, FitsAScreenAndHasAnExample) {
  const Ended ended = run_ropeway(GetParam());
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.err, IsEmpty());
  EXPECT_THAT(ended.out, HasSubstr("usage: ropeway "));
  EXPECT_LE(times(ended.out, "\n"), 24);
  std::istringstream lines(ended.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
  const bool has_example =
      ended.out.find("example") != std::string::npos || ended.out.find("mpirun -n 2") != std::string::npos;
  EXPECT_TRUE(has_example);
}

INSTANTIATE_TEST_SUITE_P(All, CliHelp,
                         ::testing::Values("--help", "run --help", "evaluate --help", "generate --help",
                                           "chat --help", "inspect --help", "validate -h", "plan --help",
                                           "data --help", "version --help", "new --help", "show --help",
                                           "schema --help", "help --help", "convert --help", "fetch --help",
                                           "completion --help"));

TEST(CliVersion, NamesTheProgramAndItsLibraries) {
  const Ended ended = run_ropeway("version");
  EXPECT_EQ(ended.code, 0);
  for (const char* part : {"ropeway 0.", "libtorch 2.", "MPI", "compiler GNU"})
    EXPECT_THAT(ended.out, HasSubstr(part));
}

TEST(CliOutput, AClosedPipeDoesNotKill) {
  const TempDir scratch;
  run_shell("({} validate --keys; echo $? > " + scratch.name("code") + ") | true");
  EXPECT_EQ(read_bytes(scratch.name("code")), "0\n");
}

}  // namespace
}  // namespace ropeway
