#include "trainer/data/token_ids.h"

#include <algorithm>
#include <optional>
#include <system_error>
#include <vector>

#include "kernels/base/error.h"
#include "trainer/data/id_type.h"
#include "trainer/data/lower_case.h"
#include "trainer/data/megatron.h"
#include "trainer/data/npy.h"
#include "trainer/files/files.h"
#include "trainer/files/input_file.h"
#include "trainer/files/mapped_file.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr size_t kIdsAtATime = 1 << 20;
constexpr const char* kNpy = "token ids (.npy)";
constexpr const char* kMegatron = "token ids (Megatron)";

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}
fs::path with_ending(const fs::path& path, const char* ending) { return path.string() + ending; }
fs::path index_of(const fs::path& bin) { return fs::path(bin).replace_extension(".idx"); }

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

// Converts what lies in one place, part by part.
class Parts {
 public:
  Parts(const std::string& name, const IdType& type, int64_t vocab_size)
      : name_(name), type_(type), vocab_size_(vocab_size) {}

  // first: index of its first id in the document. take: for every part, and whether the values end there.
  void read(std::string_view values, int64_t document, size_t first,
            const std::function<void(std::span<const int32_t>, bool)>& take) {
    const size_t most = kIdsAtATime * type_.bytes;
    do {
      const std::string_view part = values.substr(0, most);
      values.remove_prefix(part.size());
      if (const auto bad = convert_ids(part, type_, vocab_size_, ids_)) refuse(*bad, document, first);
      take(ids_, values.empty());
      first += ids_.size();
    } while (!values.empty());
  }

 private:
  [[noreturn]] void refuse(const BadId& bad, int64_t document, size_t first) const {
    const std::string place = document == 0 ? "" : fmt::format("document {}: ", document);
    fail(ErrorKind::kBadData, "{}: {}index {} holds token id {}, outside the model's vocabulary [0, {})",
         name_, place, first + bad.index, bad.value, vocab_size_);
  }

  std::string name_;
  IdType type_;
  int64_t vocab_size_;
  std::vector<int32_t> ids_;
};

void read_npy(const fs::path& file, int64_t vocab_size, const TakeIds& take) {
  const MappedFile mapped(file);
  const NpyIds ids = find_npy_ids(text_of(mapped), file.string());
  Parts(file.string(), ids.type, vocab_size)
      .read(ids.values, 0, 0, [&](std::span<const int32_t> part, bool last) { take(part, 0, last); });
}

void read_megatron(const fs::path& bin, int64_t vocab_size, const TakeIds& take) {
  const MappedFile mapped(bin);
  const std::string_view values = text_of(mapped);
  const MegatronIndex index = read_megatron_index(index_of(bin), static_cast<int64_t>(values.size()));
  Parts parts(bin.string(), index.type, vocab_size);
  int64_t total = 0;
  for (size_t document = 0; document + 1 < index.borders.size(); ++document) {
    const int64_t end = index.borders[document + 1];
    size_t first = 0;
    for (int64_t i = index.borders[document]; i < end; ++i) {
      const MegatronIndex::Sequence& sequence = index.sequences[static_cast<size_t>(i)];
      const auto count = static_cast<size_t>(sequence.ids);
      const std::string_view here =
          values.substr(static_cast<size_t>(sequence.offset), count * index.type.bytes);
      parts.read(here, static_cast<int64_t>(document) + 1, first,
                 [&](std::span<const int32_t> part, bool last) {
                   take(part, static_cast<int64_t>(document) + 1, last && i + 1 == end);
                 });
      first += count;
    }
    total += static_cast<int64_t>(first);
  }
  if (total == 0) fail(ErrorKind::kBadData, "{}: no token ids", bin.string());
}

}  // namespace

fs::path token_id_file(const fs::path& named) {
  if (lower_case(named.extension().string()) == ".idx") {
    fs::path bin = fs::path(named).replace_extension(".bin");
    return is_there(bin) ? bin : named;
  }
  const fs::path bin = with_ending(named, ".bin");
  return !is_there(named) && is_there(bin) && is_there(with_ending(named, ".idx")) ? bin : named;
}

std::string token_id_kind(const fs::path& file) {
  char front[6] = {};
  InputFile input(file);
  if (input.read(front, sizeof front) == sizeof front && std::string_view(front, 6) == "\x93NUMPY")
    return kNpy;
  if (lower_case(file.extension().string()) != ".bin") return "";
  if (!is_there(index_of(file))) {
    fail(ErrorKind::kMissingInput,
         "{}: token ids want their index {} beside them (Megatron); for bare uint16 ids: python3 -c 'import "
         "numpy,sys; numpy.save(sys.argv[1] + \".npy\", numpy.fromfile(sys.argv[1], \"<u2\"))' {}",
         file.string(), index_of(file).filename().string(), file.string());
  }
  return kMegatron;
}

std::string sha256_of_token_ids(const fs::path& file) {
  const std::string ids = sha256_of_file(file);
  if (token_id_kind(file) == kNpy) return ids;
  return sha256_of(ids + sha256_of_file(index_of(file)));
}

void read_token_ids(const fs::path& file, int64_t vocab_size, const TakeIds& take) {
  const std::string kind = token_id_kind(file);
  if (kind.empty()) {
    fail(ErrorKind::kBadData,
         "{}: not a .npy file and no .bin with its .idx (Megatron): it does not begin with \\x93NUMPY",
         file.string());
  }
  if (kind == kNpy) {
    read_npy(file, vocab_size, take);
  } else {
    read_megatron(file, vocab_size, take);
  }
}

}  // namespace ropeway
