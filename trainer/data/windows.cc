#include "trainer/data/windows.h"

#include <algorithm>
#include <charconv>
#include <cmath>

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

struct Parts {
  bool has_texts = false, has_examples = false;
};
Parts parts_of(const MarkedDocuments& documents) {
  Parts parts;
  for (size_t d = 0; d < documents.count(); ++d) {
    (documents.is_example(d) ? parts.has_examples : parts.has_texts) = true;
  }
  return parts;
}

void require_example(const PackedExamples& examples, const char* windows, int64_t length) {
  if (examples.examples() > 0) return;
  fail(ErrorKind::kBadData,
       "{}: none of the {} examples fits into {} tokens; an example is never cut: "
       "give shorter ones or a longer length",
       windows, examples.too_long(), length);
}

// Documents that are longer than `longest` start anew every so many tokens.
std::vector<int64_t> cut_documents(const std::vector<int64_t>& starts, int64_t size, int64_t longest) {
  std::vector<int64_t> cut;
  for (size_t d = 0; d < starts.size(); ++d) {
    const int64_t end = d + 1 < starts.size() ? starts[d + 1] : size;
    for (int64_t at = starts[d]; at < end; at += longest) cut.push_back(at);
  }
  return cut;
}

// Windows that the tokens of a pass over the texts fill, in the long run.
double windows_of_text(const MarkedDocuments& documents, const WindowOptions& options) {
  double tokens = 0;
  for (size_t d = 0; d < documents.count(); ++d) {
    const int64_t size = documents.size(d);
    const bool is_used = options.packing == Packing::kConcat || size >= options.length;
    if (is_used && !documents.is_example(d)) tokens += documents.weight(d) * static_cast<double>(size);
  }
  return tokens / static_cast<double>(options.length);
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
  const bool mixes = options_.short_share > 0;
  ROPEWAY_CHECK(
      options_.short_share >= 0 && options_.short_share < 1 && (!mixes || options_.short_length > 0),
      "a share {} of windows of {} tokens", options_.short_share, options_.short_length);
  const int64_t short_length = std::min(options_.short_length, options_.length);
  const Parts parts = parts_of(documents_);
  if (!parts.has_texts && parts.has_examples) {
    if (options_.passkey_fraction > 0) {
      fail(ErrorKind::kConfig,
           "no window can carry a passkey: all training text is examples of instruction data");
    }
  } else if (options_.packing == Packing::kConcat) {
    stream_.emplace(documents_, seed_);
    require_pass_of(*stream_, documents_, options_.length, "training windows");
  } else {
    texts_.emplace(documents_, options_.length, "training windows");
    if (mixes) {
      stream_.emplace(documents_, seed_);
      require_pass_of(*stream_, documents_, options_.length, "short training windows");
    }
  }
  if (parts.has_examples) {
    const bool joins = options_.packing == Packing::kConcat;
    examples_.emplace(documents_, PackedExamples::Sizes{options_.length, options_.length}, joins, seed_);
    require_example(*examples_, "training windows", options_.length);
    if (mixes) {
      short_examples_.emplace(documents_, PackedExamples::Sizes{options_.length, short_length}, joins, seed_);
      require_example(*short_examples_, "short training windows", short_length);
    }
    const double text = windows_of_text(documents_, options_);
    example_share_ = examples_->mean_windows() / (examples_->mean_windows() + text);
  }
  if (options_.passkey_fraction > 0) {
    // A length without room for needle and question is refused now, not at the first window that wants one.
    const int64_t least = mixes ? short_length : options_.length;
    const std::vector<int32_t> blank(static_cast<size_t>(least), 0);
    make_passkey_sample(tokenizer_, blank, {.length = least, .start = options_.marks.before});
  }
}

// Of the windows in front of window `index`, those of examples.
uint64_t WindowSampler::examples_before(uint64_t index) const {
  return static_cast<uint64_t>(std::floor(static_cast<double>(index) * example_share_));
}

// Of so many windows of one kind, text or examples, the short ones.
uint64_t WindowSampler::short_before(uint64_t index) const {
  return static_cast<uint64_t>(std::floor(static_cast<double>(index) * options_.short_share));
}

Window WindowSampler::window(uint64_t index) const {
  const uint64_t before = examples_before(index);
  Window window = examples_before(index + 1) > before ? example_window(before) : text_window(index - before);
  if (!window.is_short && window.documents.size() == 1) {
    window.jumps = skipped_positions(options_.skip, std::ssize(window.tokens), seed_, index);
  }
  return window;
}

std::optional<uint64_t> WindowSampler::first_of_examples() const {
  if (!examples_) return std::nullopt;
  uint64_t index = 0;
  while (examples_before(index + 1) == 0) ++index;
  return index;
}

Window WindowSampler::example_window(uint64_t index) const {
  const uint64_t before = short_before(index);
  Window window;
  window.is_short = short_before(index + 1) > before;
  std::vector<int64_t> starts;
  std::vector<float> scored;
  const std::vector<uint32_t> documents = window.is_short
                                              ? short_examples_->window(static_cast<int64_t>(before))
                                              : examples_->window(static_cast<int64_t>(index - before));
  for (const uint32_t document : documents) {
    const auto begin = std::ssize(window.tokens);
    starts.push_back(begin);
    window.tokens.resize(static_cast<size_t>(begin + documents_.size(document)));
    documents_.copy(document, 0, std::span(window.tokens).subspan(static_cast<size_t>(begin)));
    const std::vector<float> of_tokens = documents_.scored(document);
    scored.insert(scored.end(), of_tokens.begin(), of_tokens.end());
  }
  if (options_.mask == DocumentMask::kDocuments || window.is_short) window.documents = std::move(starts);
  // A prediction stands where the token before it is.
  window.weights.assign(scored.begin() + 1, scored.end());
  window.weights.push_back(0);
  return window;
}

Window WindowSampler::text_window(uint64_t index) const {
  const uint64_t before = short_before(index);
  Window window;
  window.is_short = short_before(index + 1) > before;
  if (!texts_ || window.is_short) {
    const uint64_t of_stream = texts_ ? before : index;
    DocumentStream::Stretch stretch = stream_->stretch(
        stream_->window_begin(static_cast<int64_t>(of_stream), options_.length), options_.length);
    window.tokens = std::move(stretch.tokens);
    if (window.is_short) {
      window.documents = cut_documents(stretch.starts, options_.length, options_.short_length);
    } else if (options_.mask == DocumentMask::kDocuments) {
      window.documents = std::move(stretch.starts);
    }
  } else {
    window.tokens = texts_->draw(seed_, Stream::kWindow, index - before);
  }
  window.weights.assign(static_cast<size_t>(options_.length), 1.0f);
  window.weights.back() = 0;
  Philox placement(seed_, Stream::kPasskey, index, kPlacementBlock);
  if (placement.uniform() < options_.passkey_fraction) put_passkey(window, index, placement.uniform());
  return window;
}

// Into the window, or into the first of its short documents, which is then as long as they may be.
void WindowSampler::put_passkey(Window& window, uint64_t index, double depth) const {
  const int64_t length = window.is_short ? std::min(options_.short_length, options_.length) : options_.length;
  // A window that begins with a BOS keeps it in front of the needle.
  const std::vector<int32_t>& before = documents_.marks().before;
  const bool is_marked = window.tokens.size() >= before.size() &&
                         std::equal(before.begin(), before.end(), window.tokens.begin());
  const std::span text = std::span(window.tokens).first(static_cast<size_t>(length));
  const PasskeySample sample = make_passkey_sample(tokenizer_, text,
                                                   {.length = length,
                                                    .depth = depth,
                                                    .seed = seed_,
                                                    .index = index,
                                                    .start = is_marked ? before : std::vector<int32_t>{}});
  const auto weight = static_cast<float>(options_.passkey_answer_weight);
  std::fill_n(window.weights.begin() + sample.repeat_begin - 1, sample.repeat_count, weight);
  std::fill_n(window.weights.begin() + sample.answer_begin - 1, sample.answer_count, weight);
  std::copy(sample.tokens.begin(), sample.tokens.end(), window.tokens.begin());
  // What follows it in a short window is a document, or the rest of one.
  std::erase_if(window.documents, [&](int64_t start) { return !window.is_short || start <= length; });
  window.documents.insert(window.documents.begin(), 0);
  if (length < options_.length) window.documents.insert(window.documents.begin() + 1, length);
}

WindowFacts WindowSampler::facts() const {
  WindowFacts facts;
  if (texts_) {
    facts.documents = texts_->num_documents();
    facts.tokens = texts_->num_tokens();
  } else if (stream_) {
    facts.documents = stream_->documents();
    facts.tokens = std::llround(stream_->mean_pass_tokens());
  }
  facts.windows = facts.tokens / options_.length;
  for (size_t d = 0; d < documents_.count(); ++d) {
    if (!documents_.is_example(d) && documents_.size(d) < options_.length) ++facts.short_documents;
  }
  if (examples_) {
    facts.examples = examples_->examples();
    facts.example_tokens = examples_->tokens();
    facts.scored_tokens = examples_->scored_tokens();
    facts.long_examples = examples_->too_long();
    facts.example_windows = examples_->pass_windows(0);
  }
  return facts;
}

std::string WindowSampler::describe() const {
  const WindowFacts found = facts();
  std::string text;
  if (texts_) {
    text = used_documents(documents_, options_.length);
  } else if (stream_) {
    text = fmt::format("used {} document{}, {} tokens", found.documents, found.documents == 1 ? "" : "s",
                       format_count(static_cast<double>(found.tokens)));
    if (found.short_documents > 0) {
      text += fmt::format("; {} shorter than {} {} joined to others", found.short_documents,
                          format_length(options_.length), found.short_documents == 1 ? "was" : "were");
    }
  }
  if (options_.short_share > 0) {
    text += fmt::format(
        "{}{:.3g} % of the windows are of documents of at most {} tokens, under the original RoPE",
        text.empty() ? "" : "; ", 100 * options_.short_share,
        format_length(std::min(options_.short_length, options_.length)));
  }
  if (!examples_) return text;
  text += fmt::format("{}{} whole example{}, {} tokens, {} of them scored, in {} window{}",
                      text.empty() ? "used " : "; ", found.examples, found.examples == 1 ? "" : "s",
                      format_count(static_cast<double>(found.example_tokens)),
                      format_count(static_cast<double>(found.scored_tokens)), found.example_windows,
                      found.example_windows == 1 ? "" : "s");
  if (found.long_examples == 0) return text;
  return text + fmt::format("; {} longer than {} {} left out", found.long_examples,
                            format_length(options_.length), found.long_examples == 1 ? "was" : "were");
}

uint64_t seed_of_stage(uint64_t seed, std::string_view stage) {
  if (stage.empty()) return seed;
  const std::string digest = sha256_of(fmt::format("{}:{}", seed, stage)).substr(0, 16);
  uint64_t mixed = 0;
  std::from_chars(digest.data(), digest.data() + digest.size(), mixed, 16);
  return mixed;
}

}  // namespace ropeway
