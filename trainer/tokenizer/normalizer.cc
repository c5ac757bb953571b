#include "trainer/tokenizer/normalizer.h"

#include <utf8proc.h>

#include "trainer/files/utf8.h"
#include "trainer/tokenizer/normal_form.h"
#include "trainer/tokenizer/split_pattern.h"

namespace ropeway {
namespace {

class UnicodeForm : public Normalizer {
 public:
  explicit UnicodeForm(NormalForm form) : form_(form) {}
  void apply(std::string& text) const override { apply_normal_form(form_, text); }

 private:
  NormalForm form_;
};

class Lowercase : public Normalizer {
 public:
  void apply(std::string& text) const override {
    std::string result;
    result.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
      const uint32_t code = next_code_point(text, at);
      if (code == 0x130) {  // the one character whose lower case is two
        result += "i\xCC\x87";
      } else {
        append_utf8(result, static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code))));
      }
    }
    text = std::move(result);
  }
};

class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  void apply(std::string& text) const override {
    size_t begin = 0, end = text.size();
    while (left_ && begin < end) {
      size_t next = begin;
      if (!is_white_space(next_code_point(text, next))) break;
      begin = next;
    }
    while (right_ && end > begin) {
      size_t last = previous_character(text, end);
      const size_t previous = last;
      if (!is_white_space(next_code_point(text, last))) break;
      end = previous;
    }
    text = text.substr(begin, end - begin);
  }

 private:
  bool left_, right_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  void apply(std::string& text) const override {
    if (!text.empty()) text.insert(0, prefix_);
  }

 private:
  std::string prefix_;
};

class Replace : public Normalizer {
 public:
  Replace(SplitPattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  void apply(std::string& text) const override { text = pattern_.replaced(text, content_); }

 private:
  SplitPattern pattern_;
  std::string content_;
};

void read(const JsonValue& value, std::vector<std::unique_ptr<Normalizer>>& list) {
  const JsonValue type = value.at("type");
  const std::string name = type.string();
  if (name == "Sequence") {
    const JsonValue steps = value.at("normalizers");
    for (int64_t i = 0; i < steps.size(); ++i) read(steps.at(i), list);
  } else if (name == "NFC") {
    list.push_back(std::make_unique<UnicodeForm>(NormalForm::kNfc));
  } else if (name == "NFD") {
    list.push_back(std::make_unique<UnicodeForm>(NormalForm::kNfd));
  } else if (name == "NFKC") {
    list.push_back(std::make_unique<UnicodeForm>(NormalForm::kNfkc));
  } else if (name == "NFKD") {
    list.push_back(std::make_unique<UnicodeForm>(NormalForm::kNfkd));
  } else if (name == "Lowercase") {
    list.push_back(std::make_unique<Lowercase>());
  } else if (name == "Strip") {
    list.push_back(
        std::make_unique<Strip>(value.at("strip_left").boolean(), value.at("strip_right").boolean()));
  } else if (name == "Prepend") {
    list.push_back(std::make_unique<Prepend>(value.at("prepend").string()));
  } else if (name == "Replace") {
    list.push_back(
        std::make_unique<Replace>(SplitPattern(value.at("pattern")), value.at("content").string()));
  } else {
    type.refuse("Sequence, NFC, NFD, NFKC, NFKD, Lowercase, Strip, Prepend or Replace");
  }
}

}  // namespace

std::vector<std::unique_ptr<Normalizer>> read_normalizers(const JsonValue& value) {
  std::vector<std::unique_ptr<Normalizer>> list;
  read(value, list);
  return list;
}

}  // namespace ropeway
