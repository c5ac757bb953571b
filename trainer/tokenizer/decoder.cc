#include "trainer/tokenizer/decoder.h"

#include "trainer/files/utf8.h"
#include "trainer/tokenizer/byte_characters.h"
#include "trainer/tokenizer/byte_fallback.h"
#include "trainer/tokenizer/metaspace.h"
#include "trainer/tokenizer/split_pattern.h"

namespace ropeway {
namespace {

void fuse(std::vector<std::string>& tokens) {
  std::string all;
  for (const std::string& token : tokens) all += token;
  tokens.assign(1, std::move(all));
}

class Fuse : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override { fuse(tokens); }
};

class ByteLevel : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      // An added token may hold characters that stand for no byte; its text is meant as it is.
      if (auto bytes = bytes_of_characters(token)) token = std::move(*bytes);
    }
    fuse(tokens);
  }
};

class ByteFallback : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      if (const auto byte = byte_of_token(token)) token.assign(1, static_cast<char>(*byte));
    }
  }
};

class Metaspace : public Decoder {
 public:
  explicit Metaspace(const MetaspaceSettings& settings) : settings_(settings) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      const bool drop = i == 0 && settings_.prepend != MetaspaceSettings::Prepend::kNever;
      std::string text;
      for (std::string_view rest = tokens[i]; !rest.empty();) {
        if (rest.starts_with(settings_.replacement)) {
          if (!drop) text += ' ';
          rest.remove_prefix(settings_.replacement.size());
        } else {
          text += rest.front();
          rest.remove_prefix(1);
        }
      }
      tokens[i] = std::move(text);
    }
  }

 private:
  MetaspaceSettings settings_;
};

// Takes up to `start` copies of a character off the front of every token, and `stop` off the back.
class Strip : public Decoder {
 public:
  Strip(std::string character, int64_t start, int64_t stop)
      : character_(std::move(character)), start_(start), stop_(stop) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      std::string_view kept = token;
      for (int64_t i = 0; i < start_ && kept.starts_with(character_); ++i)
        kept.remove_prefix(character_.size());
      for (int64_t i = 0; i < stop_ && kept.ends_with(character_); ++i) kept.remove_suffix(character_.size());
      token = std::string(kept);
    }
  }

 private:
  std::string character_;
  int64_t start_, stop_;
};

class Replace : public Decoder {
 public:
  Replace(SplitPattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) token = pattern_.replaced(token, content_);
  }

 private:
  SplitPattern pattern_;
  std::string content_;
};

void read(const JsonValue& value, std::vector<std::unique_ptr<Decoder>>& list) {
  const JsonValue type = value.at("type");
  const std::string name = type.string();
  if (name == "Sequence") {
    const JsonValue steps = value.at("decoders");
    for (int64_t i = 0; i < steps.size(); ++i) read(steps.at(i), list);
  } else if (name == "ByteLevel") {
    list.push_back(std::make_unique<ByteLevel>());
  } else if (name == "Metaspace") {
    list.push_back(std::make_unique<Metaspace>(read_metaspace(value)));
  } else if (name == "ByteFallback") {
    list.push_back(std::make_unique<ByteFallback>());
  } else if (name == "Fuse") {
    list.push_back(std::make_unique<Fuse>());
  } else if (name == "Strip") {
    const JsonValue content = value.at("content");
    if (content.string().empty() || utf8_length(content.string()[0]) != content.string().size()) {
      content.refuse("one character");
    }
    list.push_back(std::make_unique<Strip>(content.string(), value.at("start").integer(0, INT32_MAX),
                                           value.at("stop").integer(0, INT32_MAX)));
  } else if (name == "Replace") {
    list.push_back(
        std::make_unique<Replace>(SplitPattern(value.at("pattern")), value.at("content").string()));
  } else {
    type.refuse("Sequence, ByteLevel, Metaspace, ByteFallback, Fuse, Strip or Replace");
  }
}

}  // namespace

std::vector<std::unique_ptr<Decoder>> read_decoders(const JsonValue& value) {
  std::vector<std::unique_ptr<Decoder>> list;
  read(value, list);
  return list;
}

}  // namespace ropeway
