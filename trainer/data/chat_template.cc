#include "trainer/data/chat_template.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/files/strict_json.h"
#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
using Name = ChatFormatName;

struct KnownTemplate {
  std::string_view sha256;
  Name format;
};

// Of templates as their makers publish them; behind each, a model that has it.
constexpr KnownTemplate kKnown[] = {
    // OpenHermes 2.5 Mistral 7B
    {"153280e3ff55d19da1398bdb3914ee2a51b80429bfaedde11d7d216c39db80f3", Name::kChatML},
    // Qwen3 4B Instruct 2507
    {"aa39eed4cbfdd57aeaab518e83d06945f00df6afefba6eb985b6b85060cade95", Name::kChatML},
    // Qwen1.5 0.5B, Qwen2 0.5B
    {"af9c0233881b083b52ff773580215222b5440ac3d0beeeca99b76329b048f8db", Name::kQwen15},
    // Qwen1.5 0.5B Chat, Qwen2 0.5B Instruct
    {"793202280c0910ab26bc6eb57c8212c2417324c6d8c4efd0d10d59092ab3e3eb", Name::kQwen2},
    // Qwen2.5 7B
    {"7d6302983e64f35c4ad9459413ee827d5dcfa23ba5373f58cde030c9f724f7e8", Name::kQwen2},
    {"a18cc698dd45623eb707279d08e66f7bb8d76afc89ead84016b88487b395b5cc", Name::kQwen25},
    // Qwen3 0.6B, and Qwen3 0.6B Base
    {"edcd73b0e30a780c1d6f3e060c07396def3c3fa55a2c55197b10f99d1dde83e1", Name::kQwen3},
    {"2df317a15cbc983d9602cc391d33be17237d47ec7eb11ead80fae277143958aa", Name::kQwen3},
    // Qwen3 4B Thinking 2507
    {"72e7e9715c1c73c33e15cdf3c5d37cc0efefc25eb6299fc6a6fa516237913bf8", Name::kQwen3Thinking},
    {"872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788", Name::kSmolLM2},
    {"9780fae5bfea3cfd7be37d328c6edfd296a8869be8131495bbe7eb37e780c88c", Name::kLlama2},
    {"ba03a121d097859c7b5b9cd03af99aafe95275210d2876f642ad9929a150f122", Name::kLlama3},
    // Llama 3.1 8B Instruct, Llama 3.3 70B Instruct
    {"99799a835a31e1d33c4a9c7ee8a0de3923b291a95155ed6dc8efcbd0fe1d0238", Name::kLlama31},
    // Llama 3.2 3B Instruct
    {"0cac23ffd2b33ff7b039e17ee143a080053318146fdc788f1d49ed4745aa8683", Name::kLlama31},
    // Mistral 7B Instruct v0.2 and Mixtral 8x7B Instruct v0.1, as first published and as they are now
    {"26a59556925c987317ce5291811ba3b7f32ec4c647c400c6cc7e3a9993007ba7", Name::kMistral},
    {"1c6594f8393552ef16bbf3ddecb67d8258fb8d66339a1a092a8f8496061f02d3", Name::kMistral1},
    // Mistral 7B Instruct v0.3
    {"9074ed36d7503f0f63bd70ef4a0db1e12ec90718aef446404917f5ee3216e2f3", Name::kMistral3},
    {"dcaee66df77bfbb789ec541fe713218da30225a526f1db97138fc39ee6dc56aa", Name::kPhi3},
    {"78d976a442bcde2f0be15aafbb8e3050e1104f86732266f68403251b89982a90", Name::kPhi35},
    {"febf589225c9728ab791f52e8897d7607a823d45368f0a4c92fa68997b40cce9", Name::kPhi4Mini},
    // Zephyr 7B beta
    {"66291cf0045c2425a3a667cf3cbb7af2b11f09e025c02f97245323ab79119362", Name::kZephyr},
    // Gemma 7B it, Gemma 2 9B it
    {"ecd6ae513fe103f0eb62e8ab5bfa8d0fe45c1074fa398b089c93a7e70c15cfd6", Name::kGemma},
    {"8d9e3a3c114fb2053ec500184677af4f7e5f8ec2582443cd535834e68b3ade29", Name::kGemma3},
    // OLMo 2 1B, 7B and 13B
    {"fe689ffbd6a4e2d0532d7480696b065b10e0e1eff3f9b9fc4bea415761e4bf4a", Name::kOlmo2},
    // OLMo 2 32B, Tulu 3
    {"ac7498a36a719da630e99d48e6ebc4409de85a77556c2b6159eeb735bcbd11df", Name::kTulu3},
    {"09d68eeb5c0eaa551adea6cc088a05c7298966f395f203126e76b74f5a77a8ff", Name::kGranite30},
    // Granite 3.1, 3.2 and 3.3
    {"08962c2f15d56767854b46dfc4070b37f4c443551833bba65b417191735f3187", Name::kGranite},
    {"2216d3c3e5056029f148e6c980658f4e5b068f5c63dfbf18758dcc77c13350a0", Name::kGranite},
    {"0bea7711316005a1c37c9941a7ee2a26311d223c979abee416aab0a402fc5b56", Name::kGranite},
    // GLM-4 9B and 32B 0414
    {"db700f25fa300e53634c6fc78dee86b7fbd6d27e624edb855b18a4078c83a822", Name::kGlm4},
    {"ccc2fc33ad8d4dc791c3d803a416af07c2b8b9e951019e85bb3441da85e669f1", Name::kSmolLM3},
    {"fe4120415a3858b873955c92ce3a103a95bc97c2cb00b72e62659aaf0f891ee5", Name::kPhi4},
    {"cbb504cb43fec3f8877d709d9f7a729441e56f41cb4fddd382675fab35de7fe1", Name::kPhi4MiniReasoning},
};

struct TemplateText {
  std::string text, place;  // "tokenizer_config.json: chat_template"
};

// A string, or of several, a list of {"name", "template"} or an object, the one named "default". What is
// written in another way is no template: a corpus without conversations needs none.
std::optional<std::string> text_in(const JsonValue& value) {
  if (value.is_string()) return value.string();
  if (value.is_object()) {
    const auto text = value.find("default");
    return text && text->is_string() ? std::optional(text->string()) : std::nullopt;
  }
  for (int64_t i = 0; value.is_array() && i < value.size(); ++i) {
    const JsonValue entry = value.at(i);
    if (!entry.is_object()) continue;
    const auto name = entry.find("name"), text = entry.find("template");
    if (name && name->is_string() && name->string() == "default" && text && text->is_string()) {
      return text->string();
    }
  }
  return std::nullopt;
}

std::optional<TemplateText> template_in(const fs::path& folder) {
  if (const fs::path file = folder / "chat_template.jinja"; fs::exists(file)) {
    return TemplateText{read_text_file(file), file.string()};
  }
  const fs::path file = folder / "tokenizer_config.json";
  if (!fs::exists(file)) return std::nullopt;
  const auto value = read_strict_json(file).find("chat_template");
  if (!value) return std::nullopt;
  const std::optional<std::string> text = text_in(*value);
  if (!text) return std::nullopt;
  return TemplateText{*text, value->place()};
}

// The token's text where the text is read as that token again.
std::string text_of(int64_t id, const Tokenizer& tokenizer) {
  if (id < 0) return "";
  const std::vector<int32_t> ids = {static_cast<int32_t>(id)};
  const std::string text = tokenizer.decode(ids);
  return tokenizer.encode(text, {.read_special_tokens = true}) == ids ? text : "";
}

}  // namespace

std::vector<std::string> names_of_chat_formats() {
  std::vector<std::string> names = words_of<ChatFormatName>();
  std::erase(names, word_of(Name::kAuto));
  return names;
}

std::string sha256_of_template(std::string_view text) {
  std::string normal;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_escape = text.substr(i, 2) == "\\n";
    normal += is_escape ? '\n' : text[i];
    if (is_escape) ++i;
  }
  normal.erase(normal.find_last_not_of(" \t\r\n") + 1);
  return sha256_of(normal);
}

std::optional<ChatFormatName> format_of_template(std::string_view sha256) {
  const auto* const found = std::ranges::find(kKnown, sha256, &KnownTemplate::sha256);
  if (found == std::end(kKnown)) return std::nullopt;
  return found->format;
}

ChatTemplate chat_template_of(const fs::path& folder, ChatFormatName choice, const Tokenizer& tokenizer,
                              const NamedTokens& named) {
  ChatTemplate found;
  found.named = {text_of(named.bos, tokenizer), text_of(named.eos, tokenizer)};
  if (choice != ChatFormatName::kAuto) {
    found.format = choice;
    return found;
  }
  std::optional<TemplateText> written;
  if (!folder.empty()) written = template_in(folder);
  if (!written) {
    found.refusal = fmt::format("{} has none", folder.empty() ? "a new model" : folder.string());
    return found;
  }
  const std::string sha256 = sha256_of_template(written->text);
  found.format = format_of_template(sha256);
  found.refusal = fmt::format("{}, '{}' (SHA-256 {}), is none of those known", written->place,
                              shorten(written->text.substr(0, 400), 60), sha256.substr(0, 12));
  return found;
}

}  // namespace ropeway
