// The lines that convert what is no text, taken from the messages, run, and their results read.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cctype>
#include <memory>

#include "tests/faults/run_ropeway.h"
#include "tests/support/python.h"

namespace ropeway {
namespace {

using ::testing::HasSubstr;

// Three texts and a missing one, fourteen bytes in all; five ids.
const char* const kMake = R"py(
import gzip, json, os, pickle, sqlite3, subprocess, sys, tarfile, zipfile, zlib
import h5py, numpy as np, pyarrow as pa, torch
from pyarrow import feather, ipc, orc, parquet
os.chdir(sys.argv[1])
texts = ["one", None, "two three", "\u00fc"]
table = pa.table({"id": [1, 2, 3, 4], "text": texts})
parquet.write_table(table, "a.parquet", row_group_size=2)
parquet.write_table(table, "it's a table")
gzip.open("b.parquet.gz", "wb").write(open("a.parquet", "rb").read())
orc.write_table(table, "a.orc")
feather.write_feather(table, "a.feather")
with ipc.new_stream("a.arrows", table.schema) as stream: stream.write_table(table)
pickle.dump(texts, open("a.pkl", "wb"))
base = sqlite3.connect("a.sqlite"); base.execute("create table pages (text)")
base.executemany("insert into pages values (?)", [(t,) for t in texts]);
base.commit(); base.close()
lines = "".join(json.dumps({"text": t}) + "\n" for t in texts)
zipfile.ZipFile("a.zip", "w").writestr("inside.jsonl", lines)
gzip.open("twice.jsonl.gz", "wb").write(gzip.compress(lines.encode()))
open("inside.jsonl", "w").write(lines)
run = lambda *command: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
run("7z", "a", "-bd", "a.7z", "inside.jsonl")
run("lz4", "-q", "inside.jsonl", "a.jsonl.lz4")
run("lzip", "-k", "-o", "a.jsonl.lzip", "inside.jsonl")
open("a.jsonl.Z", "wb").write(subprocess.run(["compress", "-cf", "inside.jsonl"], stdout=subprocess.PIPE).stdout)
for name, mode in (("a.tar", "w"), ("b.tar.gz", "w:gz")):
    with tarfile.open(name, mode) as archive: archive.add("inside.jsonl")
# Debian has nothing that writes RAR: one stored member after the format's description (version 4).
def block(kind, flags, rest):
    head = bytes([kind]) + flags.to_bytes(2, "little") + (7 + len(rest)).to_bytes(2, "little") + rest
    return (zlib.crc32(head) & 0xFFFF).to_bytes(2, "little") + head
said, name, word = lines.encode(), b"inside.jsonl", lambda value: value.to_bytes(4, "little")
member = (2 * word(len(said)) + b"\x03" + word(zlib.crc32(said)) + word(0x5A210000) + b"\x14\x30" +
          len(name).to_bytes(2, "little") + word(0o100644) + name)
open("a.rar", "wb").write(b"Rar!\x1A\x07\0" + block(0x73, 0, bytes(6)) + block(0x74, 0x8000, member) + said +
                          block(0x7B, 0x4000, b""))
page = b"BT /F 12 Tf 72 700 Td (one) Tj 0 -20 Td (two three) Tj ET"
objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
           b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
           b"<</Length %d>>stream\n%s\nendstream" % (len(page), page),
           b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
pdf, places = b"%PDF-1.4\n", b""
for i, content in enumerate(objects, 1):
    places += b"%010d 00000 n \n" % len(pdf)
    pdf += b"%d 0 obj%s endobj\n" % (i, content)
open("a.pdf", "wb").write(pdf + b"xref\n0 6\n0000000000 65535 f \n" + places +
                          b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(pdf))
ids = np.arange(5)
torch.save(torch.from_numpy(ids), "a.pt")
with h5py.File("a.h5", "w") as file: file.create_dataset("group/ids", data=ids, compression="gzip")
np.savez("a.npz", ids=ids)
np.save(gzip.open("packed.npy.gz", "wb"), ids)
alpaca = [{"instruction": "Add\u2028up", "input": "1 2", "output": "3"}, {"instruction": "Go", "input": "", "output": "!"}]
json.dump(alpaca, open("array.json", "w"), ensure_ascii=False)
open("alpaca.jsonl", "w").write("".join(json.dumps(o, ensure_ascii=False) + "\n" for o in alpaca))
)py";
constexpr const char* kTexts = " 3 documents, 14 tokens, ";
constexpr const char* kIds = " 1 document, 5 tokens, ";

struct Foreign {
  std::string file, result;
  const char* wanted;
  std::string word = {}, given = {};  // what a person puts in for a word of the line
  int lines = 1;
};
void PrintTo(const Foreign& foreign, std::ostream* out) { *out << foreign.file; }

// The tools are in launch/setup.sh. Snappy and Avro have no line: nothing common unpacks them.
class LinesOfMessages : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    made_ = std::make_unique<TempDir>();
    run_python(kMake, made_->path().string());
  }
  static void TearDownTestSuite() { made_.reset(); }

  static std::string path(const std::string& name) { return (made_->path() / name).string(); }
  Ended data(const std::string& file) const {
    const std::string recipe = scratch_.file(
        "recipe.yaml",
        fmt::format("name: small\nmodel: {{path: {}}}\ndata:\n  train: [\"{}\"]\n  test: [{}]\n  "
                    "chat_template: chatml\n  cache: {}\nstages:\n  - {{name: score, kind: "
                    "evaluate, lengths: [256]}}\n",
                    kTinyBase, file, scratch_.file("long.txt", std::string(300, 'a')),
                    scratch_.name("cache")));
    return run_ropeway("data " + recipe);
  }
  // Runs the line that the message about the file ends with.
  void convert(const std::string& file, const std::string& begin, const std::string& word,
               const std::string& given) const {
    const Ended refused = data(file);
    EXPECT_EQ(refused.code, 65) << refused.out << refused.err;
    const size_t at = refused.err.find(begin);
    ASSERT_NE(at, std::string::npos) << refused.err;
    std::string line = refused.err.substr(at + begin.size());
    line = line.substr(0, std::min(line.find('\n'), line.find(" (for ")));
    for (size_t place; !word.empty() && (place = line.find(word)) != std::string::npos;) {
      line.replace(place, word.size(), given);
    }
    const std::string tools = std::filesystem::path(python()).parent_path().string();
    ASSERT_EQ(std::system(fmt::format("export PATH='{}':\"$PATH\"; {}", tools, line).c_str()), 0) << line;
  }

  static inline std::unique_ptr<TempDir> made_;
  const TempDir scratch_;
};

class ConvertingLines : public LinesOfMessages, public ::testing::WithParamInterface<Foreign> {};

TEST_P(ConvertingLines, MakeWhatIsRead) {
  const Foreign& c = GetParam();
  std::string file = path(c.file);
  for (int i = 0; i < c.lines; ++i) {
    convert(file, "wanted plain text, JSON lines or token ids: ", c.word, c.given);
    if (i + 1 < c.lines) file = path(std::filesystem::path(c.file).stem());
  }
  const Ended read = data(path(c.result));
  EXPECT_EQ(read.code, 0) << read.err;
  EXPECT_THAT(read.out, HasSubstr(c.wanted));
}

TEST_F(LinesOfMessages, MakeTurnsOfAlpaca) {
  for (const char* name : {"array.json", "alpaca.jsonl"}) {
    convert(path(name), "say how they become a prompt; turns do: ", "FILE", path(name));
    const std::string turns = path(name) + ".messages.jsonl";
    EXPECT_THAT(
        read_bytes(turns),
        HasSubstr(R"({"messages": [{"role": "user", "content": "Add\u2028up\n\n1 2"}, {"role": "assistant", )"
                  R"("content": "3"}]})"));
    EXPECT_THAT(read_bytes(turns), HasSubstr(R"([{"role": "user", "content": "Go"}, )"));
    const Ended read = data(turns);
    EXPECT_EQ(read.code, 0) << read.err;
    EXPECT_THAT(read.out, HasSubstr("(JSON lines of messages), 2 documents, "));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Files, ConvertingLines,
    ::testing::Values(Foreign{"a.parquet", "a.parquet.jsonl", kTexts},
                      Foreign{"it's a table", "it's a table.jsonl", kTexts},
                      Foreign{"b.parquet.gz", "b.parquet.jsonl", kTexts, "", "", 2},
                      Foreign{"a.orc", "a.orc.jsonl", kTexts},
                      Foreign{"a.feather", "a.feather.jsonl", kTexts},
                      Foreign{"a.arrows", "a.arrows.jsonl", kTexts}, Foreign{"a.pkl", "a.pkl.jsonl", kTexts},
                      Foreign{"a.sqlite", "a.sqlite.jsonl", kTexts, " TABLE ", " pages "},
                      Foreign{"a.zip", "a.zip.unpacked/inside.jsonl", kTexts},
                      Foreign{"a.7z", "a.7z.unpacked/inside.jsonl", kTexts},
                      Foreign{"a.rar", "a.rar.unpacked/inside.jsonl", kTexts},
                      Foreign{"a.tar", "a.tar.unpacked/inside.jsonl", kTexts},
                      Foreign{"b.tar.gz", "b.tar.gz.unpacked/inside.jsonl", kTexts},
                      Foreign{"a.jsonl.lz4", "a.jsonl.lz4.unpacked", kTexts},
                      Foreign{"a.jsonl.lzip", "a.jsonl.lzip.unpacked", kTexts},
                      Foreign{"a.jsonl.Z", "a.jsonl.Z.unpacked", kTexts},
                      Foreign{"a.pdf", "a.pdf.txt", " 1 document, 16 tokens, "},
                      Foreign{"twice.jsonl.gz", "twice.jsonl", kTexts}, Foreign{"a.pt", "a.pt.npy", kIds},
                      Foreign{"a.h5", "a.h5.npy", kIds, " DATASET", " group/ids"},
                      Foreign{"a.npz", "a.npz.unpacked/ids.npy", kIds},
                      Foreign{"packed.npy.gz", "packed.npy", kIds}),
    [](const auto& info) {
      std::string name;
      for (const char c : info.param.file) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
      return name;
    });

}  // namespace
}  // namespace ropeway
