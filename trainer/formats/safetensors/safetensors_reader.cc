// Opens, checks and maps a safetensors file. Layout rules beyond the header's own: the tensors, by offset,
// cover the data section without hole or overlap, and the file ends where the last one does (so nothing can
// hide in it).
#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/files/mapped_file.h"
#include "trainer/formats/safetensors/safetensors_header.h"

namespace ropeway {

struct SafetensorsFile::State {
  MappedFile file;
  SafetensorsHeader header;
  int64_t data_start = 0;
};

namespace {

uint64_t little_endian_u64(const std::byte* bytes) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = value << 8 | static_cast<uint64_t>(bytes[i]);
  return value;
}

void check_layout(const SafetensorsHeader& header, int64_t data_bytes, const std::string& where) {
  using Entry = std::pair<const std::string, TensorInfo>;
  std::vector<const Entry*> order;
  order.reserve(header.tensors.size());
  for (const Entry& entry : header.tensors) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const Entry* a, const Entry* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  int64_t covered = 0;
  const Entry* before = nullptr;
  for (const Entry* entry : order) {
    const TensorInfo& info = entry->second;
    if (info.end > data_bytes) {
      fail(ErrorKind::kBadData,
           "{}: tensor '{}': ends at byte {} of the data section, which has {} (truncated?)", where,
           entry->first, info.end, data_bytes);
    }
    if (info.begin < covered) {
      fail(ErrorKind::kBadData, "{}: tensors '{}' [{}, {}] and '{}' [{}, {}] overlap", where, before->first,
           before->second.begin, before->second.end, entry->first, info.begin, info.end);
    }
    if (info.begin > covered) {
      fail(ErrorKind::kBadData,
           "{}: a hole of {} bytes before tensor '{}': the data before it ends at {}, it begins at {}", where,
           info.begin - covered, entry->first, covered, info.begin);
    }
    covered = info.end;
    before = entry;
  }
  if (covered != data_bytes) {
    fail(ErrorKind::kBadData,
         "{}: {} bytes after the last tensor: the tensors take {}, the data section has {}", where,
         data_bytes - covered, covered, data_bytes);
  }
}

}  // namespace

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  const std::string where = path.string();
  auto state = std::make_unique<State>(State{MappedFile(path), {}, 0});
  const std::byte* bytes = state->file.bytes().data();
  const auto file_bytes = static_cast<int64_t>(state->file.bytes().size());
  if (file_bytes < 8) {
    fail(ErrorKind::kBadData, "{}: needs at least 8 bytes for the header's length, has {}", where,
         file_bytes);
  }

  const uint64_t header_bytes = little_endian_u64(bytes);
  if (header_bytes > static_cast<uint64_t>(kMaxSafetensorsHeaderBytes)) {
    fail(ErrorKind::kBadData, "{}: the header claims {} bytes, at most {} are read", where, header_bytes,
         kMaxSafetensorsHeaderBytes);
  }
  state->data_start = 8 + static_cast<int64_t>(header_bytes);
  if (state->data_start > file_bytes) {
    fail(ErrorKind::kBadData, "{}: the header claims {} bytes, the file has {} after its length (truncated?)",
         where, header_bytes, file_bytes - 8);
  }
  state->header = parse_safetensors_header(
      std::string_view(reinterpret_cast<const char*>(bytes + 8), static_cast<size_t>(header_bytes)), where);
  check_layout(state->header, file_bytes - state->data_start, where);
  return SafetensorsFile(std::move(state));
}

SafetensorsFile::SafetensorsFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;
SafetensorsFile& SafetensorsFile::operator=(SafetensorsFile&&) noexcept = default;
SafetensorsFile::~SafetensorsFile() = default;

const std::map<std::string, TensorInfo>& SafetensorsFile::tensors() const { return state_->header.tensors; }
const std::map<std::string, std::string>& SafetensorsFile::metadata() const {
  return state_->header.metadata;
}
const std::filesystem::path& SafetensorsFile::path() const { return state_->file.path(); }

void SafetensorsFile::rename(const std::string& name, const std::string& new_name) {
  auto entry = state_->header.tensors.extract(name);
  ROPEWAY_CHECK(!entry.empty(), "no tensor '{}' in {}", name, path().string());
  entry.key() = new_name;
  ROPEWAY_CHECK(state_->header.tensors.insert(std::move(entry)).inserted, "two tensors '{}'", new_name);
}

std::span<const std::byte> SafetensorsFile::data(const std::string& name) const {
  const auto it = state_->header.tensors.find(name);
  if (it == state_->header.tensors.end()) {
    fail(ErrorKind::kBadData, "{}: holds no tensor '{}'", state_->file.path().string(), name);
  }
  return {state_->file.bytes().data() + state_->data_start + it->second.begin,
          static_cast<size_t>(it->second.end - it->second.begin)};
}

}  // namespace ropeway
