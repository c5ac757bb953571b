// Files that lie about counts, sizes and offsets: refused with one message that says where, before anything
// is allocated or read by those numbers. The overflow cases are those of CVE-2024-21802, CVE-2025-53630,
// CVE-2026-27940 and CVE-2026-33298 in other readers.
#include <chrono>

#include "tests/support/folder_test.h"
#include "tests/trainer/formats/gguf/gguf_bytes.h"
#include "trainer/formats/gguf/gguf_file.h"

namespace ropeway {
namespace {

constexpr uint64_t kHuge = ~uint64_t{0};

class HostileGguf : public FolderTest {
 protected:
  void expect_refused(const std::string& bytes, const std::vector<std::string>& said) {
    const std::filesystem::path path = folder_ / "model.gguf";
    write_bytes(path, bytes);
    std::vector<std::string> fragments = said;
    fragments.push_back("model.gguf: ");
    const auto start = std::chrono::steady_clock::now();
    expect_error(ErrorKind::kBadData, fragments, [&] { GgufFile::open(path); });
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  }
};

TEST_F(HostileGguf, EveryTruncationIsAnError) {
  const std::string whole = small_gguf().file();
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::filesystem::path path = folder_ / "model.gguf";
    write_bytes(path, whole.substr(0, size));
    expect_error(ErrorKind::kBadData, {"model.gguf: "}, [&] { GgufFile::open(path); });
  }
}

TEST_F(HostileGguf, AnotherKindOfFile) {
  expect_refused("PK\x03\x04 and so on", {"not a GGUF file"});
  expect_refused("", {"not a GGUF file"});
}

TEST_F(HostileGguf, OtherVersions) {
  GgufBytes gguf = small_gguf();
  for (const uint32_t version : {0u, 1u, 4u}) {
    gguf.version = version;
    expect_refused(gguf.file(), {"version", "wanted 2 or 3"});
  }
  gguf.version = 3u << 24;
  expect_refused(gguf.file(), {"big-endian"});
}

TEST_F(HostileGguf, CountsBeyondTheLimits) {
  const std::string start = "GGUF" + raw<uint32_t>(3);
  expect_refused(start + raw(kHuge) + raw<uint64_t>(0), {"claims 18446744073709551615 tensors"});
  expect_refused(start + raw<uint64_t>(0) + raw(kHuge), {"claims 18446744073709551615 metadata pairs"});
  expect_refused(start + raw<uint64_t>(60000) + raw<uint64_t>(0), {"tensor 0", "truncated?"});
}

TEST_F(HostileGguf, StringsBeyondTheFile) {
  for (const uint64_t length : {kHuge, uint64_t{1} << 63, uint64_t{1} << 40, uint64_t{100}}) {
    GgufBytes gguf;
    gguf.pair("key", 8, raw(length) + "short");
    expect_refused(gguf.file(), {"key"});
    gguf.pairs = {raw(length) + "key"};
    expect_refused(gguf.file(), {"metadata key 0"});
  }
}

TEST_F(HostileGguf, ArraysBeyondTheFile) {
  for (const uint64_t count : {kHuge, kHuge / 8 + 2, uint64_t{1} << 61, uint64_t{1} << 22}) {
    for (const uint32_t type : {8u, 10u}) {
      GgufBytes gguf;
      gguf.pair("key", 9, raw(type) + raw(count));
      expect_refused(gguf.file(), {"key"});
    }
  }
}

TEST_F(HostileGguf, NestedArrays) {
  GgufBytes gguf;
  std::string nested;
  for (int depth = 0; depth < 100000; ++depth) nested += raw<uint32_t>(9) + raw<uint64_t>(1);
  gguf.pair("key", 9, nested);
  expect_refused(gguf.file(), {"key", "an array of arrays"});
}

TEST_F(HostileGguf, UnknownValueTypes) {
  GgufBytes gguf;
  gguf.pair("key", 13, raw<uint64_t>(0));
  expect_refused(gguf.file(), {"key", "value type 13"});
  gguf.pairs.clear();
  gguf.pair("key", 9, raw<uint32_t>(77) + raw<uint64_t>(0));
  expect_refused(gguf.file(), {"key", "value type 77"});
}

TEST_F(HostileGguf, KeysAndBooleans) {
  GgufBytes gguf = small_gguf();
  gguf.u32("llama.block_count", 8);
  expect_refused(gguf.file(), {"llama.block_count", "occurs twice"});
  gguf = {};
  gguf.u32("a\nkey", 8);
  expect_refused(gguf.file(), {"metadata key 0", "printable"});
  gguf = {};
  gguf.pair("flag", 7, raw<uint8_t>(2));
  expect_refused(gguf.file(), {"flag", "the byte 2"});
}

TEST_F(HostileGguf, TensorNames) {
  GgufBytes gguf = small_gguf();
  gguf.tensor("first", {4}, 0, 64);
  gguf.data.resize(64);
  gguf.data.resize(80);
  expect_refused(gguf.file(), {"tensor 'first' occurs twice"});
  gguf = {};
  gguf.tensor(std::string("a\0b", 3), {4}, 0, 0);
  expect_refused(gguf.file(), {"NUL"});
  gguf = {};
  gguf.tensor(std::string(600, 'x'), {4}, 0, 0);
  expect_refused(gguf.file(), {"600 bytes"});
}

TEST_F(HostileGguf, ShapesThatOverflow) {
  const auto refuse = [&](const std::vector<uint64_t>& dims, uint32_t type, const char* said) {
    GgufBytes gguf;
    gguf.tensor("big", dims, type, 0);
    gguf.data = std::string(64, 'x');
    expect_refused(gguf.file(), {"tensor 'big'", said});
  };
  const uint64_t two32 = uint64_t{1} << 32, two47 = uint64_t{1} << 47;
  refuse({two32, two32}, 0, "overflows 63 bits");
  refuse({two47, 1 << 15}, 0, "size in bytes overflows");
  refuse({two47, two47, two47, two47}, 0, "overflows 63 bits");
  refuse({kHuge}, 0, "a dimension of");
  refuse({4, 0}, 0, "a dimension of 0");
  refuse({two32, 256}, 12, "truncated?");
  refuse({}, 0, "0 dimensions");
  refuse({1, 1, 1, 1, 1}, 0, "5 dimensions");
}

TEST_F(HostileGguf, TypesAndBlocks) {
  GgufBytes gguf;
  gguf.tensor("weird", {256}, 10, 0);
  expect_refused(gguf.file(), {"tensor 'weird'", "ggml type 10", "Q6_K"});
  gguf = {};
  gguf.tensor("odd", {48, 2}, 8, 0);
  expect_refused(gguf.file(), {"tensor 'odd'", "48", "multiple of 32", "Q8_0"});
}

TEST_F(HostileGguf, Offsets) {
  const auto refuse = [&](uint64_t offset, const char* said) {
    GgufBytes gguf = small_gguf();
    gguf.table.pop_back();
    gguf.tensor("second", {4}, 0, offset);
    expect_refused(gguf.file(), {"'second'", said});
  };
  refuse(0, "overlap");
  refuse(36, "multiple of the alignment");
  refuse(64, "truncated?");
  refuse(kHuge - 31, "beyond any file");
  refuse((uint64_t{1} << 63) - 32, "truncated?");
}

TEST_F(HostileGguf, HolesAndWhatFollows) {
  GgufBytes gguf = small_gguf();
  gguf.table.pop_back();
  gguf.tensor("second", {4}, 0, 64);
  gguf.data.resize(80);
  expect_refused(gguf.file(), {"a hole before tensor 'second'"});
  gguf = small_gguf();
  gguf.data += std::string(32, 'z');
  expect_refused(gguf.file(), {"32 bytes after the last tensor"});
}

TEST_F(HostileGguf, Alignments) {
  for (const uint32_t alignment : {0u, 3u, 1u << 31}) {
    GgufBytes gguf = small_gguf();
    gguf.u32("general.alignment", alignment);
    expect_refused(gguf.file(), {"general.alignment"});
  }
}

TEST_F(HostileGguf, ChangedBytesNeverCrash) {
  const std::string whole = small_gguf().file();
  const size_t header = small_gguf().header().size();
  for (size_t at = 0; at < header; ++at) {
    for (const int value : {0, 1, 0x7f, 0x80, 0xff}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(value);
      const std::filesystem::path path = folder_ / "model.gguf";
      write_bytes(path, changed);
      try {
        const GgufFile file = GgufFile::open(path);
        std::vector<float> row;
        for (const GgufTensor& tensor : file.tensors()) {
          row.resize(static_cast<size_t>(tensor.columns()));
          for (int64_t r = 0; r < tensor.rows(); ++r) tensor.read_row(r, row.data());
        }
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::kBadData) << error.what();
      }
    }
  }
}

}  // namespace
}  // namespace ropeway
