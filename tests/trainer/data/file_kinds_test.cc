// Kinds of files, told by content and name; written by Python's and the packers' own programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/errors.h"
#include "tests/support/python.h"
#include "tests/support/temp_dir.h"
#include "trainer/data/text_file.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FileKinds : public ::testing::Test {
 protected:
  std::vector<std::string> read(const std::string& name) {
    std::vector<std::string> found;
    summary_ = read_text_documents(folder_ / name, {},
                                   {[&](std::string_view text, int64_t) { found.emplace_back(text); }, {}});
    EXPECT_EQ(text_file_kind(folder_ / name).words, summary_.kind);
    return found;
  }
  std::vector<std::string> read(const std::string& name, const std::string& content) {
    write_bytes(folder_ / name, content);
    return read(name);
  }
  std::string refusal(const std::string& name) {
    const auto error = error_of([&] { read(name); });
    if (!error) return "no error";
    EXPECT_EQ(error->kind(), ErrorKind::kBadData) << name;
    EXPECT_LT(std::string(error->what()).size(), 800u) << name;
    return error->what();
  }

  TempDir folder_;
  TextFileSummary summary_;
};

const std::string kLines =
    "{\"text\": \"one\", \"id\": 1}\n{\"text\": null}\n{\"id\": 2, \"text\": \"two\"}\n";

TEST_F(FileKinds, EveryPackingUnderItsOwnNameAnotherCaseAndNone) {
  ROPEWAY_NEEDS_PYTHON();
  const std::string names = run_python(R"(
import bz2, gzip, lzma, subprocess, sys, os
folder = sys.argv[1]
lines = b'{"text": "one", "id": 1}\n{"text": null}\n{"id": 2, "text": "two"}\n' + b"\n" * 3_000_000
def program(*words): return subprocess.run(words, input=lines, capture_output=True, check=True).stdout
packed = {"gz": [gzip.compress(lines), gzip.compress(lines[:30]) + gzip.compress(lines[30:]) + bytes(512)],
          "bz2": [bz2.compress(lines), bz2.compress(lines[:30]) + bz2.compress(lines[30:])],
          "xz": [lzma.compress(lines), lzma.compress(lines[:30]) + bytes(8) + lzma.compress(lines[30:])],
          "lzma": [lzma.compress(lines, lzma.FORMAT_ALONE)],
          "zst": [program("zstd", "-qc"), program("zstd", "-qc", "--long=31"), b"\x50\x2a\x4d\x18\x03\0\0\0abc" + program("zstd", "-qc")]}
for kind, files in packed.items():
    for i, data in enumerate(files):
        for name in (f"a{i}.json.{kind}", f"B{i}.JSONL.{kind.upper()}", f"c{i}-{kind}"):
            if kind == "lzma" and name[0] == "c": continue  # has no mark of its own
            open(f"{folder}/{name}", "wb").write(data); print(name)
)",
                                       folder_.path().string());
  std::istringstream list(names);
  int count = 0;
  for (std::string name; std::getline(list, name); ++count) {
    EXPECT_THAT(read(name), ElementsAre("one", "two")) << name;
    EXPECT_THAT(summary_.kind, HasSubstr("JSON lines in ")) << name;
    EXPECT_EQ(summary_.counts.null_texts, 1) << name;
    EXPECT_EQ(summary_.counts.file_bytes, 3000000 + static_cast<int64_t>(kLines.size())) << name;
  }
  EXPECT_EQ(count, 3 * (2 + 2 + 2 + 3) + 2);
}

TEST_F(FileKinds, CutAndSpoiledPackingIsNamed) {
  ROPEWAY_NEEDS_PYTHON();
  run_python(R"(
import bz2, lzma, random, sys
content = random.Random(1).randbytes(3000)
for kind, data in (("xz", lzma.compress(content)), ("bz2", bz2.compress(content))):
    for size in range(12, len(data), 97): open(f"{sys.argv[1]}/{size}.{kind}", "wb").write(data[:size])
    spoiled = bytearray(data); spoiled[len(data) // 2] ^= 4
    open(f"{sys.argv[1]}/spoiled.{kind}", "wb").write(spoiled)
)",
             folder_.path().string());
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder_.path())) names.push_back(entry.path().filename());
  EXPECT_GT(names.size(), 50u);
  for (const std::string& name : names) {
    const char* wanted = name.starts_with("spoiled") ? "packed data are damaged" : "cut short";
    EXPECT_THAT(refusal(name), HasSubstr(wanted)) << name;
  }
}

TEST_F(FileKinds, NamesInAnyCaseAndContentsTellJson) {
  for (const std::string name : {"a.jsonl", "a.NDJSON", "a.Json", "part-00000", "a.dump"}) {
    EXPECT_THAT(read(name, kLines), ElementsAre("one", "two")) << name;
    EXPECT_EQ(summary_.kind, "JSON lines") << name;
  }
  const std::string array = "[{\"text\": \"one\"},\n {\"text\": null}, {\"text\": \"two\", \"m\": [\"]\"]}]";
  for (const std::string name : {"b.json", "b.jsonl", "part-00001"}) {
    EXPECT_THAT(read(name, array), ElementsAre("one", "two")) << name;
    EXPECT_EQ(summary_.kind, "a JSON array") << name;
  }
  for (const std::string name : {"a.txt", "b.TEXT"})
    EXPECT_THAT(read(name, kLines), ElementsAre(kLines)) << name;
  for (const std::string text : {"{\"text\"", "{\"title\": \"x\"}\n", "[1, 2]", "[{\"a\": 1}]", "{} text"}) {
    EXPECT_THAT(read("code", text), ElementsAre(text)) << text;
  }
  const std::string long_text(3 << 20, 'x');
  EXPECT_THAT(read("part-00002", "{\"text\": \"" + long_text + "\"}\n"), ElementsAre(long_text));
  EXPECT_THAT(read("part-00003", "[{\"text\": \"" + long_text + "\"}]"), ElementsAre(long_text));
  EXPECT_THAT(read("part-00004", long_text), ElementsAre(long_text));
  write_bytes(folder_ / "c.json", "{\n  \"data\": [1, 2]\n}\n");
  EXPECT_THAT(refusal("c.json"), HasSubstr("c.json:1: byte"));
  write_bytes(folder_ / "d.json", "[{\"text\": \"a\"}, {\"txt\": 1}]");
  EXPECT_THAT(refusal("d.json"), HasSubstr("d.json: element 2: text: the key is missing"));
}

TEST_F(FileKinds, Utf16BehindItsMarkIsTextAndUtf8LosesItsOwn) {
  ROPEWAY_NEEDS_PYTHON();
  run_python(R"(
import gzip, json, sys
text = "na\u00efve \u20ac \U0001f600\n"
for name, encoding in (("le", "utf-16-le"), ("be", "utf-16-be"), ("8", "utf-8")):
    for kind, content in (("txt", text), ("jsonl", json.dumps({"text": text}, ensure_ascii=False) + "\n")):
        raw = ("\ufeff" + content).encode(encoding)
        open(f"{sys.argv[1]}/{name}.{kind}", "wb").write(raw)
        open(f"{sys.argv[1]}/{name}.{kind}.gz", "wb").write(gzip.compress(raw))
)",
             folder_.path().string());
  for (const std::string name : {"le", "be", "8"}) {
    for (const std::string kind : {".txt", ".jsonl", ".txt.gz", ".jsonl.gz"}) {
      EXPECT_THAT(read(name + kind), ElementsAre("na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x98\x80\n"))
          << name << kind;
      EXPECT_EQ(summary_.counts.replaced_bytes, 0);
    }
  }
}

TEST_F(FileKinds, BadBytesAreCounted) {
  std::string text(5000, 'a');
  text[100] = '\xFF';
  text[4999] = '\xC3';
  const auto found = read("a.txt", text);
  EXPECT_EQ(summary_.counts.replaced_bytes, 2);
  EXPECT_EQ(summary_.counts.file_bytes, 5000);
  EXPECT_EQ(found.at(0), std::string(100, 'a') + "\xEF\xBF\xBD" + std::string(4898, 'a') + "\xEF\xBF\xBD");
}

TEST_F(FileKinds, WhatHoldsNoTextIsRefusedByWhatItIs) {
  ROPEWAY_NEEDS_PYTHON();
  run_python(R"(
import io, os, pickle, sys, tarfile, zipfile, gzip, bz2, sqlite3, numpy as np, torch
from safetensors.numpy import save_file
os.chdir(sys.argv[1])
open("a.txt", "w").write("text")
pickle.dump(["a", "b"], open("pickle", "wb"))
torch.save(torch.arange(5), "torch.pt")
np.savez("arrays.npz", a=np.arange(3))
zipfile.ZipFile("zip.zip", "w").write("a.txt")
for name, mode in (("tar.tar", "w"), ("packed_tar.tgz", "w:gz")):
    with tarfile.open(name, mode) as t: t.add("a.txt")
open("twice.gz", "wb").write(gzip.compress(gzip.compress(b"text")))
save_file({"w": np.zeros(4, "f4")}, "model.safetensors")
c = sqlite3.connect("base.sqlite"); c.execute('create table t (text)'); c.commit()
np.save(gzip.open("ids.npy.gz", "wb"), np.arange(4))
for name, magic in dict(parquet=b"PAR1\x15\0\x15", arrow=b"ARROW1\0\0", feather=b"FEA1\0\0\0\0", stream=b"\xff\xff\xff\xff\x70\0\0\0",
                        hdf5=b"\x89HDF\r\n\x1a\n", sevenzip=b"7z\xbc\xaf\x27\x1c\0\4", elf=b"\x7fELF\2\1", png=b"\x89PNG\r\n\x1a\n",
                        jpeg=b"\xff\xd8\xff\xe0", pdf=b"%PDF-1.7\n", lfs=b"version https://git-lfs.github.com/spec/v1\noid", gguf=b"GGUF\3\0\0\0").items():
    open(name, "wb").write(magic + b"\0" * 64)
)",
             folder_.path().string());
  const std::pair<const char*, const char*> kinds[] = {{"pickle", "is a pickle"},
                                                       {"torch.pt", "is a file of torch.save"},
                                                       {"arrays.npz", "is an .npz file"},
                                                       {"zip.zip", "is a zip archive"},
                                                       {"tar.tar", "is a tar archive"},
                                                       {"packed_tar.tgz", "is a tar archive"},
                                                       {"twice.gz", "packed twice, with gzip inside"},
                                                       {"model.safetensors", "is a safetensors file"},
                                                       {"base.sqlite", "is an SQLite"},
                                                       {"ids.npy.gz", "is a packed .npy file"},
                                                       {"parquet", "is a Parquet file"},
                                                       {"arrow", "is an Arrow file"},
                                                       {"feather", "is a Feather file"},
                                                       {"stream", "is an Arrow stream"},
                                                       {"hdf5", "is an HDF5 file"},
                                                       {"sevenzip", "is a 7z archive"},
                                                       {"elf", "is an ELF program"},
                                                       {"png", "is a PNG image"},
                                                       {"jpeg", "is a JPEG image"},
                                                       {"pdf", "is a PDF document"},
                                                       {"lfs", "is a pointer of Git LFS"},
                                                       {"gguf", "is a GGUF model"}};
  for (const auto& [name, words] : kinds) EXPECT_THAT(refusal(name), HasSubstr(words)) << name;
  EXPECT_THAT(refusal("parquet"), HasSubstr("ParquetFile"));
  EXPECT_THAT(refusal("tar.tar"), HasSubstr("tar -xf"));
  EXPECT_THAT(read("prose", "ORCs and GIF8 and RIFF: words."), ElementsAre("ORCs and GIF8 and RIFF: words."));
}

// tests/launch/converting_lines_test.cc runs the lines.
TEST_F(FileKinds, APackedFileIsUnpackedByTheLineFirst) {
  ROPEWAY_NEEDS_PYTHON();
  run_python("import gzip, sys; gzip.open(sys.argv[1] + '/it\\'s packed', 'wb').write(b'PAR1\\0\\0')",
             folder_.path().string());
  EXPECT_THAT(refusal("it's packed"),
              HasSubstr(fmt::format("is a Parquet file, wanted plain text, JSON lines or token ids: gzip -dc "
                                    "'{0}/it'\\''s packed' > '{0}/it'\\''s packed.unpacked'",
                                    folder_.path().string())));
}

}  // namespace
}  // namespace ropeway
