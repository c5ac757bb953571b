// Models whose files are missing or damaged.
#include <algorithm>
#include <numeric>

#include "tests/faults/refusals.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

// A copy of the base model to damage, and the two commands that read it.
class ModelFiles : public testing::Test {
 protected:
  ModelFiles() : weights_(scratch_.path() / "model/model.safetensors") {
    fs::copy(kTinyBase, scratch_.path() / "model", fs::copy_options::recursive);
  }

  // Header (JSON) of the weights and what follows it.
  std::pair<std::string, std::string> header_and_data() const {
    const std::string bytes = read_bytes(weights_);
    uint64_t length = 0;
    for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<uint8_t>(bytes.at(i));
    return {bytes.substr(8, length), bytes.substr(8 + length)};
  }
  void write_weights(const std::string& header, const std::string& data) const {
    std::string bytes;
    for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(header.size() >> (8 * i)));
    std::ofstream(weights_, std::ios::binary) << bytes << header << data;
  }
  // The first place where `from` is in the header becomes `to`.
  void change_header(const std::string& from, const std::string& to) const {
    auto [header, data] = header_and_data();
    const size_t at = header.find(from);
    ASSERT_NE(at, std::string::npos) << header.substr(0, 400);
    write_weights(header.replace(at, from.size(), to), data);
  }

  void expect_refused(int code, std::vector<std::string> said) {
    const std::string model = scratch_.name("model");
    said.insert(said.begin(), model);
    expect_refusal("evaluate " + model + " --text tests/data/prose.txt --windows 1 --json " +
                       scratch_.name("out/result.json") + " --cache " + scratch_.name("cache"),
                   {.code = code, .said = said, .ranks = {1}}, scratch_.path() / "cache");
    expect_refusal("run " + small_recipe(scratch_, kEvaluateStage) + " --set model.path=" + model,
                   {.code = code, .said = said, .ranks = {2}}, scratch_.path() / "run");
    EXPECT_FALSE(fs::exists(scratch_.path() / "out/result.json"));
  }

  TempDir scratch_;
  fs::path weights_;
};

// A header of 199,000 tensors, 31 MiB of JSON: one rank of a host reads it and the others hear what came of it.
TEST_F(ModelFiles, AHugeHeaderIsReadByOneRank) {
  constexpr int kTensors = 199000, kRanks = 8;
  std::string header = "{";
  for (int i = 0; i < kTensors; ++i) {
    const std::string begin = std::to_string(i), end = std::to_string(i + 1);
    header += "\"model.layers." + begin + std::string(90 - begin.size(), 'x') +
              "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[" + begin + "," + end + "]},";
  }
  header.back() = '}';
  write_weights(header, std::string(kTensors, '\0'));
  // Each rank leaves its exit code and the peak of its memory (KiB) in a file. None of them fails for mpirun, which
  // would end the others before they have done so.
  const std::string script = scratch_.file("rank.sh",
                                           "exec python3 -c 'import resource, subprocess, sys\n"
                                           "code = subprocess.call(sys.argv[2:])\n"
                                           "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n"
                                           "open(sys.argv[1], \"w\").write(f\"{code} {peak}\")' " +
                                               scratch_.name("rank.") + "$OMPI_COMM_WORLD_RANK " + program() +
                                               " run " + small_recipe(scratch_, kEvaluateStage) +
                                               " --set model.path=" + scratch_.name("model"));
  const Ended ended = run_shell("exec mpirun -n " + std::to_string(kRanks) + " sh " + script);
  EXPECT_EQ(times(own_words(ended), "weights that config.json asks for are missing"), 1) << ended.err;
  EXPECT_LT(ended.cpu_seconds, 20);
  std::vector<int64_t> peaks;
  for (int rank = 0; rank < kRanks; ++rank) {
    std::istringstream left(read_bytes(scratch_.name("rank." + std::to_string(rank))));
    int code = 0;
    left >> code >> peaks.emplace_back();
    EXPECT_EQ(code, 65) << "rank " << rank;
  }
  const int64_t usual =
      *std::min_element(peaks.begin(), peaks.end());  // libraries, of a rank that reads nothing
  EXPECT_LT(std::accumulate(peaks.begin(), peaks.end(), -kRanks * usual), 512 << 10) << "KiB on all ranks";
}

TEST_F(ModelFiles, AMissingFolder) {
  fs::remove_all(scratch_.path() / "model");
  expect_refused(66, {"is not there"});
}

// The run's folder is taken before the weights are loaded; nothing in it says that the stage was done.
TEST_F(ModelFiles, AWeightThatIsNotANumberEndsARunWithItsOwnCode) {
  constexpr int kNumerics = 79;
  auto [header, data] = header_and_data();
  data.replace(data.size() - 4, 4, std::string("\0\0\xc0\x7f", 4));  // NaN as F32, and as the last BF16
  write_weights(header, data);
  const std::string run = "run " + small_recipe(scratch_, kEvaluateStage) +
                          " --set model.path=" + scratch_.name("model") + " --fresh";
  for (const int ranks : {1, 2}) {
    const Ended ended = ranks == 1 ? run_ropeway(run) : mpirun_ropeway(ranks, run);
    EXPECT_EQ(ended.code, kNumerics) << ended.err;
    EXPECT_EQ(times(own_words(ended), "NaN or infinite"), 1) << ended.err;
    EXPECT_FALSE(fs::exists(scratch_.path() / "run/stages/score/done.json"));
  }
}

TEST_F(ModelFiles, AFileInPlaceOfTheFolder) {
  fs::remove_all(scratch_.path() / "model");
  scratch_.file("model", "x");
  expect_refused(66, {"is not a folder"});
}

TEST_F(ModelFiles, MissingWeights) {
  fs::remove(weights_);
  expect_refused(66, {"holds no weights", "model.safetensors"});
}

TEST_F(ModelFiles, WeightsThatAreAFolder) {
  fs::remove(weights_);
  fs::create_directory(weights_);
  expect_refused(66, {"model.safetensors", "not a regular file"});
}

TEST_F(ModelFiles, MissingConfig) {
  fs::remove(scratch_.path() / "model/config.json");
  expect_refused(66, {"config.json", "No such file"});
}

TEST_F(ModelFiles, ConfigThatIsNotJson) {
  scratch_.file("model/config.json", "{\"model_type\": \"llama\", ");
  expect_refused(65, {"config.json"});
}

TEST_F(ModelFiles, TruncatedWeights) {
  fs::resize_file(weights_, fs::file_size(weights_) - 1);
  expect_refused(65, {"model.safetensors", "truncated?"});
}

TEST_F(ModelFiles, WeightsTruncatedWithinTheHeader) {
  fs::resize_file(weights_, 100);
  expect_refused(65, {"model.safetensors", "the file has 92"});
}

TEST_F(ModelFiles, WeightsWithSomethingBehindThem) {
  std::ofstream(weights_, std::ios::binary | std::ios::app) << "more";
  expect_refused(65, {"model.safetensors", "4 bytes after the last tensor"});
}

TEST_F(ModelFiles, AHeaderThatClaimsMoreThanTheFileHas) {
  std::fstream(weights_, std::ios::in | std::ios::out | std::ios::binary) << std::string(7, '\xff') + '\x7f';
  expect_refused(65, {"model.safetensors", "claims 9223372036854775807 bytes"});
}

TEST_F(ModelFiles, OverlappingTensors) {
  // A second tensor with the bytes of the first one.
  const auto [header, data] = header_and_data();
  const size_t begin = header.find('{', header.find("model.embed_tokens.weight")),
               end = header.find('}', begin);
  const std::string copy = ",\"copy\":" + header.substr(begin, end + 1 - begin);
  std::string longer = header;
  longer.insert(longer.rfind('}'), copy);
  write_weights(longer, data);
  expect_refused(65, {"model.safetensors", "overlap", "'copy'", "'model.embed_tokens.weight'"});
}

TEST_F(ModelFiles, AMistypedTensor) {
  change_header("\"BF16\"", "\"I16\"");
  expect_refused(65, {"I16", "wanted"});
}

TEST_F(ModelFiles, AnUnknownType) {
  change_header("\"BF16\"", "\"BF17\"");
  expect_refused(65, {"model.safetensors", "'BF17'", "wanted F64, F32, F16, BF16"});
}

TEST_F(ModelFiles, ATensorThatIsNotThere) {
  change_header("model.norm.weight", "model.nrom.weight");
  expect_refused(65, {"model.norm.weight", "model.nrom.weight"});
}

TEST_F(ModelFiles, AConfigOfAnotherShape) {
  std::string config = read_bytes(scratch_.path() / "model/config.json");
  const std::string key = "\"num_hidden_layers\":";
  const size_t at = config.find(key) + key.size();
  config.replace(at, config.find(',', at) - at, " 3");
  scratch_.file("model/config.json", config);
  expect_refused(65, {"model.layers.3."});
}

}  // namespace
}  // namespace ropeway
