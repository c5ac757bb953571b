// Broken safetensors files, one for every rule of the format: each must be refused with kBadData and a
// message that names the file, the tensor and the numbers.
#include <cstring>

#include "kernels/base/random.h"
#include "tests/support/folder_test.h"
#include "tests/support/python.h"
#include "trainer/formats/safetensors/safetensors_reader.h"

namespace ropeway {
namespace {

using namespace std::string_literals;

std::string file_of(const std::string& header, int64_t data_bytes, uint64_t length) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + std::string(data_bytes, 'd');
}
std::string file_of(const std::string& header, int64_t data_bytes = 0) {
  return file_of(header, data_bytes, header.size());
}
// One F32 tensor "t" of 8 bytes with one field replaced.
std::string tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return fmt::format(R"({{"t":{{"dtype":{},"shape":{},"data_offsets":{}}}}})", dtype, shape, offsets);
}
std::string with_dtype(const std::string& dtype) { return file_of(tensor(dtype, "[2]", "[0,8]"), 8); }
std::string with_shape(const std::string& shape) { return file_of(tensor("\"F32\"", shape, "[0,8]"), 8); }
std::string with_offsets(const std::string& offsets) { return file_of(tensor("\"F32\"", "[2]", offsets), 8); }
// Two U8 tensors a and b with the given offsets.
std::string two(int64_t a0, int64_t a1, int64_t b0, int64_t b1, int64_t data_bytes) {
  return file_of(fmt::format(R"({{"a":{{"dtype":"U8","shape":[{}],"data_offsets":[{},{}]}},)"
                             R"("b":{{"dtype":"U8","shape":[{}],"data_offsets":[{},{}]}}}})",
                             a1 - a0, a0, a1, b1 - b0, b0, b1),
                 data_bytes);
}

struct Broken {
  const char* name;
  std::string bytes;
  std::vector<std::string> fragments;
};

std::vector<Broken> corpus() {
  const std::string deep(100000, '['), good = tensor("\"F32\"", "[2]", "[0,8]");
  return {
      {"empty", "", {"needs at least 8 bytes", "has 0"}},
      {"seven_bytes", std::string(7, '\0'), {"needs at least 8 bytes", "has 7"}},
      {"length_max", file_of("{}", 0, UINT64_MAX), {"claims 18446744073709551615 bytes", "at most 33554432"}},
      {"length_sign", file_of("{}", 0, uint64_t{1} << 63), {"claims 9223372036854775808 bytes"}},
      {"length_over_cap", file_of("{}", 0, (32 << 20) + 1), {"claims 33554433 bytes", "at most 33554432"}},
      {"length_over_file", file_of("{}", 0, 3), {"claims 3 bytes", "has 2"}},
      {"length_zero", file_of("{}", 0, 0), {"wanted '{'"}},
      {"leading_space", file_of(" {}"), {"begins with byte 0x20", "wanted '{'"}},
      {"array_header", file_of("[]"), {"begins with byte 0x5b"}},
      {"bad_utf8", file_of("{\"\xff\xff\":1}"), {"header, byte", "UTF-8"}},
      {"bad_json", file_of("{\"a\":}"), {"header, byte 6", "not valid JSON"}},
      {"cut_json", file_of(good.substr(0, 20), 8), {"not valid JSON", "unexpected end of input"}},
      {"trailing_garbage", file_of(good + "}", 8), {"not valid JSON"}},
      {"trailing_document", file_of(good + " {}", 8), {"not valid JSON"}},
      {"trailing_nul", file_of(good + "\0\0garbage"s, 8), {"a NUL byte"}},
      {"comment", file_of("{/*x*/}"), {"not valid JSON"}},
      {"duplicate_tensor",
       file_of(good.substr(0, good.size() - 1) + "," + good.substr(1), 8),
       {"tensor 't' occurs twice"}},
      {"duplicate_field",
       file_of(R"({"t":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8),
       {"tensor 't'", "'dtype' occurs twice"}},
      {"duplicate_metadata_key",
       file_of(R"({"__metadata__":{"a":"1","a":"2"}})"),
       {"__metadata__", "'a' occurs twice"}},
      {"duplicate_metadata",
       file_of(R"({"__metadata__":{},"__metadata__":{}})"),
       {"__metadata__ occurs twice"}},
      {"overlap", two(0, 8, 4, 12, 12), {"tensors 'a' [0, 8] and 'b' [4, 12] overlap"}},
      {"same_place", two(0, 8, 0, 8, 8), {"'a' [0, 8]", "'b' [0, 8]", "overlap"}},
      {"inside", two(0, 8, 2, 4, 8), {"'a'", "'b'", "overlap"}},
      {"hole_at_start", two(4, 8, 8, 12, 12), {"a hole of 4 bytes before tensor 'a'"}},
      {"hole_between",
       two(0, 4, 8, 12, 12),
       {"a hole of 4 bytes before tensor 'b'", "ends at 4", "begins at 8"}},
      {"bytes_after", two(0, 4, 4, 8, 9), {"1 bytes after the last tensor", "take 8", "has 9"}},
      {"bytes_without_tensors", file_of("{}", 5), {"5 bytes after the last tensor"}},
      {"truncated", two(0, 4, 4, 8, 7), {"tensor 'b'", "ends at byte 8", "has 7"}},
      {"begin_after_end", with_offsets("[8,0]"), {"tensor 't'", "begins at 8 and ends before it, at 0"}},
      {"size_mismatch", with_shape("[3]"), {"tensor 't'", "[3] of F32 takes 12 bytes", "[0, 8] hold 8"}},
      {"scalar_mismatch", with_shape("[]"), {"tensor 't'", "takes 4 bytes"}},
      {"product_overflow",
       with_shape("[4294967296,4294967296]"),
       {"tensor 't'", "overflows", "4294967296, 4294967296"}},
      {"element_overflow", with_shape("[281474976710656,16384]"), {"tensor 't'", "overflows"}},
      {"overflow_then_zero",
       file_of(tensor("\"F32\"", "[281474976710656,281474976710656,0]", "[0,0]")),
       {"tensor 't'", "overflows"}},
      {"dim_over_limit",
       with_shape("[281474976710657]"),
       {"tensor 't'", "a dimension of 281474976710657", "2^48"}},
      {"dim_2_61",
       with_shape("[2305843009213693952,8]"),
       {"tensor 't'", "a dimension of 2305843009213693952"}},
      {"nine_dims", with_shape("[1,1,1,1,1,1,1,1,2]"), {"tensor 't'", "more than 8 dimensions"}},
      {"shape_negative", with_shape("[-1]"), {"tensor 't'", "shape: found -1"}},
      {"shape_fraction", with_shape("[1.5]"), {"shape: found 1.5", "an integer"}},
      {"shape_float", with_shape("[2.0]"), {"shape: found 2.0"}},
      {"shape_huge", with_shape("[1e20]"), {"shape: found 1e20"}},
      {"shape_string", with_shape("[\"2\"]"), {"shape: found \"2\""}},
      {"shape_bool", with_shape("[true]"), {"shape: found true"}},
      {"shape_null", with_shape("[null]"), {"shape: found null"}},
      {"shape_nested", with_shape("[[2]]"), {"shape: found an array"}},
      {"shape_not_array", with_shape("2"), {"shape: found 2, wanted an array"}},
      {"shape_object", with_shape("{}"), {"shape: found an object"}},
      {"offset_negative", with_offsets("[-1,8]"), {"data_offsets: found -1"}},
      {"offset_fraction", with_offsets("[0,8.5]"), {"data_offsets: found 8.5"}},
      {"offset_huge", with_offsets("[0,1e20]"), {"data_offsets: found 1e20"}},
      {"offset_2_64", with_offsets("[0,18446744073709551615]"), {"data_offsets: 18446744073709551615"}},
      {"offset_string", with_offsets("[0,\"8\"]"), {"data_offsets: found \"8\""}},
      {"offset_null", with_offsets("[0,null]"), {"data_offsets: found null"}},
      {"offset_one", with_offsets("[0]"), {"data_offsets: 1 numbers"}},
      {"offset_three", with_offsets("[0,4,8]"), {"data_offsets: more than two"}},
      {"offset_end_over_file",
       with_offsets("[9223372036854775799,9223372036854775807]"),
       {"tensor 't'", "ends at byte"}},
      {"dtype_unknown", with_dtype("\"F8_E4M3\""), {"tensor 't'", "unsupported 'F8_E4M3'"}},
      {"dtype_lower_case", with_dtype("\"f32\""), {"unsupported 'f32'"}},
      {"dtype_number", with_dtype("32"), {"tensor 't'", "dtype: found 32, wanted a string"}},
      {"dtype_null", with_dtype("null"), {"dtype: found null"}},
      {"dtype_object", with_dtype("{}"), {"dtype: found an object"}},
      {"dtype_missing",
       file_of(R"({"t":{"shape":[2],"data_offsets":[0,8]}})", 8),
       {"tensor 't'", "dtype is missing"}},
      {"shape_missing", file_of(R"({"t":{"dtype":"F32","data_offsets":[0,8]}})", 8), {"shape is missing"}},
      {"offsets_missing", file_of(R"({"t":{"dtype":"F32","shape":[2]}})", 8), {"data_offsets is missing"}},
      {"field_unknown",
       file_of(R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})", 8),
       {"unknown key 'x'"}},
      {"tensor_number", file_of("{\"t\":5}"), {"tensor 't': found 5, wanted an object"}},
      {"tensor_array", file_of("{\"t\":[]}"), {"tensor 't': found an array"}},
      {"tensor_null", file_of("{\"t\":null}"), {"tensor 't': found null"}},
      {"name_empty",
       file_of(R"({"":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8),
       {"an empty name"}},
      {"name_long",
       file_of("{\"" + std::string(513, 'n') + "\":{}}"),
       {"a name of 513 bytes", "at most 512"}},
      {"name_nul", file_of("{\"a\\u0000b\":{}}"), {"a NUL byte in the name"}},
      {"metadata_number",
       file_of(R"({"__metadata__":{"step":1}})"),
       {"__metadata__: step: found 1, wanted a string"}},
      {"metadata_null", file_of(R"({"__metadata__":{"step":null}})"), {"__metadata__: step: found null"}},
      {"metadata_string", file_of(R"({"__metadata__":"x"})"), {"__metadata__"}},
      {"metadata_nested",
       file_of(R"({"__metadata__":{"a":{"b":"c"}}})"),
       {"__metadata__: a: found an object"}},
      {"metadata_deep", file_of("{\"__metadata__\":{\"a\":" + deep), {"__metadata__: a: found an array"}},
      {"shape_deep", file_of("{\"t\":{\"shape\":" + deep), {"tensor 't'", "found an array"}},
  };
}

class SafetensorsCorpus : public FolderTest {};

TEST_F(SafetensorsCorpus, EveryBrokenFileIsRefusedByName) {
  for (const Broken& broken : corpus()) {
    SCOPED_TRACE(broken.name);
    const auto path = folder_ / (broken.name + ".safetensors"s);
    write_bytes(path, broken.bytes);
    std::vector<std::string> fragments = broken.fragments;
    fragments.push_back(path.string());
    expect_error(ErrorKind::kBadData, fragments, [&] { SafetensorsFile::open(path); });
  }
}

TEST_F(SafetensorsCorpus, LimitsThemselvesAreAccepted) {
  write_bytes(folder_ / "a", file_of(tensor("\"F32\"", "[1,1,1,1,1,1,1,2]", "[0,8]") + "   ", 8));
  EXPECT_EQ(SafetensorsFile::open(folder_ / "a").tensors().at("t").shape.size(), 8u);
  const std::string name(512, 'n');
  write_bytes(
      folder_ / "b",
      file_of("{\"" + name + R"(":{"dtype":"U8","shape":[281474976710656,0],"data_offsets":[0,0]}})"));
  EXPECT_TRUE(SafetensorsFile::open(folder_ / "b").tensors().contains(name));
  write_bytes(folder_ / "c", two(4, 8, 0, 4, 8));  // the order in the header is free
  EXPECT_EQ(SafetensorsFile::open(folder_ / "c").data("a").size(), 4u);
}

TEST_F(SafetensorsCorpus, TooManyTensorsAreRefused) {
  std::string header = "{";
  for (int i = 0; i <= 200000; ++i) {
    header += fmt::format("{}\"{}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
                          i == 0 ? "" : ",", i);
  }
  write_bytes(folder_ / "many", file_of(header + "}"));
  expect_error(ErrorKind::kBadData, {"more than 200000 tensors"},
               [&] { SafetensorsFile::open(folder_ / "many"); });
}

// Every prefix of a good file is a truncated file; none may be taken for whole or crash the reader.
TEST_F(SafetensorsCorpus, EveryTruncationIsFound) {
  const std::string whole = two(0, 16, 16, 40, 40);
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    write_bytes(folder_ / "cut", whole.substr(0, bytes));
    expect_error(ErrorKind::kBadData, {"cut"}, [&] { SafetensorsFile::open(folder_ / "cut"); });
  }
}

// A good file with up to three random edits of its header: bytes changed, removed, doubled, or digits
// replaced.
std::string mutated(uint64_t seed) {
  Philox random(seed, Stream::kMutation);
  std::string header =
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"U8","shape":[],"data_offsets":[8,9]},"c":{"dtype":"I64","shape":[0],"data_offsets":[9,9]}})";
  const std::string alphabet = "0123456789-.eE[]{},:\"\\ abtnul\x80\xff";
  for (uint64_t edits = 1 + random.below(3); edits > 0; --edits) {
    const size_t at = random.below(header.size());
    switch (random.below(5)) {
      case 0:
        header[at] = alphabet[random.below(alphabet.size())];
        break;
      case 1:
        header.erase(at, 1 + random.below(5));
        break;
      case 2:
        header.insert(at, header.substr(random.below(header.size()), random.below(30)));
        break;
      case 3:
        header.insert(at, 1, ' ');  // between tokens this changes nothing
        break;
      default:
        if (const size_t digit = header.find_first_of("0123456789", at); digit != std::string::npos) {
          header[digit] = static_cast<char>('0' + random.below(10));
        }
    }
  }
  return file_of(header, 9);
}

// Whatever is in a file, it is refused as bad data, or opened with every tensor inside it; and then the
// reference opens it too.
TEST_F(SafetensorsCorpus, RandomEditsAreRefusedOrAcceptedByTheReferenceToo) {
  int accepted = 0;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const auto path = folder_ / fmt::format("{}.safetensors", seed);
    write_bytes(path, mutated(seed));
    try {
      const SafetensorsFile file = SafetensorsFile::open(path);
      ++accepted;
      size_t total = 0;
      for (const auto& [name, info] : file.tensors()) total += file.data(name).size();
      EXPECT_EQ(total, 9u) << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBadData) << error.what();
      std::filesystem::remove(path);
    }
  }
  EXPECT_GT(accepted, 20);
  ROPEWAY_NEEDS_PYTHON();
  const std::string output = run_python(fmt::format(R"PY(
import glob, safetensors
good = 0
for path in glob.glob('{}/*.safetensors'):
    try:
        with safetensors.safe_open(path, 'np') as f: good += len(list(f.keys())) >= 0
    except Exception as e: print(path, e, open(path, 'rb').read())
print(good)
)PY",
                                                    folder_.string()));
  EXPECT_EQ(output, fmt::format("{}\n", accepted));
}

}  // namespace
}  // namespace ropeway
