#include "trainer/tokenizer/metaspace.h"

#include "trainer/files/utf8.h"

namespace ropeway {

MetaspaceSettings read_metaspace(const JsonValue& value) {
  MetaspaceSettings settings;
  if (const auto replacement = value.find("replacement")) {
    settings.replacement = replacement->string();
    if (settings.replacement.empty() || utf8_length(settings.replacement[0]) != settings.replacement.size()) {
      replacement->refuse("one character");
    }
  }
  const auto scheme = value.find("prepend_scheme");
  if (scheme) {
    const std::string name = scheme->string();
    if (name == "first") {
      settings.prepend = MetaspaceSettings::Prepend::kFirst;
    } else if (name == "never") {
      settings.prepend = MetaspaceSettings::Prepend::kNever;
    } else if (name != "always") {
      scheme->refuse("always, first or never");
    }
  }
  // Older files say add_prefix_space instead; false allows no other scheme.
  if (const auto prefix = value.find("add_prefix_space"); prefix && !prefix->boolean()) {
    if (scheme && settings.prepend != MetaspaceSettings::Prepend::kNever) {
      prefix->refuse("true, or the prepend_scheme never");
    }
    settings.prepend = MetaspaceSettings::Prepend::kNever;
  }
  if (const auto split = value.find("split")) settings.split = split->boolean();
  return settings;
}

}  // namespace ropeway
