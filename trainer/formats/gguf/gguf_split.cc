#include "trainer/formats/gguf/gguf_split.h"

#include "kernels/base/error.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxParts = 99999;

std::string ending_of(const GgufSplit& split) {
  return fmt::format("-{:05}-of-{:05}.gguf", split.number + 1, split.count);
}

// NAME of NAME-00001-of-00003.gguf; "" for another name.
std::string stem_of(const fs::path& path, const GgufSplit& split) {
  const std::string name = path.filename().string(), ending = ending_of(split);
  return name.size() > ending.size() && name.ends_with(ending) ? name.substr(0, name.size() - ending.size())
                                                               : "";
}

}  // namespace

GgufSplit read_gguf_split(const GgufFile& file) {
  GgufSplit split;
  if (const auto count = file.find("split.count")) split.count = count->integer(0, kMaxParts);
  if (split.count > 1) split.number = file.at("split.no").integer(0, split.count - 1);
  return split;
}

fs::path gguf_part(const fs::path& first, const GgufSplit& wanted) {
  const std::string stem = stem_of(first, {0, wanted.count});
  if (stem.empty()) {
    fail(ErrorKind::kBadData,
         "{}: is the first of {} files of a split model, and by its name the others cannot be found: wanted "
         "NAME{} (llama-gguf-split joins parts into one file)",
         first.string(), wanted.count, ending_of({0, wanted.count}));
  }
  fs::path part = first.parent_path() / (stem + ending_of(wanted));
  if (fs::exists(part)) return part;
  fail(ErrorKind::kMissingInput,
       "{}: is not there: the model is split into {} files, which "
       "must all lie beside {}",
       part.string(), wanted.count, first.filename().string());
}

void require_gguf_part(const GgufFile& file, const GgufSplit& wanted) {
  const GgufSplit found = read_gguf_split(file);
  if (found.number == wanted.number && found.count == wanted.count) return;
  fail(ErrorKind::kBadData, "{}: says it is part {} of {} of a split model, wanted part {} of {}",
       file.where(), found.number + 1, found.count, wanted.number + 1, wanted.count);
}

void refuse_later_gguf_part(const fs::path& path, const GgufSplit& split) {
  const std::string stem = stem_of(path, split);
  const std::string first = ending_of({0, split.count});
  fail(ErrorKind::kBadData, "{}: is part {} of {} of a split model: name the first one, {}", path.string(),
       split.number + 1, split.count,
       (path.parent_path() / ((stem.empty() ? "NAME" : stem) + first)).string());
}

}  // namespace ropeway
