// Texts in several encodings, in pieces of every size, against Python's decoder.
#include "trainer/data/text_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/errors.h"
#include "tests/support/python.h"
#include "tests/support/temp_dir.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;

std::string decoded(const std::string& bytes, size_t piece, int64_t* replaced = nullptr) {
  TextDecoder decoder;
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    decoder.decode(std::string_view(bytes).substr(at, piece), false, text);
  }
  decoder.decode("", true, text);
  EXPECT_EQ(decoder.file_bytes(), static_cast<int64_t>(bytes.size()));
  if (replaced != nullptr) *replaced = decoder.replaced_bytes();
  return text;
}

TEST(TextDecoder, ReadsWhatPythonReadsHoweverItIsCut) {
  ROPEWAY_NEEDS_PYTHON();
  const TempDir folder;
  run_python(R"(
import random, sys
r = random.Random(7)
text = "".join(chr(r.choice([65, 10, 0xe9, 0x20ac, 0x10ffff, 0x1f600, 0xfeff, 0xfffd])) for _ in range(400))
for name, encoding, mark in (("utf8", "utf-8", b""), ("bom8", "utf-8", b"\xef\xbb\xbf"),
                             ("le", "utf-16-le", b"\xff\xfe"), ("be", "utf-16-be", b"\xfe\xff")):
    good = text.encode(encoding)
    spoiled = bytearray(good)
    for _ in range(60): spoiled[r.randrange(len(spoiled))] = r.choice([0xff, 0xd8, 0xdc, 0xe2, 0x41])
    for kind, raw in (("good", good), ("bad", bytes(spoiled)), ("cut", good[:-1])):
        open(f"{sys.argv[1]}/{name}.{kind}", "wb").write(mark + raw)
        open(f"{sys.argv[1]}/{name}.{kind}.want", "wb").write(raw.decode(encoding, "replace").encode())
)",
             folder.path().string());
  for (const std::string name : {"utf8", "bom8", "le", "be"}) {
    for (const std::string kind : {".good", ".bad", ".cut"}) {
      const std::string bytes = read_bytes(folder / (name + kind));
      const std::string want = read_bytes(folder / (name + kind + ".want"));
      for (const size_t piece : {1, 2, 3, 7, 1000000}) {
        int64_t replaced = 0;
        ASSERT_EQ(decoded(bytes, static_cast<size_t>(piece), &replaced), want) << name << kind << piece;
        if (kind != ".cut") {
          EXPECT_EQ(replaced > 0, kind == ".bad") << name;
        }
      }
    }
  }
}

TEST(TextDecoder, AThousandthOfTheBytesMayBeReplaced) {
  const auto refusal = [](const std::string& bytes) {
    TextDecoder decoder;
    std::string text;
    decoder.decode(bytes, true, text);
    const auto error = error_of([&] { decoder.require_text("a.txt"); });
    return error ? std::string(error->what()) : "";
  };
  EXPECT_EQ(refusal(std::string(999, 'a') + "\xFF"), "");
  EXPECT_THAT(refusal(std::string(998, 'a') + "\xFF"),
              HasSubstr("a.txt: 1 of 999 bytes are not UTF-8 (the first is byte 998)"));
  EXPECT_THAT(refusal(std::string(100, 'a') + "\xE2\x82" + std::string(100, 'a')),
              HasSubstr("2 of 202 bytes"));
  EXPECT_THAT(refusal(std::string("a\0b\0c\0", 6)),
              HasSubstr("3 of 6 bytes are NUL: binary data, or UTF-16"));
  EXPECT_THAT(refusal(std::string("\xFF\xFE\x3D\xD8", 4)),
              HasSubstr("2 of 4 bytes are not UTF-16 (the first is byte 2)"));
}

}  // namespace
}  // namespace ropeway
