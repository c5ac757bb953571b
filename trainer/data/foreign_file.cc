#include "trainer/data/foreign_file.h"

#include <algorithm>
#include <array>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

using namespace std::string_view_literals;

// One line each; {0} is the file. They print JSON lines, or unpack.
constexpr auto kFromParquet =
    "python3 -c 'import json,sys; from pyarrow.parquet import ParquetFile as P; "
    "[print(json.dumps({{\"text\": t}})) for b in P(sys.argv[1]).iter_batches(columns=[\"text\"]) for t in "
    "b[0].to_pylist()]' {0} > {0}.jsonl"sv;
constexpr auto kFromOrc =
    "python3 -c 'import json,sys; from pyarrow import orc; [print(json.dumps({{\"text\": t}})) for t in "
    "orc.read_table(sys.argv[1], columns=[\"text\"])[0].to_pylist()]' {0} > {0}.jsonl"sv;
constexpr auto kFromArrow =
    "python3 -c 'import json,sys; from pyarrow import ipc; [print(json.dumps({{\"text\": t}})) for t in "
    "ipc.open_stream(sys.argv[1]).read_all()[\"text\"].to_pylist()]' {0} > {0}.jsonl"sv;
constexpr auto kFromFeather =
    "python3 -c 'import json,sys; from pyarrow import feather; [print(json.dumps({{\"text\": t}})) for t in "
    "feather.read_table(sys.argv[1])[\"text\"].to_pylist()]' {0} > {0}.jsonl"sv;
constexpr auto kFromPickle =
    "python3 -c 'import json,pickle,sys; [print(json.dumps({{\"text\": t}})) for t in "
    "pickle.load(open(sys.argv[1], \"rb\"))]' {0} > {0}.jsonl (for a list of texts from a source you trust: "
    "a "
    "pickle can run code)"sv;
constexpr auto kFromTorch =
    "python3 -c 'import numpy,sys,torch; numpy.save(sys.argv[1] + \".npy\", torch.load(sys.argv[1], "
    "weights_only=True).numpy())' {0} (for a tensor of token ids)"sv;
constexpr auto kFromHdf5 =
    "python3 -c 'import h5py,numpy,sys; numpy.save(sys.argv[1] + \".npy\", "
    "h5py.File(sys.argv[1])[sys.argv[2]][:])' {0} DATASET (for a data set of token ids)"sv;
constexpr auto kFromSqlite =
    "python3 -c 'import json,sqlite3,sys; [print(json.dumps({{\"text\": t}})) for (t,) in "
    "sqlite3.connect(sys.argv[1]).execute(\"select text from \" + sys.argv[2])]' {0} TABLE > {0}.jsonl"sv;
constexpr auto kFromZip = "python3 -m zipfile -e {0} {0}.unpacked"sv;
constexpr auto kFromTar = "mkdir -p {0}.unpacked && tar -xf {0} -C {0}.unpacked"sv;
constexpr auto kFrom7z = "7z x {0} -o{0}.unpacked"sv;
constexpr auto kFromRar = "unar -D -o {0}.unpacked {0}"sv;
constexpr auto kFromPdf = "pdftotext {0} {0}.txt"sv;

struct Kind {
  std::string_view magic;
  std::string_view what;
  std::string_view conversion;  // "": nothing that one line does
  size_t offset = 0;
};

constexpr std::array kKinds = {
    Kind{"PAR1"sv, "a Parquet file", kFromParquet},
    Kind{"ARROW1\0\0"sv, "an Arrow file (Feather)", kFromFeather},
    Kind{"FEA1"sv, "a Feather file", kFromFeather},
    Kind{"\xFF\xFF\xFF\xFF"sv, "an Arrow stream", kFromArrow},
    Kind{"ORC"sv, "an ORC file", kFromOrc},
    Kind{"Obj\x01"sv, "an Avro file", ""},
    Kind{"\x89HDF\r\n\x1A\n"sv, "an HDF5 file", kFromHdf5},
    Kind{"SQLite format 3\0"sv, "an SQLite database", kFromSqlite},
    Kind{"PK\x05\x06"sv, "an empty zip archive", ""},
    Kind{"7z\xBC\xAF\x27\x1C"sv, "a 7z archive", kFrom7z},
    Kind{"Rar!\x1A\x07"sv, "a RAR archive", kFromRar},
    Kind{"ustar"sv, "a tar archive", kFromTar, 257},
    Kind{"\x04\x22\x4D\x18"sv, "packed with lz4", "lz4 -dc {0} > {0}.unpacked"},
    Kind{"\x1F\x9D"sv, "packed with compress", "gzip -dc {0} > {0}.unpacked"},
    Kind{"\x1F\x8B\x08"sv, "packed twice, with gzip inside", ""},
    Kind{"\x28\xB5\x2F\xFD"sv, "packed twice, with zstd inside", ""},
    Kind{"\xFD"
         "7zXZ\0"sv,
         "packed twice, with xz inside", ""},
    Kind{"LZIP\x01"sv, "packed with lzip", "lzip -dc {0} > {0}.unpacked"},
    Kind{"\xFF\x06\0\0sNaPpY"sv, "packed with snappy", ""},
    Kind{"\x93NUMPY"sv, "a packed .npy file of numbers", ""},
    Kind{"GGUF"sv, "a GGUF model", ""},
    Kind{"\x89PNG\r\n\x1A\n"sv, "a PNG image", ""},
    Kind{"\xFF\xD8\xFF"sv, "a JPEG image", ""},
    Kind{"GIF8"sv, "a GIF image", ""},
    Kind{"II*\0"sv, "a TIFF image", ""},
    Kind{"MM\0*"sv, "a TIFF image", ""},
    Kind{"RIFF"sv, "a RIFF file (sound, video or a WebP image)", ""},
    Kind{"%PDF-"sv, "a PDF document", kFromPdf},
    Kind{"\x7F"
         "ELF"sv,
         "an ELF program", ""},
    Kind{"\xCA\xFE\xBA\xBE"sv, "a program", ""},
    Kind{"MMIDIDX\0\0"sv, "the index of a Megatron data set", "name its .bin, with the index beside it"},
    Kind{"version https://git-lfs.github.com/spec/"sv, "a pointer of Git LFS, not the file itself",
         "git lfs pull"},
};

// Words may begin a text as well: then there is no NUL near.
bool is_word_of_text(std::string_view magic, std::string_view front) {
  const bool is_word = magic.size() <= 4 &&
                       std::all_of(magic.begin(), magic.end(), [](char c) { return c >= ' ' && c < 127; });
  return is_word && front.find('\0') == std::string_view::npos;
}

bool has(std::string_view front, size_t offset, std::string_view magic) {
  return front.size() >= offset + magic.size() && front.substr(offset, magic.size()) == magic;
}

// torch.save writes a zip whose first member is NAME/data.pkl; numpy.savez one of .npy files.
Kind kind_of_zip(std::string_view front) {
  const std::string_view member = front.substr(std::min<size_t>(front.size(), 30), 200);
  if (member.find("/data.pkl") != std::string_view::npos) return {"", "a file of torch.save", kFromTorch};
  if (member.find(".npy") != std::string_view::npos) {
    return {"", "an .npz file", kFromZip};
  }
  return {"", "a zip archive", kFromZip};
}

// A pickle names its protocol, then begins a frame or an object.
bool is_pickle(std::string_view front) {
  return front.size() >= 2 && front[0] == '\x80' && front[1] >= 2 && front[1] <= 5;
}

// A safetensors file: the length of a header that begins with '{'.
bool is_safetensors(std::string_view front) {
  return front.size() > 9 && front.substr(4, 4) == "\0\0\0\0"sv && front[8] == '{' && front[9] == '"';
}

const Kind* find_kind(std::string_view front, Kind& made) {
  if (has(front, 0, "PK\x03\x04")) return &(made = kind_of_zip(front));
  if (is_pickle(front)) return &(made = {"", "a pickle", kFromPickle});
  if (is_safetensors(front)) return &(made = {"", "a safetensors file of weights", ""});
  const auto* found = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& kind) {
    return has(front, kind.offset, kind.magic) && !is_word_of_text(kind.magic, front);
  });
  return found == kKinds.end() ? nullptr : found;
}

// As a shell reads it.
std::string quoted(const std::string& name) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+=:,@%";
  if (name.find_first_not_of(kPlain) == std::string::npos) return name;
  std::string text = "'";
  for (const char c : name) text += c == '\'' ? "'\\''" : std::string(1, c);
  return text + "'";
}

// What is packed is unpacked first, but for tar, which does that itself.
std::string line_for(const Kind& kind, const std::string& name, Compression around) {
  if (around == Compression::kNone || kind.conversion == kFromTar) {
    return fmt::format(fmt::runtime(kind.conversion), quoted(name));
  }
  const std::string inside = (std::filesystem::path(name).parent_path() / unpacked_name(name)).string();
  return fmt::format("{} -dc {} > {}", word_of(around), quoted(name),
                     quoted(inside == name ? name + ".unpacked" : inside));
}

}  // namespace

void refuse_foreign_content(std::string_view front, const std::string& name, Compression around) {
  Kind made;
  const Kind* kind = find_kind(front, made);
  if (kind == nullptr) return;
  const std::string line = line_for(*kind, name, around);
  fail(ErrorKind::kBadData, "{}: is {}, wanted plain text, JSON lines or token ids{}{}", name, kind->what,
       line.empty() ? "" : ": ", line);
}

}  // namespace ropeway
