// Dequantised rows against PyPI gguf, bit for bit: random blocks of every type (random bytes, with scales
// that are finite), and values to be quantised, all in one call of the oracle.
#include "trainer/formats/gguf/dequantize.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/base/random.h"
#include "tests/support/folder_test.h"
#include "tests/support/python.h"

namespace ropeway {
namespace {

constexpr int64_t kElements = 1 << 16;
const GgmlType kTypes[] = {GgmlType::kF32,  GgmlType::kF16,  GgmlType::kBF16, GgmlType::kQ4_0,
                           GgmlType::kQ4_1, GgmlType::kQ5_0, GgmlType::kQ5_1, GgmlType::kQ8_0,
                           GgmlType::kQ4_K, GgmlType::kQ5_K, GgmlType::kQ6_K};

constexpr const char* kOracle = R"(
import numpy as np
from gguf.constants import GGMLQuantizationType as T
from gguf.quants import dequantize, quantize
folder = FOLDER
for name in "F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q4_K Q5_K Q6_K".split():
    data = np.fromfile(f"{folder}/{name}.blocks", dtype=np.uint8)
    dequantize(data.reshape(1, -1), T[name]).astype(np.float32).tofile(f"{folder}/{name}.values")
values = np.fromfile(f"{folder}/values", dtype=np.float32).reshape(-1, 1024)
for name in "F16 BF16 Q8_0".split():
    quantize(values, T[name]).tofile(f"{folder}/{name}.quantized")
)";

std::string bytes_of_floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

// Random bytes; binary16 and wider numbers are made finite, as they are in files.
std::string random_blocks(GgmlType type, Philox& draws) {
  std::string bytes(static_cast<size_t>(ggml_row_bytes(type, kElements)), '\0');
  for (char& byte : bytes) byte = static_cast<char>(draws.below(256));
  const GgmlLayout& layout = layout_of(type);
  // The high byte of a number: without the exponent's top bit it is finite.
  const auto finite = [&](size_t at) { bytes[at] = static_cast<char>(bytes[at] & 0xbf); };
  for (size_t block = 0; block < bytes.size(); block += static_cast<size_t>(layout.block_bytes)) {
    if (type == GgmlType::kF32) {
      finite(block + 3);
    } else if (type == GgmlType::kQ6_K) {
      finite(block + 209);
    } else {
      finite(block + 1);
      if (type != GgmlType::kF16 && type != GgmlType::kBF16 && type != GgmlType::kQ8_0) finite(block + 3);
    }
  }
  return bytes;
}

class DequantizeTest : public FolderTest {};

TEST_F(DequantizeTest, EqualToPyPiGgufToTheLastBit) {
  ROPEWAY_NEEDS_PYTHON();
  Philox draws(3, Stream::kEvaluation, 0);
  for (const GgmlType type : kTypes) {
    write_bytes(folder_ / (std::string(layout_of(type).name) + ".blocks"), random_blocks(type, draws));
  }
  // Weights as they are, and what is awkward: zeros, one outlier, halves to be rounded, tiny values.
  std::vector<float> values;
  for (int64_t i = 0; i < kElements; ++i) {
    const double scale = std::pow(10.0, -static_cast<double>(i / 1024 % 8));
    values.push_back(static_cast<float>((draws.uniform() - 0.5) * scale));
  }
  std::fill_n(values.begin(), 32, 0.0f);
  for (int i = 32; i < 64; ++i) values[i] = static_cast<float>(i - 47) * 0.5f;
  values[63] = 127;
  values[64] = 1e4f;
  write_bytes(folder_ / "values", bytes_of_floats(values));
  run_python("FOLDER = '" + folder_.string() + "'\n" + kOracle);
  ASSERT_FALSE(HasFailure());

  for (const GgmlType type : kTypes) {
    const std::string name(layout_of(type).name);
    const std::string blocks = read_bytes(folder_ / (name + ".blocks"));
    std::vector<float> found(kElements);
    dequantize_row(type, reinterpret_cast<const std::byte*>(blocks.data()), kElements, found.data());
    EXPECT_TRUE(bytes_of_floats(found) == read_bytes(folder_ / (name + ".values"))) << name;
  }
  for (const GgmlType type : {GgmlType::kF16, GgmlType::kBF16, GgmlType::kQ8_0}) {
    std::string found(static_cast<size_t>(ggml_row_bytes(type, kElements)), '\0');
    EXPECT_TRUE(quantize_row(type, values.data(), kElements, reinterpret_cast<std::byte*>(found.data())));
    const std::string name(layout_of(type).name);
    EXPECT_TRUE(found == read_bytes(folder_ / (name + ".quantized"))) << name;
  }
}

TEST(QuantizeRow, SaysWhatATypeCannotHold) {
  std::vector<float> row(32, 1.0f);
  std::vector<std::byte> out(64);
  row[5] = 70000;
  EXPECT_FALSE(quantize_row(GgmlType::kF16, row.data(), 32, out.data()));
  EXPECT_TRUE(quantize_row(GgmlType::kBF16, row.data(), 32, out.data()));
  EXPECT_TRUE(quantize_row(GgmlType::kQ8_0, row.data(), 32, out.data()));
  row[5] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(quantize_row(GgmlType::kQ8_0, row.data(), 32, out.data()));
  row[5] = std::nanf("");
  EXPECT_FALSE(quantize_row(GgmlType::kQ8_0, row.data(), 32, out.data()));
}

}  // namespace
}  // namespace ropeway
