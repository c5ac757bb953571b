// ropeway convert: what it writes is read by numpy and by Python after Megatron's format, and reads back as it was.
#include <gmock/gmock.h>

#include "tests/faults/run_ropeway.h"
#include "tests/support/python.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;

const std::string kLines = "{\"text\": \"one\"}\n{\"text\": \"zw\\u00f6lf\"}\n{\"text\": \"\\u4e09 b\"}\n";

// Documents of a .npy or of a Megatron data set, a line each.
const char* const kRead = R"(
import sys, struct, numpy
name = sys.argv[1]
if name.endswith(".npy"):
    documents = [numpy.load(name)]
else:
    index = open(name[:-4] + ".idx", "rb").read()
    assert index[:9] == b"MMIDIDX\0\0"
    version, code, sequences, borders = struct.unpack_from("<QBQQ", index, 9)
    assert version == 1
    kind = {4: "<i4", 8: "<u2"}[code]
    lengths = numpy.frombuffer(index, "<i4", sequences, 34)
    offsets = numpy.frombuffer(index, "<i8", sequences, 34 + 4 * sequences)
    marks = numpy.frombuffer(index, "<i8", borders, 34 + 12 * sequences)
    assert len(index) == 34 + 12 * sequences + 8 * borders
    assert list(marks) == list(range(sequences + 1))
    data = open(name[:-4] + ".bin", "rb").read()
    documents = [numpy.frombuffer(data, kind, n, at) for n, at in zip(lengths, offsets)]
with open(sys.argv[2], "w") as out:
    for document in documents:
        print(document.dtype.itemsize, *document, file=out)
)";

class ConvertVerb : public ::testing::Test {
 protected:
  void SetUp() override { ROPEWAY_NEEDS_PYTHON(); }
  std::string read(const std::string& name) const {
    run_python(kRead, scratch_.name(name) + " " + scratch_.name("read"));
    return read_bytes(scratch_.path() / "read");
  }
  Ended convert(const std::string& source, const std::string& target, const std::string& options = "") const {
    return run_ropeway("convert " + scratch_.name(source) + " " + scratch_.name(target) + " " + options);
  }
  void expect_converted(const std::string& source, const std::string& target,
                        const std::string& options = "") const {
    const Ended ended = convert(source, target, options);
    ASSERT_EQ(ended.code, 0) << ended.err;
  }

  const std::string bytes_ = " --tokenizer " + kTinyBase;  // ids are bytes
  TempDir scratch_;
};

TEST_F(ConvertVerb, TextBecomesAMegatronDataSet) {
  scratch_.file("lines.jsonl", kLines);
  expect_converted("lines.jsonl", "a.bin", bytes_);
  EXPECT_EQ(read("a.bin"), "2 111 110 101\n2 122 119 195 182 108 102\n2 228 184 137 32 98\n");
}

TEST_F(ConvertVerb, AndIsTheSameTextAgain) {
  scratch_.file("lines.jsonl", kLines);
  expect_converted("lines.jsonl", "a.idx", bytes_);
  expect_converted("a.bin", "again.jsonl", bytes_);
  EXPECT_EQ(read_bytes(scratch_.path() / "again.jsonl"),
            "{\"text\":\"one\"}\n{\"text\":\"zw\xc3\xb6lf\"}\n{\"text\":\"\xe4\xb8\x89 b\"}\n");
}

TEST_F(ConvertVerb, IdsGoThroughLinesUnchanged) {
  scratch_.file("lines.jsonl", kLines);
  expect_converted("lines.jsonl", "a.bin", bytes_);
  expect_converted("a.bin", "ids.jsonl");
  EXPECT_THAT(read_bytes(scratch_.path() / "ids.jsonl"),
              HasSubstr("{\"input_ids\":[111,110,101],\"labels\":[111,110,101]}\n"));
  expect_converted("ids.jsonl", "b.bin");  // no tokenizer, so that ids take four bytes
  EXPECT_EQ(read("b.bin"), "4 111 110 101\n4 122 119 195 182 108 102\n4 228 184 137 32 98\n");
}

TEST_F(ConvertVerb, ANpyHoldsOneDocumentUnlessTheyAreJoined) {
  scratch_.file("one.txt", "abc");
  expect_converted("one.txt", "one.npy", bytes_);
  EXPECT_EQ(read("one.npy"), "4 97 98 99\n");
  scratch_.file("lines.jsonl", kLines);
  const Ended several = convert("lines.jsonl", "all.npy", bytes_);
  EXPECT_EQ(several.code, 65);
  EXPECT_THAT(several.err, HasSubstr("all.npy: holds one document, and there are several"));
  EXPECT_FALSE(std::filesystem::exists(scratch_.path() / "all.npy"));
  expect_converted("lines.jsonl", "all.npy", bytes_ + " --join");
  EXPECT_EQ(read("all.npy"), "4 111 110 101 122 119 195 182 108 102 228 184 137 32 98\n");
}

TEST_F(ConvertVerb, NothingIsReplacedUnasked) {
  scratch_.file("one.txt", "abc");
  scratch_.file("there.npy", "mine");
  const Ended ended = convert("one.txt", "there.npy", bytes_);
  EXPECT_EQ(ended.code, 73);
  EXPECT_THAT(ended.err, HasSubstr("there.npy: is there already; --force replaces it"));
  EXPECT_EQ(read_bytes(scratch_.path() / "there.npy"), "mine");
  expect_converted("one.txt", "there.npy", bytes_ + " --force");
  EXPECT_EQ(read("there.npy"), "4 97 98 99\n");
}

TEST_F(ConvertVerb, WhatCannotBeIsRefusedAndLeavesNothing) {
  scratch_.file("one.txt", "abc");
  scratch_.file("chat.jsonl", "{\"prompt\": \"a\", \"completion\": \"b\"}\n");
  const auto refused = [&](const std::string& source, const std::string& target, const std::string& options,
                           int code) {
    const Ended ended = convert(source, target, options);
    EXPECT_EQ(ended.code, code) << source;
    return ended.err;
  };
  EXPECT_THAT(refused("one.txt", "a.bin", "", 2), HasSubstr("holds text, wanted a model whose tokenizer"));
  EXPECT_THAT(refused("one.txt", "a.parquet", bytes_, 2), HasSubstr("wanted .npy, .bin or .jsonl"));
  EXPECT_THAT(refused("chat.jsonl", "a.bin", bytes_, 65),
              HasSubstr("chat.jsonl:1: an example of instruction data"));
  refused("gone.txt", "a.bin", bytes_, 66);
  for (const std::string& name : names_in(scratch_.path())) EXPECT_NE(name.substr(0, 2), "a.") << name;
}

}  // namespace
}  // namespace ropeway
