// What a well-formed file holds.
#include "trainer/formats/gguf/gguf_file.h"

#include "tests/support/folder_test.h"
#include "tests/trainer/formats/gguf/gguf_bytes.h"

namespace ropeway {
namespace {

class GgufFileTest : public FolderTest {
 protected:
  GgufFile open(const GgufBytes& gguf) {
    const std::filesystem::path path = folder_ / "model.gguf";
    write_bytes(path, gguf.file());
    return GgufFile::open(path);
  }
};

TEST_F(GgufFileTest, ReadsMetadataOfEveryKind) {
  const GgufFile file = open(small_gguf());
  EXPECT_EQ(file.at("general.architecture").string(), "llama");
  EXPECT_EQ(file.at("llama.block_count").integer(1, 10), 7);
  EXPECT_EQ(file.at("a.float").number(), 1e-5);
  EXPECT_TRUE(file.at("a.flag").boolean());
  EXPECT_EQ(file.at("a.negative").integer(-10, 10), -3);
  EXPECT_THAT(file.at("a.strings").strings(), testing::ElementsAre("ab", ""));
  EXPECT_THAT(file.at("a.numbers").numbers(), testing::ElementsAre(0.5, 2.0));
  EXPECT_THAT(file.at("a.integers").integers(), testing::ElementsAre(1, -1));
  EXPECT_FALSE(file.find("a.missing").has_value());
  EXPECT_EQ(file.keys().size(), 8);
}

TEST_F(GgufFileTest, GivesShapesSlowestFirst) {
  GgufBytes gguf;
  gguf.tensor("matrix", {3, 2}, 0, 0);
  gguf.data = raw(0.0f) + raw(1.0f) + raw(2.0f) + raw(3.0f) + raw(4.0f) + raw(5.0f);
  const GgufFile file = open(gguf);
  const GgufTensor& matrix = file.tensor("matrix");
  EXPECT_THAT(matrix.shape, testing::ElementsAre(2, 3));
  std::vector<float> row(3);
  matrix.read_row(1, row.data());
  EXPECT_THAT(row, testing::ElementsAre(3, 4, 5));
}

TEST_F(GgufFileTest, ReadsVersionTwo) {
  GgufBytes gguf = small_gguf();
  gguf.version = 2;
  EXPECT_EQ(open(gguf).tensors().size(), 2);
}

TEST_F(GgufFileTest, TensorsMayStandInAnyOrder) {
  GgufBytes gguf = small_gguf();
  std::swap(gguf.table[0], gguf.table[1]);
  float out[4];
  open(gguf).tensor("second").read_row(0, out);
  EXPECT_EQ(out[0], 5);
}

TEST_F(GgufFileTest, GettersNameFileKeyAndWhatWasFound) {
  const GgufFile file = open(small_gguf());
  const auto refused = [&](const std::vector<std::string>& said, const std::function<void()>& action) {
    expect_error(ErrorKind::kBadData, said, action);
  };
  refused({"model.gguf: llama.block_count: found 7, wanted an integer from 8 to 9"},
          [&] { file.at("llama.block_count").integer(8, 9); });
  refused({"a.float: found 1e-05, wanted an integer"}, [&] { file.at("a.float").integer(0, 9); });
  refused({"general.architecture: found the string \"llama\", wanted a number"},
          [&] { file.at("general.architecture").number(); });
  refused({"a.flag: found true, wanted a string"}, [&] { file.at("a.flag").string(); });
  refused({"a.strings: found an array of 2, wanted true or false"}, [&] { file.at("a.strings").boolean(); });
  refused({"a.numbers", "wanted an array of integers"}, [&] { file.at("a.numbers").integers(); });
  refused({"a.integers", "wanted an array of strings"}, [&] { file.at("a.integers").strings(); });
  refused({"model.gguf: a.missing: missing"}, [&] { file.at("a.missing"); });
  refused({"model.gguf: holds no tensor 'third'"}, [&] { file.tensor("third"); });
}

TEST_F(GgufFileTest, StringsThatAreNotUtf8AreRefusedWhenAskedFor) {
  GgufBytes gguf;
  gguf.text("overlong", "\xc0\x80");
  gguf.text("nul", std::string("a\0b", 3));
  gguf.pair("list", 9, raw<uint32_t>(8) + raw<uint64_t>(2) + gguf_string("ok") + gguf_string("\xed\xa0\x80"));
  const GgufFile file = open(gguf);
  expect_error(ErrorKind::kBadData, {"overlong", "UTF-8"}, [&] { file.at("overlong").string(); });
  expect_error(ErrorKind::kBadData, {"nul", "without NUL"}, [&] { file.at("nul").string(); });
  expect_error(ErrorKind::kBadData, {"list[1]", "UTF-8"}, [&] { file.at("list").strings(); });
}

}  // namespace
}  // namespace ropeway
