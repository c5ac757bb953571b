#include "trainer/tokenizer/template.h"

#include "kernels/base/error.h"

namespace ropeway {
namespace {

void read_single(const JsonValue& value, int64_t vocab_size, SpecialTokenTemplate& result) {
  const JsonValue parts = value.at("single");
  std::vector<int32_t> before, after;
  bool text_seen = false;
  for (int64_t i = 0; i < parts.size(); ++i) {
    const JsonValue part = parts.at(i);
    if (const auto sequence = part.find("Sequence")) {
      if (text_seen || sequence->at("id").string() != "A") sequence->refuse("the text A, once");
      text_seen = true;
    } else if (const auto special = part.find("SpecialToken")) {
      const JsonValue ids = value.at("special_tokens").at(special->at("id").string()).at("ids");
      for (int64_t k = 0; k < ids.size(); ++k) {
        (text_seen ? after : before).push_back(static_cast<int32_t>(ids.at(k).integer(0, vocab_size - 1)));
      }
    } else {
      part.refuse("{\"Sequence\": ...} or {\"SpecialToken\": ...}");
    }
  }
  if (!text_seen) parts.refuse("the text A among the parts");
  result.before.insert(result.before.begin(), before.begin(), before.end());
  result.after.insert(result.after.end(), after.begin(), after.end());
}

void read(const JsonValue& value, int64_t vocab_size, SpecialTokenTemplate& result) {
  const JsonValue type = value.at("type");
  const std::string name = type.string();
  if (name == "Sequence") {
    const JsonValue steps = value.at("processors");
    for (int64_t i = 0; i < steps.size(); ++i) read(steps.at(i), vocab_size, result);
  } else if (name == "TemplateProcessing") {
    read_single(value, vocab_size, result);
  } else if (name != "ByteLevel") {
    type.refuse("Sequence, ByteLevel or TemplateProcessing");
  }
}

}  // namespace

SpecialTokenTemplate read_template(const JsonValue& value, int64_t vocab_size) {
  SpecialTokenTemplate result;
  read(value, vocab_size, result);
  return result;
}

}  // namespace ropeway
