#include "trainer/tokenizer/normal_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "kernels/base/error.h"
#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

// The tables of Hugging Face tokenizers are those of Unicode 9, so the forms leave alone what was added since
// (found by trying every character of Unicode 14 there; Unicode 15 from its list of additions). Models were
// trained on the ids that follow, so a newer character stays as it is and nothing moves across it.
struct Range {
  uint32_t first, last;
};
constexpr std::array kNewer = std::to_array<Range>(
    {{0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},     {0xC3C, 0xC3C},
     {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},   {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},
     {0x32FF, 0x32FF},   {0xA7F2, 0xA7F4},   {0xA82C, 0xA82C},   {0xAB69, 0xAB69},   {0x10780, 0x107BA},
     {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF}, {0x10F46, 0x10F50}, {0x10F82, 0x10F85},
     {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E}, {0x11839, 0x1183A}, {0x11900, 0x11959},
     {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x11D42, 0x11D45},
     {0x11D97, 0x11D97}, {0x11F41, 0x11F42}, {0x16FF0, 0x16FF1}, {0x1E030, 0x1E06D}, {0x1E08F, 0x1E08F},
     {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF}, {0x1F16C, 0x1F16C},
     {0x1FBF0, 0x1FBF9}});

bool is_newer(uint32_t code) {
  if (code < kNewer.front().first) return false;
  const auto range = std::upper_bound(kNewer.begin(), kNewer.end(), code,
                                      [](uint32_t value, const Range& r) { return value < r.first; });
  return range != kNewer.begin() && code <= std::prev(range)->last;
}

bool has_lead_from(std::string_view text, unsigned char lead) {
  return std::any_of(text.begin(), text.end(),
                     [lead](char c) { return static_cast<unsigned char>(c) >= lead; });
}

int options_of(NormalForm form) {
  switch (form) {
    case NormalForm::kNfc:
      return UTF8PROC_COMPOSE;
    case NormalForm::kNfd:
      return UTF8PROC_DECOMPOSE;
    case NormalForm::kNfkc:
      return UTF8PROC_COMPOSE | UTF8PROC_COMPAT;
    case NormalForm::kNfkd:
      return UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT;
  }
  return 0;
}

void append_form(int options, std::string_view text, std::string& to) {
  if (text.empty()) return;
  utf8proc_uint8_t* form = nullptr;
  const auto bytes = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                  static_cast<utf8proc_ssize_t>(text.size()), &form,
                                  static_cast<utf8proc_option_t>(options | UTF8PROC_STABLE));
  if (bytes < 0) fail(ErrorKind::kInternal, "utf8proc: {}", utf8proc_errmsg(bytes));
  to.append(reinterpret_cast<const char*>(form), static_cast<size_t>(bytes));
  std::free(form);
}

void append_form_between_newer(int options, std::string_view text, std::string& to) {
  size_t done = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    if (!is_newer(next_code_point(text, at))) continue;
    append_form(options, text.substr(done, begin - done), to);
    to += text.substr(begin, at - begin);
    done = at;
  }
  append_form(options, text.substr(done), to);
}

}  // namespace

void apply_normal_form(NormalForm form, std::string& text) {
  // NFC changes nothing below U+0300, whose lead byte is 0xCC; no form changes ASCII.
  const unsigned char first_touched = form == NormalForm::kNfc ? 0xCC : 0x80;
  if (!has_lead_from(text, first_touched)) return;
  std::string result;
  result.reserve(text.size());
  // No form joins or reorders anything across a line feed, so lines without a touched character stay.
  for (std::string_view rest = text; !rest.empty();) {
    const size_t line_feed = rest.find('\n');
    const std::string_view line =
        rest.substr(0, line_feed == std::string_view::npos ? line_feed : line_feed + 1);
    rest.remove_prefix(line.size());
    if (has_lead_from(line, first_touched)) {
      append_form_between_newer(options_of(form), line, result);
    } else {
      result += line;
    }
  }
  text = std::move(result);
}

}  // namespace ropeway
