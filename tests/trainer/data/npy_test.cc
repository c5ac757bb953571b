#include "trainer/data/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <span>
#include <sstream>

#include "tests/support/errors.h"
#include "tests/support/python.h"
#include "tests/support/temp_dir.h"
#include "trainer/data/documents.h"
#include "trainer/data/token_ids.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;

std::vector<int32_t> ids_of(const std::filesystem::path& file, int64_t vocab_size) {
  std::vector<int32_t> all;
  read_token_ids(file, vocab_size, [&](std::span<const int32_t> ids, int64_t document, bool) {
    EXPECT_EQ(document, 0);
    all.insert(all.end(), ids.begin(), ids.end());
  });
  return all;
}

TEST(Npy, ReadsWhatNumpyWrites) {
  ROPEWAY_NEEDS_PYTHON();
  const TempDir folder;
  const std::string names = run_python(R"(
import sys, numpy as np
ids = np.array([0, 1, 125, 17, 100, 42])
for kind in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"):
    for order in "<>":
        for major in (1, 2):
            name = f"{kind}{'big' if order == '>' else 'little'}{major}.npy"
            with open(f"{sys.argv[1]}/{name}", "wb") as f:
                np.lib.format.write_array(f, ids.astype(order + kind), version=(major, 0))
            print(name)
np.save(f"{sys.argv[1]}/fortran.npy", np.asfortranarray(ids))
print("fortran.npy")
)",
                                       folder.path().string());
  std::istringstream lines(names);
  size_t files = 0;
  for (std::string name; std::getline(lines, name); ++files) {
    EXPECT_EQ(ids_of(folder / name, 126), (std::vector<int32_t>{0, 1, 125, 17, 100, 42})) << name;
  }
  EXPECT_EQ(files, 8u * 2 * 2 + 1);
}

TEST(Npy, IdsBeyondTheVocabularyAreNamedInFullWhateverTheirType) {
  ROPEWAY_NEEDS_PYTHON();
  const TempDir folder;
  run_python(R"(
import sys, numpy as np
for kind, bad in (("i1", -1), ("u2", 65535), ("u4", 2**32 - 1), ("i8", -2**63), ("u8", 2**64 - 1), (">u8", 2**63)):
    np.save(f"{sys.argv[1]}/{kind}.npy", np.array([3, bad], dtype=kind))
long = np.full(3_000_000, 5, "<u2")
long[2_500_000] = 300
np.save(f"{sys.argv[1]}/long.npy", long)
)",
             folder.path().string());
  const auto refusal = [&](const std::string& name) {
    const auto error = error_of([&] { ids_of(folder / (name + ".npy"), 300); });
    return error ? std::string(error->what()) : "no error";
  };
  EXPECT_THAT(refusal("i1"), HasSubstr("index 1 holds token id -1, outside the model's vocabulary [0, 300)"));
  EXPECT_THAT(refusal("u2"), HasSubstr("index 1 holds token id 65535"));
  EXPECT_THAT(refusal("u4"), HasSubstr("index 1 holds token id 4294967295"));
  EXPECT_THAT(refusal("i8"), HasSubstr("index 1 holds token id -9223372036854775808"));
  EXPECT_THAT(refusal("u8"), HasSubstr("index 1 holds token id 18446744073709551615"));
  EXPECT_THAT(refusal(">u8"), HasSubstr("index 1 holds token id 9223372036854775808"));
  EXPECT_THAT(refusal("long"), HasSubstr("index 2500000 holds token id 300"));
}

TEST(Npy, NumpyReadsWhatIsWritten) {
  ROPEWAY_NEEDS_PYTHON();
  const TempDir folder;
  const float infinity = std::numeric_limits<float>::infinity();
  write_npy_float32(folder / "nll.npy", std::vector<float>{0.1f, -2.5f, 1e-40f, infinity, 5, 6}, 2, 3);
  const std::string output = run_python(R"(
import sys, numpy as np
a = np.load(sys.argv[1] + "/nll.npy", mmap_mode="r")
print(a.shape, a.dtype, a.flags["C_CONTIGUOUS"], a.offset % 64)
print(a.tobytes() == np.array([0.1, -2.5, 1e-40, np.inf, 5, 6], dtype="float32").tobytes())
)",
                                        folder.path().string());
  EXPECT_EQ(output, "(2, 3) float32 True 0\nTrue\n");
}

std::string npy(const std::string& dictionary, const std::string& values, char major = 1, char minor = 0) {
  std::string header = dictionary + "\n";
  std::string file = "\x93NUMPY";
  file += {major, minor, static_cast<char>(header.size() & 0xFF), static_cast<char>(header.size() >> 8)};
  if (major == 2) file += {0, 0};
  return file + header + values;
}

constexpr const char* kGood = "{'descr': '<u2', 'fortran_order': False, 'shape': (2,), }";
const std::string kValues("\x05\x00\x06\x00", 4);

TEST(Npy, TheCorpusOfBadFilesIsSpoiledFromAGoodOne) {
  const TempDir folder;
  write_bytes(folder / "a.npy", npy(kGood, kValues));
  EXPECT_EQ(ids_of(folder / "a.npy", 7), (std::vector<int32_t>{5, 6}));
}

struct BadNpy {
  const char* name;
  std::string file;
  const char* message;
};
void PrintTo(const BadNpy& bad, std::ostream* out) { *out << bad.name; }

class BadNpyFile : public ::testing::TestWithParam<BadNpy> {};

TEST_P(BadNpyFile, IsRefused) {
  const TempDir folder;
  write_bytes(folder / "ids.npy", GetParam().file);
  const auto error = error_of([&] { ids_of(folder / "ids.npy", 7); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kBadData);
  EXPECT_THAT(error->what(), HasSubstr((folder / "ids.npy").string()));
  EXPECT_THAT(error->what(), HasSubstr(GetParam().message));
  EXPECT_LT(std::string(error->what()).size(), 500u);
}

std::string dictionary(const std::string& descr, const std::string& order, const std::string& shape) {
  return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

INSTANTIATE_TEST_SUITE_P(
    Corpus, BadNpyFile,
    ::testing::Values(
        BadNpy{"empty", "", "not a .npy file"}, BadNpy{"text", "0 1 2 3 4 5 6 7\n", "not a .npy file"},
        BadNpy{"version_three", npy(kGood, kValues, 3), "version 3.0"},
        BadNpy{"version_one_one", npy(kGood, kValues, 1, 1), "version 1.1"},
        BadNpy{"cut_in_header", npy(kGood, kValues).substr(0, 40), "inside the .npy header"},
        BadNpy{"cut_in_length", npy(kGood, kValues, 2).substr(0, 10), "inside the .npy header"},
        BadNpy{"cut_in_values", npy(kGood, kValues.substr(0, 3)),
               "3 bytes follow the header, wanted 2 values"},
        BadNpy{"one_value_short", npy(kGood, kValues.substr(0, 2)), "2 bytes follow"},
        BadNpy{"bytes_left_over", npy(kGood, kValues + "x"), "5 bytes follow"},
        BadNpy{"size_overflows", npy(dictionary("'<u2'", "False", "(9223372036854775807,)"), kValues),
               "4 bytes follow"},
        BadNpy{"size_beyond_64_bits", npy(dictionary("'<u2'", "False", "(99999999999999999999,)"), kValues),
               "beyond 64 bits"},
        BadNpy{"negative_size", npy(dictionary("'<u2'", "False", "(-2,)"), kValues), "no number"},
        BadNpy{"big_endian", npy(dictionary("'>u2'", "False", "(2,)"), kValues), "token id 1280"},
        BadNpy{"booleans", npy(dictionary("'|b1'", "False", "(4,)"), kValues), "type '|b1'"},
        BadNpy{"three_bytes", npy(dictionary("'<u3'", "False", "(2,)"), kValues), "type '<u3'"},
        BadNpy{"floats", npy(dictionary("'<f4'", "False", "(1,)"), kValues), "type '<f4'"},
        BadNpy{"objects", npy(dictionary("'|O'", "False", "(1,)"), kValues), "type '|O'"},
        BadNpy{"records", npy(dictionary("[('a', '<u2')]", "False", "(2,)"), kValues), "no '''"},
        BadNpy{"two_dimensions", npy(dictionary("'<u2'", "False", "(1, 2)"), kValues), "2 dimensions"},
        BadNpy{"scalar", npy(dictionary("'<u2'", "False", "()"), kValues.substr(0, 2)), "0 dimensions"},
        BadNpy{"number_for_flag", npy(dictionary("'<u2'", "0", "(2,)"), kValues), "neither True nor False"},
        BadNpy{"shape_is_no_tuple", npy(dictionary("'<u2'", "False", "(2)"), kValues), "no ',' after"},
        BadNpy{"no_values", npy(dictionary("'<u2'", "False", "(0,)"), ""), "no token ids"},
        BadNpy{"unknown_key", npy("{'descr': '<u2', 'x': 1}", kValues), "unknown or repeated key 'x'"},
        BadNpy{"long_key", npy("{'" + std::string(5000, 'k') + "': 1}", kValues), "kkk...'"},
        BadNpy{"repeated_key", npy("{'descr': '<u2', 'descr': '<u2'}", kValues), "repeated key 'descr'"},
        BadNpy{"key_missing", npy("{'descr': '<u2', 'shape': (2,)}", kValues),
               "no descr, fortran_order or shape"},
        BadNpy{"not_closed", npy("{'descr': '<u2", kValues), "open string"},
        BadNpy{"text_after", npy(std::string(kGood) + " 1", kValues), "after the dictionary"},
        BadNpy{"id_too_large", npy(kGood, std::string("\x05\x00\x07\x00", 4)), "index 1 holds token id 7"},
        BadNpy{"id_negative", npy(dictionary("'<i4'", "False", "(1,)"), std::string(4, '\xFF')),
               "index 0 holds token id -1"},
        BadNpy{"id_wraps_at_32_bits",
               npy(dictionary("'<i8'", "False", "(1,)"), std::string("\x05\0\0\0\x01\0\0\0", 8)),
               "holds token id 4294967301"}),
    [](const auto& param) { return param.param.name; });

TEST(NpyDocument, IsOneDocumentOfOneByteATokenWithAFingerprintOfItsIds) {
  const TempDir folder;
  write_bytes(folder / "a.npy", npy(kGood, kValues));
  const Documents documents = load_token_file(folder / "a.npy", 7);
  ASSERT_EQ(documents.count(), 1u);
  EXPECT_THAT(documents.tokens(0), ::testing::ElementsAre(5, 6));
  EXPECT_EQ(documents.bytes(0), 2);
  write_bytes(folder / "a.npy", npy(kGood, std::string("\x05\x00\x04\x00", 4)));
  EXPECT_NE(load_token_file(folder / "a.npy", 7).fingerprint(), documents.fingerprint());
}

TEST(NpyDocument, AMissingFileIsMissingInput) {
  const auto error = error_of([] { load_token_file("/nonexistent/ids.npy", 7); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind(), ErrorKind::kMissingInput);
}

}  // namespace
}  // namespace ropeway
