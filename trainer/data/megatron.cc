#include "trainer/data/megatron.h"

#include <cstring>
#include <string_view>

#include "kernels/base/error.h"
#include "trainer/files/mapped_file.h"

namespace ropeway {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kMagic = "MMIDIDX\0\0"sv;

class IndexReader {
 public:
  IndexReader(const std::filesystem::path& idx, int64_t bin_bytes)
      : name_(idx.string()), file_(idx), bin_bytes_(bin_bytes) {}

  MegatronIndex read() {
    const std::string_view magic = {reinterpret_cast<const char*>(file_.bytes().data()),
                                    std::min(kMagic.size(), file_.bytes().size())};
    if (magic != kMagic) fail(ErrorKind::kBadData, "{}: does not begin with MMIDIDX", name_);
    at_ = kMagic.size();
    if (const uint64_t version = value<uint64_t>(); version != 1) {
      fail(ErrorKind::kBadData, "{}: version {}, wanted 1", name_, version);
    }
    MegatronIndex index;
    index.type = id_type(value<uint8_t>());
    const auto sequences = value<uint64_t>(), borders = value<uint64_t>();
    require_size(sequences, borders);
    read_sequences(index, sequences);
    read_borders(index, borders);
    return index;
  }

 private:
  template <typename T>
  T value() {
    if (file_.bytes().size() - at_ < sizeof(T)) {
      fail(ErrorKind::kBadData, "{}: {} bytes: cut short", name_, file_.bytes().size());
    }
    T found;
    std::memcpy(&found, file_.bytes().data() + at_, sizeof found);
    at_ += sizeof found;
    return found;
  }

  IdType id_type(int code) const {
    switch (code) {
      case 1:
        return {1, false};
      case 2:
        return {1, true};
      case 3:
        return {2, true};
      case 4:
        return {4, true};
      case 5:
        return {8, true};
      case 8:
        return {2, false};
      case 6:
      case 7:
        fail(ErrorKind::kBadData, "{}: values of type {}, floating point, wanted integers", name_, code);
      default:
        fail(ErrorKind::kBadData, "{}: values of type {}, wanted 1 to 5 or 8", name_, code);
    }
  }

  // Before anything is allocated for so many.
  void require_size(uint64_t sequences, uint64_t borders) const {
    const uint64_t left = file_.bytes().size() - at_;
    const bool fits = sequences <= left / 12 && borders <= (left - 12 * sequences) / 8;
    const uint64_t rest = fits ? left - 12 * sequences - 8 * borders : 1;
    if (!fits || (rest != 0 && rest != sequences)) {
      fail(ErrorKind::kBadData,
           "{}: {} bytes follow its header, too few or too many for {} sequences and {} borders", name_, left,
           sequences, borders);
    }
  }

  void read_sequences(MegatronIndex& index, uint64_t count) {
    index.sequences.resize(count);
    for (auto& sequence : index.sequences) sequence.ids = value<int32_t>();
    const auto id_bytes = static_cast<int64_t>(index.type.bytes);
    for (size_t i = 0; i < count; ++i) {
      MegatronIndex::Sequence& sequence = index.sequences[i];
      sequence.offset = value<int64_t>();
      const bool fits = sequence.ids >= 0 && sequence.offset >= 0 && sequence.offset <= bin_bytes_ &&
                        sequence.ids <= (bin_bytes_ - sequence.offset) / id_bytes;
      if (!fits) {
        fail(ErrorKind::kBadData, "{}: sequence {} is {} ids at byte {}, outside the {} bytes of its .bin",
             name_, i, sequence.ids, sequence.offset, bin_bytes_);
      }
    }
  }

  void read_borders(MegatronIndex& index, uint64_t count) {
    const auto sequences = static_cast<int64_t>(index.sequences.size());
    for (uint64_t i = 0; i < count; ++i) {
      const auto border = value<int64_t>();
      const int64_t least = index.borders.empty() ? 0 : index.borders.back();
      if (border < least || border > sequences || (i == 0 && border != 0)) {
        fail(ErrorKind::kBadData, "{}: border {} of its documents is sequence {}, wanted {} to {}", name_, i,
             border, least, i == 0 ? 0 : sequences);
      }
      index.borders.push_back(border);
    }
    if (index.borders.size() < 2 || index.borders.back() != sequences) {
      fail(ErrorKind::kBadData, "{}: its documents end at sequence {} of {}", name_,
           index.borders.empty() ? 0 : index.borders.back(), sequences);
    }
  }

  std::string name_;
  MappedFile file_;
  int64_t bin_bytes_;
  size_t at_ = 0;
};

}  // namespace

MegatronIndex read_megatron_index(const std::filesystem::path& idx, int64_t bin_bytes) {
  return IndexReader(idx, bin_bytes).read();
}

}  // namespace ropeway
