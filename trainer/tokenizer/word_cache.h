// The ids of words met before: text repeats its words. A table of bounded size that starts anew when it is
// full, which costs less than keeping an order of use.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ropeway {

class WordCache {
 public:
  static constexpr size_t kMaxWordBytes = 256;

  WordCache() : slots_(kSlots) {}

  // The ids stored for the word; a null pointer in the span when there are none.
  std::span<const int32_t> find(std::string_view word) const {
    const Slot& slot = slots_[place(word)];
    if (!slot.used) return {};
    return {ids_.data() + slot.ids_begin, slot.ids_count};
  }

  void insert(std::string_view word, std::span<const int32_t> ids) {
    if (words_ == kSlots / 2) {
      slots_.assign(kSlots, {});
      text_.clear();
      ids_.clear();
      words_ = 0;
    }
    Slot& slot = slots_[place(word)];
    slot = {static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(ids_.size()),
            static_cast<uint16_t>(word.size()), static_cast<uint16_t>(ids.size()), true};
    text_ += word;
    ids_.insert(ids_.end(), ids.begin(), ids.end());
    ++words_;
  }

 private:
  static constexpr size_t kSlots = 1 << 16;
  struct Slot {
    uint32_t text_begin = 0, ids_begin = 0;
    uint16_t text_bytes = 0, ids_count = 0;
    bool used = false;
  };
  size_t place(std::string_view word) const {
    size_t i = std::hash<std::string_view>()(word) & (kSlots - 1);
    while (slots_[i].used &&
           std::string_view(text_).substr(slots_[i].text_begin, slots_[i].text_bytes) != word) {
      i = (i + 1) & (kSlots - 1);
    }
    return i;
  }

  std::vector<Slot> slots_;
  std::string text_;
  std::vector<int32_t> ids_;
  size_t words_ = 0;
};

}  // namespace ropeway
