// Questions with answers to choose from on SmolLM2-135M, against transformers scoring each answer alone:
// tokens, sums, greedy or not, acc and acc_norm; alone and spread over ranks. Larger files: the same
// comparison by hand,
//   ropeway evaluate models/smollm2_135m --requests FILE --save-choices A.jsonl --request-limit 100
//   tests/parity/choices_oracle.py models/smollm2_135m FILE B.jsonl 100
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/faults/run_ropeway.h"
#include "tests/support/python.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

const std::string kModel = ROPEWAY_SOURCE_DIR "/models/smollm2_135m";
const std::string kRequests = ROPEWAY_SOURCE_DIR "/tests/data/requests/";

std::vector<Json> lines_of(const std::string& file) {
  std::vector<Json> lines;
  std::istringstream text(read_bytes(file));
  for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
  return lines;
}

void expect_same(const TempDir& scratch, const std::string& name, const std::vector<Json>& wanted,
                 int ranks) {
  SCOPED_TRACE(name + " on " + std::to_string(ranks) + " ranks");
  const std::string scores = scratch.name("scores.jsonl"), json = scratch.name("out.json");
  const std::string arguments = "evaluate " + kModel + " --requests " + kRequests + name +
                                ".jsonl --save-choices " + scores + " --json " + json;
  const Ended ended = ranks == 1 ? run_ropeway(arguments) : mpirun_ropeway(ranks, arguments);
  ASSERT_EQ(ended.code, 0) << ended.err;
  const std::vector<Json> found = lines_of(scores);
  ASSERT_EQ(found.size() + 1, wanted.size());
  double worst = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    for (const char* key : {"question", "answer", "tokens", "is_greedy"}) {
      EXPECT_EQ(found[i].at(key), wanted[i].at(key)) << found[i] << wanted[i];
    }
    worst = std::max(worst, std::fabs(found[i].at("loglikelihood").get<double>() -
                                      wanted[i].at("loglikelihood").get<double>()));
  }
  std::printf("  %s, %d ranks: %zu answers, a sum is off by %.1e at most\n", name.c_str(), ranks,
              found.size(), worst);
  EXPECT_LE(worst, 1e-3);
  const Json numbers = Json::parse(read_bytes(json)).at("benchmarks").at(0).at("numbers");
  EXPECT_DOUBLE_EQ(numbers.at("accuracy").get<double>(), wanted.back().at("acc").get<double>());
  EXPECT_DOUBLE_EQ(numbers.at("accuracy_norm").get<double>(), wanted.back().at("acc_norm").get<double>());
}

TEST(ChoicesParity, SmolLm2AsTransformers) {
  ROPEWAY_NEEDS_PYTHON();
  if (!fs::exists(kModel)) GTEST_SKIP() << kModel << " is not there: run launch/fetch_smollm2.sh";
  const TempDir scratch;
  for (const std::string name : {"everyday", "per_answer"}) {
    const std::string oracle = scratch.name("oracle.jsonl");
    run_python(
        "import sys, runpy\nsys.argv = ['', '" + kModel + "', '" + kRequests + name + ".jsonl', '" + oracle +
        "']\nrunpy.run_path('" ROPEWAY_SOURCE_DIR "/tests/parity/choices_oracle.py', run_name='__main__')\n");
    expect_same(scratch, name, lines_of(oracle), 1);
    expect_same(scratch, name, lines_of(oracle), 2);
  }
}

}  // namespace
}  // namespace ropeway
