#include "trainer/data/gradient_windows.h"

#include "kernels/base/error.h"
#include "kernels/base/random.h"

namespace ropeway {

// A stretch of one document has no marks but those in front of the window.
GradientWindows::GradientWindows(const Documents& documents, const GradientWindowOptions& options)
    : seed_(options.seed),
      start_(options.marks.before),
      documents_(documents,
                 options.packing == Packing::kConcat || options.of_examples ? options.marks : DocumentMarks{},
                 options.weights),
      text_tokens_(MarkedDocuments(documents, {options.marks.before, {}}).text_tokens(options.length)) {
  const char* const purpose = "gradient steps on the training text";
  if (options.of_examples) {
    examples_.emplace(documents_, PackedExamples::Sizes{options.length, options.length}, /*joins=*/false,
                      seed_);
    if (examples_->examples() == 0) {
      fail(ErrorKind::kBadData,
           "{}: no example of up to {} tokens ({}), wanted some: the validation data are examples", purpose,
           options.length, sizes_of(documents_));
    }
  } else if (options.packing == Packing::kConcat) {
    joined_.emplace(documents_, seed_);
    require_pass_of(*joined_, documents_, text_tokens_, purpose);
  } else {
    stretches_.emplace(documents_, text_tokens_, purpose);
  }
}

SearchSequence GradientWindows::window(int64_t index) const {
  if (examples_) return example_sequence(documents_, examples_->window(index).front());
  const std::vector<int32_t> text =
      joined_ ? joined_->stretch(joined_->window_begin(index, text_tokens_), text_tokens_).tokens
              : stretches_->draw(seed_, Stream::kSearchData, static_cast<uint64_t>(index));
  SearchSequence window{start_};
  window.tokens.insert(window.tokens.end(), text.begin(), text.end());
  return window;
}

}  // namespace ropeway
