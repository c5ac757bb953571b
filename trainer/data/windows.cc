#include "trainer/data/windows.h"

#include <algorithm>
#include <charconv>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "trainer/config/lengths.h"
#include "trainer/data/documents.h"
#include "trainer/data/passkey.h"
#include "trainer/files/files.h"

namespace ropeway {
namespace {

// make_passkey_sample draws its digits from block 0 of the same stream.
constexpr uint32_t kPlacementBlock = 1;

void require_pass_of(const DocumentStream& stream, const MarkedDocuments& documents, int64_t length) {
  const int64_t tokens = stream.pass_tokens(0);
  if (tokens >= length) return;
  fail(ErrorKind::kBadData,
       "training windows: the text has {} tokens in all ({}), wanted the {} tokens of a window or more; give "
       "a "
       "longer text or a shorter length",
       tokens, sizes_of(documents), length);
}

}  // namespace

WindowSampler::WindowSampler(const Documents& documents, const Tokenizer& tokenizer,
                             const WindowOptions& options)
    : documents_(documents, options.marks, options.weights),
      tokenizer_(tokenizer),
      options_(options),
      seed_(seed_of_stage(options.seed, options.stage)) {
  ROPEWAY_CHECK(options_.length >= 2, "window of {} tokens", options_.length);
  ROPEWAY_CHECK(options_.passkey_fraction >= 0 && options_.passkey_fraction <= 1, "passkey_fraction {}",
                options_.passkey_fraction);
  if (options_.packing == Packing::kConcat) {
    stream_.emplace(documents_, seed_);
    require_pass_of(*stream_, documents_, options_.length);
  } else {
    texts_.emplace(documents_, options_.length, "training windows");
  }
  if (options_.passkey_fraction > 0) {
    // A length without room for needle and question is refused now, not at the first window that wants one.
    const std::vector<int32_t> blank(static_cast<size_t>(options_.length), 0);
    make_passkey_sample(tokenizer_, blank, {.length = options_.length});
  }
}

Window WindowSampler::window(uint64_t index) const {
  Window window;
  if (stream_) {
    DocumentStream::Stretch stretch = stream_->stretch(
        stream_->window_begin(static_cast<int64_t>(index), options_.length), options_.length);
    window.tokens = std::move(stretch.tokens);
    if (options_.mask == DocumentMask::kDocuments) window.documents = std::move(stretch.starts);
  } else {
    window.tokens = texts_->draw(seed_, Stream::kWindow, index);
  }
  window.weights.assign(static_cast<size_t>(options_.length), 1.0f);
  window.weights.back() = 0;
  Philox placement(seed_, Stream::kPasskey, index, kPlacementBlock);
  if (placement.uniform() >= options_.passkey_fraction) return window;
  const double depth = placement.uniform();
  PasskeySample sample = make_passkey_sample(
      tokenizer_, window.tokens, {.length = options_.length, .depth = depth, .seed = seed_, .index = index});
  for (const int64_t begin : {sample.repeat_begin, sample.answer_begin}) {
    std::fill_n(window.weights.begin() + begin - 1, sample.answer_count,
                static_cast<float>(options_.passkey_answer_weight));
  }
  window.tokens = std::move(sample.tokens);
  window.documents = {0};
  return window;
}

WindowFacts WindowSampler::facts() const {
  WindowFacts facts;
  facts.documents = stream_ ? stream_->pass_documents(0) : texts_->num_documents();
  facts.tokens = stream_ ? stream_->pass_tokens(0) : texts_->num_tokens();
  facts.windows = facts.tokens / options_.length;
  for (size_t d = 0; d < documents_.count(); ++d) {
    if (documents_.size(d) < options_.length) ++facts.short_documents;
  }
  return facts;
}

std::string WindowSampler::describe() const {
  if (texts_) return used_documents(documents_, options_.length);
  const WindowFacts found = facts();
  std::string text =
      fmt::format("used {} document{}, {} tokens", found.documents, found.documents == 1 ? "" : "s",
                  format_count(static_cast<double>(found.tokens)));
  if (found.short_documents == 0) return text;
  return text + fmt::format("; {} shorter than {} {} joined to others", found.short_documents,
                            format_length(options_.length), found.short_documents == 1 ? "was" : "were");
}

uint64_t seed_of_stage(uint64_t seed, std::string_view stage) {
  if (stage.empty()) return seed;
  const std::string digest = sha256_of(fmt::format("{}:{}", seed, stage)).substr(0, 16);
  uint64_t mixed = 0;
  std::from_chars(digest.data(), digest.data() + digest.size(), mixed, 16);
  return mixed;
}

}  // namespace ropeway
