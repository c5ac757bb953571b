
#include <cstring>

#include "tests/support/folder_test.h"
#include "tests/support/python.h"
#include "trainer/formats/safetensors/safetensors_reader.h"
#include "trainer/formats/safetensors/safetensors_writer.h"

namespace ropeway {
namespace {

class Safetensors : public FolderTest {};

TEST_F(Safetensors, RoundTrip) {
  const std::vector<float> floats = {1.5f, -2.25f, 3e38f, 0.0f, 1e-45f, -0.0f};
  const std::vector<uint8_t> bytes = {1, 2, 255};
  const std::vector<bfloat16> brains = {bfloat16(1.0f), bfloat16(-3.5f)};
  const int64_t scalar = -7;
  write_safetensors(folder_ / "m.safetensors",
                    {{"bytes", DType::kU8, {3}, bytes.data()},
                     {"a.float", DType::kF32, {2, 3}, floats.data()},
                     {"brain", DType::kBF16, {2, 1}, brains.data()},
                     {"scalar", DType::kI64, {}, &scalar},
                     {"empty", DType::kF32, {0, 4}, nullptr}},
                    {{"step", "12"}});
  const SafetensorsFile file = SafetensorsFile::open(folder_ / "m.safetensors");
  EXPECT_EQ(file.tensors().size(), 5u);
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"format", "pt"}, {"step", "12"}}));
  EXPECT_EQ(file.tensors().at("a.float").shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(file.tensors().at("brain").dtype, DType::kBF16);
  EXPECT_EQ(std::memcmp(file.data("a.float").data(), floats.data(), 24), 0);
  EXPECT_EQ(std::memcmp(file.data("bytes").data(), bytes.data(), 3), 0);
  EXPECT_EQ(std::memcmp(file.data("brain").data(), brains.data(), 4), 0);
  EXPECT_EQ(std::memcmp(file.data("scalar").data(), &scalar, 8), 0);
  EXPECT_EQ(file.data("empty").size(), 0u);
  EXPECT_EQ(names_in(folder_), std::vector<std::string>{"m.safetensors"});
}

TEST_F(Safetensors, EveryTensorIsAlignedToItsElement) {
  const std::vector<uint8_t> data(64, 1);
  write_safetensors(folder_ / "m.safetensors", {{"odd", DType::kU8, {3}, data.data()},
                                                {"half", DType::kF16, {3}, data.data()},
                                                {"double", DType::kF64, {2}, data.data()},
                                                {"float", DType::kF32, {5}, data.data()}});
  const SafetensorsFile file = SafetensorsFile::open(folder_ / "m.safetensors");
  for (const auto& [name, info] : file.tensors()) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(file.data(name).data()) % bytes_of(info.dtype), 0u) << name;
  }
}

TEST_F(Safetensors, FileOfNoTensors) {
  write_safetensors(folder_ / "m.safetensors", {});
  EXPECT_TRUE(SafetensorsFile::open(folder_ / "m.safetensors").tensors().empty());
}

TEST_F(Safetensors, UnknownTensorIsNamed) {
  write_safetensors(folder_ / "m.safetensors", {});
  expect_error(ErrorKind::kBadData, {"m.safetensors", "'lm_head.weight'"},
               [&] { SafetensorsFile::open(folder_ / "m.safetensors").data("lm_head.weight"); });
}

TEST_F(Safetensors, MissingFileIsMissingInput) {
  expect_error(ErrorKind::kMissingInput, {"none.safetensors"},
               [&] { SafetensorsFile::open(folder_ / "none.safetensors"); });
  expect_error(ErrorKind::kMissingInput, {folder_.string()}, [&] { SafetensorsFile::open(folder_); });
}

TEST_F(Safetensors, StaysReadableAfterAMove) {
  const float value = 4;
  write_safetensors(folder_ / "m.safetensors", {{"x", DType::kF32, {1}, &value}});
  SafetensorsFile first = SafetensorsFile::open(folder_ / "m.safetensors");
  const SafetensorsFile second = std::move(first);
  EXPECT_EQ(std::memcmp(second.data("x").data(), &value, 4), 0);
}

TEST_F(Safetensors, PythonReadsOursAndWeReadPythons) {
  ROPEWAY_NEEDS_PYTHON();
  const std::vector<float> floats = {0.1f, -2.25f, 3e38f, 1e-45f, 5.0f, 6.0f};
  const std::vector<double> doubles = {0.1, -1e300};
  const std::vector<bfloat16> brains = {bfloat16(1.0f), bfloat16(-3.5f), bfloat16(0.1f)};
  const std::vector<int32_t> ints = {1, -2, INT32_MAX};
  const std::vector<uint8_t> bools = {1, 0};
  write_safetensors(folder_ / "ours.safetensors", {{"floats", DType::kF32, {2, 3}, floats.data()},
                                                   {"doubles", DType::kF64, {2}, doubles.data()},
                                                   {"brains", DType::kBF16, {3}, brains.data()},
                                                   {"ints \"quoted\" é", DType::kI32, {3, 1}, ints.data()},
                                                   {"bools", DType::kBool, {2}, bools.data()},
                                                   {"scalar", DType::kF32, {}, floats.data()},
                                                   {"empty", DType::kF16, {0, 5}, nullptr}});
  const std::string output = run_python(fmt::format(R"PY(
import torch, safetensors, safetensors.torch as st
ours = st.load_file('{0}/ours.safetensors')
with safetensors.safe_open('{0}/ours.safetensors', 'pt') as f: print(f.metadata())
for name in sorted(ours): print(name, ours[name].dtype, list(ours[name].shape))
print(*[repr(float(x)) for x in ours['floats'].double().flatten()])
print(*[repr(float(x)) for x in ours['doubles']])
print(*[repr(float(x)) for x in ours['brains'].double()])
print(*ours['ints "quoted" é'].flatten().tolist())
theirs = {{'b': torch.arange(6, dtype=torch.bfloat16).reshape(3, 2), 'a.u8': torch.tensor([1, 2, 3], dtype=torch.uint8),
          'f64': torch.tensor(0.1, dtype=torch.float64), 'z': torch.zeros(4, 0)}}
st.save_file(theirs, '{0}/theirs.safetensors', metadata={{'format': 'pt', 'note': 'ü'}})
)PY",
                                                    folder_.string()));
  const auto lines = lines_of(output);
  ASSERT_EQ(lines.size(), 12u) << output;
  EXPECT_EQ(lines[0], "{'format': 'pt'}");
  EXPECT_EQ(lines[1], "bools torch.bool [2]");
  EXPECT_EQ(lines[2], "brains torch.bfloat16 [3]");
  EXPECT_EQ(lines[3], "doubles torch.float64 [2]");
  EXPECT_EQ(lines[4], "empty torch.float16 [0, 5]");
  EXPECT_EQ(lines[5], "floats torch.float32 [2, 3]");
  EXPECT_EQ(lines[6], "ints \"quoted\" é torch.int32 [3, 1]");
  EXPECT_EQ(lines[7], "scalar torch.float32 []");
  EXPECT_EQ(numbers_of(lines[8]), std::vector<double>(floats.begin(), floats.end()));
  EXPECT_EQ(numbers_of(lines[9]), doubles);
  EXPECT_EQ(numbers_of(lines[10]), (std::vector<double>{1.0, -3.5, static_cast<float>(brains[2])}));
  EXPECT_EQ(lines[11], "1 -2 2147483647");

  const SafetensorsFile theirs = SafetensorsFile::open(folder_ / "theirs.safetensors");
  EXPECT_EQ(theirs.metadata().at("note"), "ü");
  EXPECT_EQ(theirs.tensors().at("b").shape, (std::vector<int64_t>{3, 2}));
  for (int i = 0; i < 6; ++i) {
    bfloat16 value;
    std::memcpy(&value, theirs.data("b").data() + 2 * i, 2);
    EXPECT_EQ(static_cast<float>(value), static_cast<float>(i));
  }
  double tenth = 0;
  std::memcpy(&tenth, theirs.data("f64").data(), 8);
  EXPECT_EQ(tenth, 0.1);
  EXPECT_EQ(theirs.data("z").size(), 0u);
}

}  // namespace
}  // namespace ropeway
