#include "launch/export_refusal_words.h"

#include <fmt/format.h>

namespace ropeway {
namespace {

const char* option_of(ExportField field) {
  switch (field) {
    case ExportField::kFactors:
      return "--factors";
    case ExportField::kShortFactors:
      return "--short-factors";
    case ExportField::kMaxLength:
      return "--max-length";
  }
  fail(ErrorKind::kInternal, "a field of an export without an option");
}

}  // namespace

std::string words_for(const ExportRefusal& refusal) {
  std::string text = refusal.what();
  if (refusal.is_of_what_was_given()) text = fmt::format("{} {}", option_of(refusal.field()), text);
  if (!refusal.instead().empty()) {
    text += fmt::format(": {} {}", option_of(refusal.field()), refusal.instead());
  }
  return text;
}

}  // namespace ropeway
