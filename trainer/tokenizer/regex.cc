#define PCRE2_CODE_UNIT_WIDTH 8
#include "trainer/tokenizer/regex.h"

#include <pcre2.h>
#include <time.h>

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/files/utf8.h"

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

// White_Space without U+0020, which stands apart so that no pattern is longer than it must be.
constexpr const char* kWhiteSpace =
    "\\t-\\r \\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}";

std::string rewritten(const std::string& pattern, const std::string& where) {
  std::string result;
  bool in_class = false, in_name = false;  // [...], and [:...:] inside it
  size_t first_in_class = 0;               // where a ] stands for itself
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    const char next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
    if (c != '\\' || next == '\0') {
      if (in_class && ((c == '[' && next != ':') || (c == '&' && next == '&'))) {
        fail(ErrorKind::kBadData, "{}: a class inside [] in the pattern '{}' is not supported", where,
             pattern);
      }
      if (c == '[' && !in_class) {
        in_class = true;
        first_in_class = next == '^' ? i + 2 : i + 1;
      } else if (c == '[') {
        in_name = true;
      } else if (c == ']' && in_name) {
        in_name = false;
      } else if (c == ']' && i != first_in_class) {
        in_class = false;
      }
      result += c;
      continue;
    }
    const char escaped = pattern[++i];
    if (escaped == 's') {
      result += in_class ? kWhiteSpace : fmt::format("[{}]", kWhiteSpace);
    } else if (escaped == 'S' && !in_class) {
      result += fmt::format("[^{}]", kWhiteSpace);
    } else if (std::string_view("SwWbBhHRXKGCN").find(escaped) != std::string_view::npos) {
      fail(ErrorKind::kBadData, "{}: \\{}{} in the pattern '{}' is not supported", where, escaped,
           in_class ? " inside []" : "", pattern);
    } else {
      result += '\\';
      result += escaped;
    }
  }
  return result;
}

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

}  // namespace

struct Regex::Compiled {
  pcre2_code* code = nullptr;
  ~Compiled() { pcre2_code_free(code); }
};

Regex::Regex(const std::string& pattern, std::string where) : where_(std::move(where)) {
  constexpr size_t kMaxPattern = 64 << 10;
  if (pattern.size() > kMaxPattern || valid_utf8_bytes(pattern) != pattern.size()) {
    fail(ErrorKind::kBadData, "{}: a pattern of {} bytes, wanted at most {} bytes of UTF-8", where_,
         pattern.size(), kMaxPattern);
  }
  const std::string source = rewritten(pattern, where_);
  auto compiled = std::make_shared<Compiled>();
  int code = 0;
  size_t offset = 0;
  compiled->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(source.data()), source.size(),
                                 PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C |
                                     PCRE2_USE_OFFSET_LIMIT | PCRE2_NO_AUTO_CAPTURE,
                                 &code, &offset, nullptr);
  if (compiled->code == nullptr) {
    fail(ErrorKind::kBadData, "{}: the pattern '{}' does not compile: {}", where_, pattern, message_of(code));
  }
  pcre2_jit_compile(compiled->code, PCRE2_JIT_COMPLETE);  // where there is no JIT, the interpreter serves
  compiled_ = std::move(compiled);
}

void Regex::for_each_match(std::string_view text, const std::function<void(size_t, size_t)>& found) const {
  constexpr size_t kNone = ~size_t{0};
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
