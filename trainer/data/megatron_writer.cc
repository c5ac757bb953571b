#include "trainer/data/megatron_writer.h"

#include <limits>
#include <string>

#include "kernels/base/error.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

constexpr int kUInt16 = 8, kInt32 = 4;  // codes of the types

template <typename Value>
void append(std::string& bytes, Value value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

MegatronWriter::MegatronWriter(const std::filesystem::path& target, int64_t vocab_size)
    : bin_(std::filesystem::path(target).replace_extension(".bin")),
      idx_(std::filesystem::path(target).replace_extension(".idx")),
      id_bytes_(vocab_size <= 65536 ? 2 : 4),
      ids_(bin_.string() + ".tmp-" + make_uuid()) {}

void MegatronWriter::add(std::span<const int32_t> document) {
  if (document.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    fail(ErrorKind::kBadData, "{}: a document of {} tokens, and the format holds lengths of 32 bits",
         bin_.string(), document.size());
  }
  lengths_.push_back(static_cast<int32_t>(document.size()));
  if (id_bytes_ == 4) {
    ids_.write(document.data(), static_cast<int64_t>(document.size_bytes()));
    return;
  }
  const std::vector<uint16_t> narrow(document.begin(), document.end());
  ids_.write(narrow.data(), static_cast<int64_t>(2 * narrow.size()));
}

void MegatronWriter::publish() {
  std::string index("MMIDIDX\0\0", 9);
  append<uint64_t>(index, 1);
  append<uint8_t>(index, static_cast<uint8_t>(id_bytes_ == 2 ? kUInt16 : kInt32));
  append<uint64_t>(index, lengths_.size());
  append<uint64_t>(index, lengths_.size() + 1);
  for (const int32_t length : lengths_) append(index, length);
  int64_t offset = 0;
  for (const int32_t length : lengths_) {
    append(index, offset);
    offset += int64_t{length} * id_bytes_;
  }
  for (size_t border = 0; border <= lengths_.size(); ++border) append(index, static_cast<int64_t>(border));
  ids_.keep();
  rename_file(ids_.path(), bin_);
  write_file_atomically(idx_, index);
}

}  // namespace ropeway
