#include "trainer/tokenizer/pre_tokenizer.h"

#include <utf8proc.h>

#include "trainer/files/utf8.h"
#include "trainer/tokenizer/byte_characters.h"
#include "trainer/tokenizer/metaspace.h"
#include "trainer/tokenizer/split_pattern.h"

namespace ropeway {
namespace {

// GPT-2's: contractions; letters, digits or signs with a space in front; white space without its last
// character where a word follows; white space.
constexpr const char* kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

class Split : public PreTokenizer {
 public:
  Split(SplitPattern pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  void apply(const Pieces& from, Pieces& to) const override {
    to.text.reserve(from.text.size());
    to.ends.reserve(from.text.size() / 4);
    for (size_t i = 0; i < from.count(); ++i) {
      const std::string_view piece = from.piece(i);
      PieceSplitter splitter(piece, behavior_, to);
      size_t done = 0;
      pattern_.for_each_match(piece, [&](size_t begin, size_t end) {
        if (done < begin) splitter.part(done, begin, invert_);
        splitter.part(begin, end, !invert_);
        done = end;
      });
      if (done < piece.size()) splitter.part(done, piece.size(), invert_);
      splitter.finish();
    }
  }

 private:
  SplitPattern pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

// Cuts at the characters of a kind.
class CharacterSplit : public PreTokenizer {
 public:
  using Belongs = bool (*)(uint32_t);
  CharacterSplit(Belongs belongs, SplitBehavior behavior) : belongs_(belongs), behavior_(behavior) {}

  void apply(const Pieces& from, Pieces& to) const override {
    to.text.reserve(from.text.size());
    for (size_t i = 0; i < from.count(); ++i) {
      const std::string_view piece = from.piece(i);
      PieceSplitter splitter(piece, behavior_, to);
      size_t done = 0;
      for (size_t at = 0; at < piece.size();) {
        const size_t begin = at;
        if (!belongs_(next_code_point(piece, at))) continue;
        if (done < begin) splitter.part(done, begin, false);
        splitter.part(begin, at, true);
        done = at;
      }
      if (done < piece.size()) splitter.part(done, piece.size(), false);
      splitter.finish();
    }
  }

 private:
  Belongs belongs_;
  SplitBehavior behavior_;
};

bool is_number(uint32_t code) {
  if (code < 0x80) return code >= '0' && code <= '9';
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(code));
  return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
         category == UTF8PROC_CATEGORY_NO;
}

bool is_punctuation(uint32_t code) {
  if (code < 0x80) {  // all signs, also those that Unicode counts as symbols
    return (code >= '!' && code <= '/') || (code >= ':' && code <= '@') || (code >= '[' && code <= '`') ||
           (code >= '{' && code <= '~');
  }
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(code));
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

class SpacePrefix : public PreTokenizer {
 public:
  void apply(const Pieces& from, Pieces& to) const override {
    for (size_t i = 0; i < from.count(); ++i) {
      if (from.piece(i).front() != ' ') to.text += ' ';
      to.add(from.piece(i));
    }
  }
};

class ByteCharacters : public PreTokenizer {
 public:
  void apply(const Pieces& from, Pieces& to) const override {
    const auto& characters = byte_characters();
    to.text.reserve(from.text.size() + from.text.size() / 2);
    to.ends.reserve(from.count());
    size_t begin = 0;
    for (const size_t end : from.ends) {
      for (size_t at = begin; at < end; ++at)
        to.text += characters[static_cast<unsigned char>(from.text[at])];
      to.end_piece();
      begin = end;
    }
  }
};

class Metaspace : public PreTokenizer {
 public:
  explicit Metaspace(const MetaspaceSettings& settings) : settings_(settings) {}

  void apply(const Pieces& from, Pieces& to) const override {
    const bool at_start = from.at_start;
    for (size_t i = 0; i < from.count(); ++i) {
      std::string piece;
      for (const char c : from.piece(i)) {
        if (c == ' ') {
          piece += settings_.replacement;
        } else {
          piece += c;
        }
      }
      const bool prefix = settings_.prepend == MetaspaceSettings::Prepend::kAlways ||
                          (settings_.prepend == MetaspaceSettings::Prepend::kFirst && i == 0 && at_start);
      if (prefix && !piece.starts_with(settings_.replacement)) piece.insert(0, settings_.replacement);
      size_t begin = 0;
      while (settings_.split) {
        const size_t next = piece.find(settings_.replacement, begin + 1);
        if (next == std::string::npos) break;
        to.add(std::string_view(piece).substr(begin, next - begin));
        begin = next;
      }
      to.add(std::string_view(piece).substr(begin));
    }
  }

 private:
  MetaspaceSettings settings_;
};

bool flag(const JsonValue& object, const std::string& key, bool otherwise) {
  const auto value = object.find(key);
  return value ? value->boolean() : otherwise;
}

void read(const JsonValue& value, std::vector<std::unique_ptr<PreTokenizer>>& list) {
  const JsonValue type = value.at("type");
  const std::string name = type.string();
  if (name == "Sequence") {
    const JsonValue steps = value.at("pretokenizers");
    for (int64_t i = 0; i < steps.size(); ++i) read(steps.at(i), list);
  } else if (name == "ByteLevel") {
    if (flag(value, "add_prefix_space", true)) list.push_back(std::make_unique<SpacePrefix>());
    if (flag(value, "use_regex", true)) {
      list.push_back(std::make_unique<Split>(SplitPattern(Regex(kGpt2Pattern, value.place())),
                                             SplitBehavior::kIsolated, false));
    }
    list.push_back(std::make_unique<ByteCharacters>());
  } else if (name == "Split") {
    list.push_back(std::make_unique<Split>(SplitPattern(value.at("pattern")),
                                           split_behavior(value.at("behavior")),
                                           flag(value, "invert", false)));
  } else if (name == "Digits") {
    list.push_back(std::make_unique<CharacterSplit>(is_number, flag(value, "individual_digits", false)
                                                                   ? SplitBehavior::kIsolated
                                                                   : SplitBehavior::kContiguous));
  } else if (name == "Punctuation") {
    const auto behavior = value.find("behavior");
    list.push_back(std::make_unique<CharacterSplit>(
        is_punctuation, behavior ? split_behavior(*behavior) : SplitBehavior::kIsolated));
  } else if (name == "WhitespaceSplit") {
    list.push_back(std::make_unique<CharacterSplit>(is_white_space, SplitBehavior::kRemoved));
  } else if (name == "Metaspace") {
    list.push_back(std::make_unique<Metaspace>(read_metaspace(value)));
  } else {
    type.refuse("Sequence, ByteLevel, Split, Digits, Metaspace, Punctuation or WhitespaceSplit");
  }
}

}  // namespace

std::vector<std::unique_ptr<PreTokenizer>> read_pre_tokenizers(const JsonValue& value) {
  std::vector<std::unique_ptr<PreTokenizer>> list;
  read(value, list);
  return list;
}

}  // namespace ropeway
