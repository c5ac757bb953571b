// What a well-formed file holds.
#include "trainer/formats/gguf/gguf_file.h"

#include "tests/support/folder_test.h"
#include "tests/support/python.h"
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

class GgufSplitTest : public GgufFileTest {
 protected:
  std::filesystem::path part(int number) const {
    return folder_ / fmt::format("m-{:05}-of-00002.gguf", number);
  }
  // Two parts, each with a matrix of four floats.
  void write_part(int number, const std::string& tensor, uint32_t stated, uint32_t count = 2) const {
    GgufBytes gguf;
    if (number == 1) gguf.text("general.architecture", "llama");
    gguf.pair("split.no", 2, raw(static_cast<uint16_t>(stated)));
    gguf.pair("split.count", 2, raw(static_cast<uint16_t>(count)));
    gguf.pair("split.tensors.count", 5, raw<int32_t>(2));
    gguf.tensor(tensor, {2, 2}, 0, 0);
    for (int i = 0; i < 4; ++i) gguf.data += raw(static_cast<float>(10 * number + i));
    gguf.data.resize(32);
    write_bytes(part(number), gguf.file());
  }
  void write_both() const {
    write_part(1, "first", 0);
    write_part(2, "second", 1);
  }
};

TEST_F(GgufSplitTest, PartsAreOneFile) {
  write_both();
  const GgufFile file = GgufFile::open(part(1));
  EXPECT_EQ(file.at("general.architecture").string(), "llama");
  ASSERT_EQ(file.tensors().size(), 2u);
  std::vector<float> row(2);
  file.tensor("second").read_row(1, row.data());
  EXPECT_THAT(row, testing::ElementsAre(22, 23));
}

TEST_F(GgufSplitTest, WhatIsNamedWronglyOrMissingSaysWhatIsWanted) {
  write_both();
  expect_error(ErrorKind::kBadData, {"part 2 of 2 of a split model", part(1).string()},
               [&] { GgufFile::open(part(2)); });
  std::filesystem::copy_file(part(1), folder_ / "renamed.gguf");
  expect_error(ErrorKind::kBadData, {"first of 2 files of a split model", "NAME-00001-of-00002.gguf"},
               [&] { GgufFile::open(folder_ / "renamed.gguf"); });
  std::filesystem::remove(part(2));
  expect_error(ErrorKind::kMissingInput, {part(2).string(), "split into 2 files"},
               [&] { GgufFile::open(part(1)); });
}

TEST_F(GgufSplitTest, PartsThatDoNotBelongTogetherAreRefused) {
  write_both();
  write_part(2, "first", 1);
  expect_error(ErrorKind::kBadData, {"m-00002", "'first' is in another part"},
               [&] { GgufFile::open(part(1)); });
  write_part(2, "second", 1, 3);
  expect_error(ErrorKind::kBadData, {"says it is part 2 of 3", "wanted part 2 of 2"},
               [&] { GgufFile::open(part(1)); });
  write_part(2, "second", 0);
  expect_error(ErrorKind::kBadData, {"says it is part 1 of 2"}, [&] { GgufFile::open(part(1)); });
}

// PyPI gguf writes the parts.
TEST_F(GgufSplitTest, PartsOfAnotherWriterAreRead) {
  ROPEWAY_NEEDS_PYTHON();
  run_python(fmt::format(R"PY(
import gguf, numpy
w = gguf.GGUFWriter("{}/big.gguf", "llama", split_max_tensors=2)
w.add_block_count(3)
for i in range(5): w.add_tensor(f"t{{i}}", numpy.full((3, 4), i, numpy.float32))
w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
)PY",
                         folder_.string()));
  const GgufFile file = GgufFile::open(folder_ / "big-00001-of-00003.gguf");
  EXPECT_EQ(file.at("llama.block_count").integer(1, 10), 3);
  ASSERT_EQ(file.tensors().size(), 5u);
  for (int i = 0; i < 5; ++i) {
    std::vector<float> row(4);
    file.tensor(fmt::format("t{}", i)).read_row(2, row.data());
    EXPECT_EQ(row, std::vector<float>(4, static_cast<float>(i)));
  }
}

}  // namespace
}  // namespace ropeway
