// The words of enums. Each enum that a recipe or a command line can set has one table of its values and their
// words, declared beside the enum; the reader, the writer, the messages and the key reference all take the
// words from it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace ropeway {

template <typename Value>
struct Choice {
  Value value;
  std::string_view word;
};

// Specialised beside each enum: `static constexpr Choice<Value> choices[]`, in the order in which messages
// list them. A value without a word, such as "not given", cannot be written.
template <typename Value>
struct ChoiceTable;

// "" for a value without a word.
template <typename Value>
constexpr std::string_view word_of(Value value) {
  for (const auto& choice : ChoiceTable<Value>::choices) {
    if (choice.value == value) return choice.word;
  }
  return "";
}

template <typename Value>
constexpr std::optional<Value> value_of(std::string_view word) {
  for (const auto& choice : ChoiceTable<Value>::choices) {
    if (choice.word == word) return choice.value;
  }
  return std::nullopt;
}

template <typename Value>
std::vector<std::string> words_of() {
  std::vector<std::string> words;
  for (const auto& choice : ChoiceTable<Value>::choices) words.emplace_back(choice.word);
  return words;
}

// A variable of an enum type, or a list of them, seen through its words: what the reader and the writer of
// recipes need of a field whose type they do not know.
class ChoiceField {
 public:
  template <typename Value>
  requires std::is_enum_v<Value>
  explicit ChoiceField(Value* target) : target_(target), access_(&kOneOf<Value>) {}
  template <typename Value>
  requires std::is_enum_v<Value>
  explicit ChoiceField(std::vector<Value>* target) : target_(target), access_(&kListOf<Value>) {}

  // A value that `object` hands out and takes back through member functions.
  template <auto Get, auto Set, typename Object>
  static ChoiceField through(Object* object) {
    return ChoiceField(object, &kThrough<Get, Set, Object>);
  }

  std::vector<std::string> known_words() const { return access_->known_words(); }
  // The value is stored, or appended to the list. False: no such word, and nothing changed.
  bool store(std::string_view word) const { return access_->store(target_, word); }
  void clear_list() const { access_->clear_list(target_); }
  // None for a single value without a word.
  std::vector<std::string> words() const { return access_->words(target_); }

 private:
  struct Access {
    std::vector<std::string> (*known_words)();
    bool (*store)(void* target, std::string_view word);
    void (*clear_list)(void* target);
    std::vector<std::string> (*words)(const void* target);
  };

  template <typename Value>
  static constexpr Access kOneOf = {
      &words_of<Value>,
      [](void* target, std::string_view word) {
        const auto value = value_of<Value>(word);
        if (value) *static_cast<Value*>(target) = *value;
        return value.has_value();
      },
      [](void*) {},
      [](const void* target) {
        const std::string_view word = word_of(*static_cast<const Value*>(target));
        return word.empty() ? std::vector<std::string>{} : std::vector<std::string>{std::string(word)};
      }};

  template <typename Value>
  static constexpr Access kListOf = {
      &words_of<Value>,
      [](void* target, std::string_view word) {
        const auto value = value_of<Value>(word);
        if (value) static_cast<std::vector<Value>*>(target)->push_back(*value);
        return value.has_value();
      },
      [](void* target) { static_cast<std::vector<Value>*>(target)->clear(); },
      [](const void* target) {
        std::vector<std::string> words;
        for (const Value value : *static_cast<const std::vector<Value>*>(target))
          words.emplace_back(word_of(value));
        return words;
      }};

  template <auto Get, auto Set, typename Object>
  using Handed = decltype((std::declval<const Object&>().*Get)());
  template <auto Get, auto Set, typename Object>
  static constexpr Access kThrough = {
      &words_of<Handed<Get, Set, Object>>,
      [](void* target, std::string_view word) {
        const auto value = value_of<Handed<Get, Set, Object>>(word);
        if (value) (static_cast<Object*>(target)->*Set)(*value);
        return value.has_value();
      },
      [](void*) {},
      [](const void* target) {
        return std::vector<std::string>{std::string(word_of((static_cast<const Object*>(target)->*Get)()))};
      }};

  ChoiceField(void* target, const Access* access) : target_(target), access_(access) {}

  void* target_;
  const Access* access_;
};

}  // namespace ropeway
