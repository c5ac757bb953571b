#include "trainer/tokenizer/bpe_tokenizer.h"

#include <atomic>
#include <mutex>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "trainer/files/utf8.h"
#include "trainer/tokenizer/added_tokens.h"
#include "trainer/tokenizer/bpe_reader.h"
#include "trainer/tokenizer/decoder.h"
#include "trainer/tokenizer/normalizer.h"
#include "trainer/tokenizer/pre_tokenizer.h"
#include "trainer/tokenizer/template.h"

namespace ropeway {
namespace {

struct Pipeline {
  explicit Pipeline(BpeModel bpe) : model(std::move(bpe)) {}
  BpeModel model;
  std::vector<std::unique_ptr<Normalizer>> normalizers;
  std::vector<std::unique_ptr<PreTokenizer>> pre_tokenizers;
  std::vector<std::unique_ptr<Decoder>> decoders;
  std::optional<AddedTokenFinder> raw_tokens, normalized_tokens;
  SpecialTokenTemplate special;
  std::vector<std::optional<std::string>> texts;  // of each id that a token has
  std::string where, fingerprint;

  void normalize(std::string& text) const {
    for (const auto& normalizer : normalizers) normalizer->apply(text);
  }
};

class BpeTokenizer : public Tokenizer {
 public:
  explicit BpeTokenizer(Pipeline pipeline) : pipeline_(std::move(pipeline)) {}

  std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options) const override {
    std::string repaired;
    if (valid_utf8_bytes(text) != text.size()) text = repaired = replace_invalid_utf8(text);
    // The word cache lives as long as the tokenizer; a second thread at the same time has one of its own.
    std::unique_lock lock(mutex_, std::try_to_lock);
    if (lock.owns_lock()) return encode_with(workspace_, text, options);
    Workspace own;
    return encode_with(own, text, options);
  }

  std::string decode(const std::vector<int32_t>& ids) const override {
    std::vector<std::string> tokens;
    tokens.reserve(ids.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] < 0 || ids[i] >= vocab_size() || !pipeline_.texts[static_cast<size_t>(ids[i])]) {
        fail(ErrorKind::kBadData, "token {} has id {}, which no token of {} has", i, ids[i], pipeline_.where);
      }
      tokens.push_back(*pipeline_.texts[static_cast<size_t>(ids[i])]);
    }
    for (const auto& decoder : pipeline_.decoders) decoder->apply(tokens);
    std::string text;
    for (const std::string& token : tokens) {
      if (pipeline_.decoders.empty() && !text.empty()) text += ' ';
      text += token;
    }
    return text;
  }

  int64_t vocab_size() const override { return static_cast<int64_t>(pipeline_.texts.size()); }
  std::string fingerprint() const override { return pipeline_.fingerprint; }

 private:
  struct Workspace {
    Pieces pieces, next;
    BpeModel::Workspace model;
  };

  std::vector<int32_t> encode_with(Workspace& work, std::string_view text,
                                   const EncodeOptions& options) const {
    std::vector<int32_t> ids;
    ids.reserve(text.size() / 3 + 8);
    if (options.add_special_tokens) ids = pipeline_.special.before;
    pipeline_.raw_tokens->for_each_part(text, options.read_special_tokens,
                                        [&](size_t begin, size_t end, std::optional<int32_t> token) {
                                          if (token) return ids.push_back(*token);
                                          std::string part(text.substr(begin, end - begin));
                                          pipeline_.normalize(part);
                                          encode_normalized(work, part, begin == 0, options, ids);
                                        });
    if (work.model.dropped_characters > 0 && !warned_.test_and_set()) {
      log_warning(
          "{}: the text has characters outside the vocabulary, which has no unknown token: {} are dropped",
          pipeline_.where, work.model.dropped_characters);
    }
    if (options.add_special_tokens) {
      ids.insert(ids.end(), pipeline_.special.after.begin(), pipeline_.special.after.end());
    }
    return ids;
  }

  void encode_normalized(Workspace& work, std::string_view text, bool at_start, const EncodeOptions& options,
                         std::vector<int32_t>& ids) const {
    pipeline_.normalized_tokens->for_each_part(
        text, options.read_special_tokens, [&](size_t begin, size_t end, std::optional<int32_t> token) {
          if (token) return ids.push_back(*token);
          work.pieces.clear();
          work.pieces.at_start = at_start && begin == 0;
          work.pieces.add(text.substr(begin, end - begin));
          for (const auto& step : pipeline_.pre_tokenizers) {
            work.next.clear();
            work.next.at_start = work.pieces.at_start;
            step->apply(work.pieces, work.next);
            std::swap(work.pieces, work.next);
          }
          for (size_t i = 0; i < work.pieces.count(); ++i) {
            pipeline_.model.encode(work.pieces.piece(i), work.model, ids);
          }
        });
  }

  Pipeline pipeline_;
  mutable std::mutex mutex_;
  mutable Workspace workspace_;
  mutable std::atomic_flag warned_ = ATOMIC_FLAG_INIT;
};

bool flag(const JsonValue& token, const std::string& key) {
  const auto value = token.find(key);
  return value && value->boolean();
}

std::vector<AddedToken> read_added_tokens(const JsonValue& list, Pipeline& pipeline) {
  std::vector<AddedToken> tokens;
  for (int64_t i = 0; i < list.size(); ++i) {
    const JsonValue entry = list.at(i);
    AddedToken token;
    token.content = entry.at("content").string();
    token.id = static_cast<int32_t>(entry.at("id").integer(0, kMaxTokenId));
    token.special = flag(entry, "special");
    const auto normalized = entry.find("normalized");
    token.normalized = normalized ? normalized->boolean() : !token.special;
    token.single_word = flag(entry, "single_word");
    token.lstrip = flag(entry, "lstrip");
    token.rstrip = flag(entry, "rstrip");

    const auto id = static_cast<size_t>(token.id);
    if (id >= pipeline.texts.size()) pipeline.texts.resize(id + 1);
    std::optional<std::string>& taken = pipeline.texts[id];
    if (taken && *taken != token.content) {
      entry.at("id").refuse(
          fmt::format("an id that no other token has: it is also that of '{}'", shorten(*taken, 40)));
    }
    const auto known = pipeline.model.vocabulary().find(token.content);
    if (known != pipeline.model.vocabulary().end() && known->second != token.id) {
      entry.at("id").refuse(
          fmt::format("{}, the id of '{}' in model.vocab", known->second, shorten(token.content, 40)));
    }
    taken = token.content;
    for (const AddedToken& other : tokens) {
      if (other.content == token.content) entry.at("content").refuse("a text that no other added token has");
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace

std::unique_ptr<Tokenizer> make_bpe_tokenizer(const JsonValue& root, std::string fingerprint) {
  Pipeline pipeline(read_bpe_model(root.at("model")));
  pipeline.where = root.place();
  pipeline.fingerprint = std::move(fingerprint);
  for (const auto& [text, id] : pipeline.model.vocabulary()) {
    if (static_cast<size_t>(id) >= pipeline.texts.size()) pipeline.texts.resize(static_cast<size_t>(id) + 1);
    pipeline.texts[static_cast<size_t>(id)] = text;
  }
  if (const auto value = root.find("normalizer")) pipeline.normalizers = read_normalizers(*value);
  if (const auto value = root.find("pre_tokenizer")) pipeline.pre_tokenizers = read_pre_tokenizers(*value);
  if (const auto value = root.find("decoder")) pipeline.decoders = read_decoders(*value);

  std::vector<std::pair<std::string, AddedToken>> raw, normalized;
  if (const auto list = root.find("added_tokens")) {
    for (AddedToken& token : read_added_tokens(*list, pipeline)) {
      std::string text = token.content;
      if (token.normalized) pipeline.normalize(text);
      // Decoding gives what was found, as Hugging Face tokenizers does.
      if (!text.empty()) pipeline.texts[static_cast<size_t>(token.id)] = text;
      (token.normalized ? normalized : raw).emplace_back(std::move(text), std::move(token));
    }
  }
  pipeline.raw_tokens.emplace(std::move(raw));
  pipeline.normalized_tokens.emplace(std::move(normalized));
  if (const auto value = root.find("post_processor")) {
    pipeline.special = read_template(*value, static_cast<int64_t>(pipeline.texts.size()));
  }
  return std::make_unique<BpeTokenizer>(std::move(pipeline));
}

}  // namespace ropeway
