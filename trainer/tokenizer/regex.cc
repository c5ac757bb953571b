#define PCRE2_CODE_UNIT_WIDTH 8
#include "trainer/tokenizer/regex.h"

#include <pcre2.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <mutex>
#include <optional>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "trainer/files/utf8.h"
#include "trainer/tokenizer/newer_characters.h"
#include "trainer/tokenizer/oniguruma.h"

namespace ropeway {
namespace {

// A match of a sane pattern takes a few steps per character.
constexpr uint32_t kFixedSteps = 10'000'000, kStepsPerByte = 8;
// Sane patterns cut 100 MB a second.
constexpr double kFixedSeconds = 0.5, kSecondsPerByte = 5e-7;
// Matches, or start points without a match, between two looks at the clock.
constexpr int kMatchesPerLook = 256;
constexpr size_t kStartPoints = 64;
constexpr size_t kMaxJitStackBytes = 16 << 20;

std::string message_of(int code) {
  PCRE2_UCHAR text[160];
  pcre2_get_error_message(code, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

// Of this thread: a machine with other work to do makes no pattern slower.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// What matching needs besides the pattern; one per thread.
struct Workspace {
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);  // only the whole match is asked for
  pcre2_jit_stack* stack = pcre2_jit_stack_create(32 << 10, kMaxJitStackBytes, nullptr);
  Workspace() { pcre2_jit_stack_assign(context, nullptr, stack); }
  ~Workspace() {
    pcre2_jit_stack_free(stack);
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
  }
};
Workspace& workspace() {
  thread_local Workspace instance;
  return instance;
}

// A line ends with a line feed, however PCRE2 was built.
pcre2_compile_context* compile_context() {
  static pcre2_compile_context* const context = [] {
    pcre2_compile_context* made = pcre2_compile_context_create(nullptr);
    pcre2_set_newline(made, PCRE2_NEWLINE_LF);
    return made;
  }();
  return context;
}

// The character that starts at source[at] as PCRE2 is given it, itself or as \x{...}; moves behind it.
uint32_t take_named_character(std::string_view source, size_t& at) {
  constexpr std::string_view kEscape = "\\x{";
  if (!source.substr(at).starts_with(kEscape)) return next_code_point(source, at);
  uint32_t code = 0;
  const char* const digits = source.data() + at + kEscape.size();
  at = static_cast<size_t>(std::from_chars(digits, source.data() + source.size(), code, 16).ptr -
                           source.data()) +
       1;
  return code;
}

// Whether the pattern names characters, or ranges of them, that tell a newer one from its stand-in.
bool tells_stand_ins(std::string_view source) {
  for (size_t at = 0; at < source.size();) {
    const uint32_t first = take_named_character(source, at);
    uint32_t last = first;
    if (at + 1 < source.size() && source[at] == '-') {
      size_t end = at + 1;
      last = std::max(first, take_named_character(source, end));
    }
    if (tells_apart(first, last)) return true;
  }
  return false;
}

}  // namespace

struct Regex::Compiled {
  pcre2_code* code = nullptr;
  mutable std::once_flag warned;
  ~Compiled() { pcre2_code_free(code); }
};

Regex::Regex(const std::string& pattern, std::string where) : where_(std::move(where)) {
  constexpr size_t kMaxPattern = 64 << 10;
  if (pattern.size() > kMaxPattern || valid_utf8_bytes(pattern) != pattern.size()) {
    fail(ErrorKind::kBadData, "{}: a pattern of {} bytes, wanted at most {} bytes of UTF-8", where_,
         pattern.size(), kMaxPattern);
  }
  const std::string source = pcre2_of_oniguruma(pattern, where_);
  takes_stand_ins_ = !tells_stand_ins(source);
  auto compiled = std::make_shared<Compiled>();
  int code = 0;
  size_t offset = 0;
  compiled->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(source.data()), source.size(),
                                 PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C |
                                     PCRE2_USE_OFFSET_LIMIT | PCRE2_NO_AUTO_CAPTURE,
                                 &code, &offset, compile_context());
  if (compiled->code == nullptr) {
    fail(ErrorKind::kBadData, "{}: the pattern '{}' does not compile: {}", where_, shorten(pattern, 100),
         message_of(code));
  }
  pcre2_jit_compile(compiled->code, PCRE2_JIT_COMPLETE);  // where there is no JIT, the interpreter serves
  compiled_ = std::move(compiled);
}

void Regex::for_each_match(std::string_view text, const std::function<void(size_t, size_t)>& found) const {
  constexpr size_t kNone = ~size_t{0};
  const std::optional<std::string> replaced = with_stand_ins(text);
  if (replaced && takes_stand_ins_) {
    text = *replaced;
  } else if (replaced) {
    std::call_once(compiled_->warned, [&] {
      log_warning(
          "{}: the text has characters newer than Unicode 14, which this pattern finds in no class: they may "
          "be cut otherwise than by PyPI tokenizers",
          where_);
    });
  }
  Workspace& work = workspace();
  const auto steps = std::min<uint64_t>(kFixedSteps + uint64_t{kStepsPerByte} * text.size(), UINT32_MAX);
  pcre2_set_match_limit(work.context, static_cast<uint32_t>(steps));
  const auto too_slow = [&](const std::string& what) {
    fail(ErrorKind::kBadData, "{}: the pattern needs too much work on a text of {} bytes ({})", where_,
         text.size(), what);
  };
  // Steps are counted anew at every start point, so the clock bounds their sum.
  double deadline = 0;
  const auto look_at_the_clock = [&] {
    const double now = cpu_seconds();
    if (deadline == 0) deadline = now + kFixedSeconds + kSecondsPerByte * static_cast<double>(text.size());
    if (now > deadline) too_slow("time limit exceeded");
    return now;
  };

  size_t at = 0, last_end = kNone, start_points = kStartPoints;
  int matches = 0;
  double last_look = 0;
  while (at <= text.size()) {
    const size_t limit = std::min(text.size(), at + start_points);
    pcre2_set_offset_limit(work.context, limit);
    const int result = pcre2_match(compiled_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                   at, PCRE2_NO_UTF_CHECK, work.data, work.context);
    if (result == PCRE2_ERROR_NOMATCH) {
      if (limit == text.size()) return;
      at = limit + 1;
      while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
      // Cheap start points go by in ever larger groups.
      const double now = look_at_the_clock();
      const bool slow = last_look > 0 && now - last_look > 0.02;
      start_points = slow ? kStartPoints : std::min<size_t>(2 * start_points, 1 << 20);
      last_look = now;
      continue;
    }
    if (result < 0) too_slow(message_of(result));
    if (++matches % kMatchesPerLook == 0) last_look = look_at_the_clock();
    start_points = kStartPoints;
    const size_t* ends = pcre2_get_ovector_pointer(work.data);
    const size_t begin = ends[0], end = ends[1];
    if (begin == end && end == last_end) {
      if (end >= text.size()) return;
      at = end + utf8_length(text[end]);
      last_end = kNone;
      continue;
    }
    found(begin, end);
    at = last_end = end;
  }
}

}  // namespace ropeway
