#include "trainer/tokenizer/oniguruma.h"

#include <optional>
#include <string_view>

#include "trainer/tokenizer/case_folds.h"
#include "trainer/tokenizer/character_class.h"
#include "trainer/tokenizer/pattern_cursor.h"
#include "trainer/tokenizer/pattern_repeat.h"

namespace ropeway {
namespace {

constexpr int kMaxGroupDepth = 200;  // PCRE2's own bound is 250

struct Options {
  bool ignore_case = false, dot_all = false, extended = false;
};

struct Expression {
  std::string text;
  bool may_be_empty = false;  // it matches nothing, too
  bool has_lazy = false;      // a lazy repeat is in it
};

// What a repeat may follow.
struct Atom {
  Expression expression;
  bool has_width = true;              // an anchor or a look-around has none
  std::optional<uint32_t> fold = {};  // of a character while case is ignored
};

Atom of_width(std::string text) { return {{std::move(text)}}; }
Atom without_width(std::string text) { return {{std::move(text), true}, false}; }

class Translator {
 public:
  Translator(const std::string& pattern, const std::string& where) : cursor_(pattern, where) {}

  std::string translate() {
    Expression result = alternatives({}, 0);
    if (!cursor_.done()) cursor_.refuse("a ) without its (");
    return result.text;
  }

 private:
  // Up to a ) or the end.
  Expression alternatives(const Options& options, int depth) {
    if (depth > kMaxGroupDepth) cursor_.refuse(fmt::format("more than {} nested groups", kMaxGroupDepth));
    Expression result = sequence(options, depth);
    while (cursor_.take("|")) {
      run_.clear();
      const Expression next = sequence(options, depth);
      result.text += '|';
      result.text += next.text;
      result.may_be_empty = result.may_be_empty || next.may_be_empty;
      result.has_lazy = result.has_lazy || next.has_lazy;
    }
    return result;
  }

  Expression sequence(const Options& options, int depth) {
    Expression result{"", true};
    const auto append = [&result](const Expression& next) {
      result.text += next.text;
      result.may_be_empty = result.may_be_empty && next.may_be_empty;
      result.has_lazy = result.has_lazy || next.has_lazy;
    };
    for (skip_ignored(options); !cursor_.done() && !cursor_.next_is("|") && !cursor_.next_is(")");
         skip_ignored(options)) {
      if (const auto changed = take_isolated_options(options)) {
        append(grouped(option_group(options, *changed), alternatives(*changed, depth + 1)));
        return result;
      }
      append(repeated(atom(options, depth), options));
    }
    return result;
  }

  static Expression grouped(const std::string& opening, Expression inner) {
    inner.text = fmt::format("{}{})", opening, inner.text);
    return inner;
  }

  // Comments, and with the option x blanks.
  void skip_ignored(const Options& options) {
    for (;;) {
      if (cursor_.take("(?#")) {
        while (!cursor_.take(")")) {
          if (cursor_.take_character() == '\\') cursor_.take_character();
        }
      } else if (options.extended && cursor_.take("#")) {
        while (!cursor_.done() && cursor_.take_character() != '\n') {
        }
      } else if (options.extended && !cursor_.done() &&
                 std::string_view(" \t\n\r\f").find(cursor_.peek()) != std::string_view::npos) {
        cursor_.take_character();
      } else {
        return;
      }
    }
  }

  // The options of "(?i-m" up to what ends them; the cursor stands behind "(?".
  Options take_options(Options options) {
    bool on = true;
    while (!cursor_.next_is(")") && !cursor_.next_is(":")) {
      const uint32_t letter = cursor_.take_character();
      if (letter == '-') {
        on = false;
      } else if (letter == 'i') {
        options.ignore_case = on;
      } else if (letter == 'm') {
        options.dot_all = on;
      } else if (letter == 'x') {
        options.extended = on;
      } else {
        std::string name;
        append_utf8(name, letter);
        cursor_.refuse(fmt::format("(?{}", name));
      }
    }
    return options;
  }

  static bool is_option(char c) { return c == '-' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

  // "(?i)", which holds up to the end of the group that it is in, over every | on the way.
  std::optional<Options> take_isolated_options(const Options& options) {
    if (!cursor_.next_is("(?") || !is_option(cursor_.peek(2))) return std::nullopt;
    const size_t begin = cursor_.position();
    cursor_.take("(?");
    const Options changed = take_options(options);
    if (cursor_.take(")")) return changed;
    cursor_.go_back(begin);
    return std::nullopt;
  }

  static std::string option_group(const Options& from, const Options& to) {
    if (from.ignore_case == to.ignore_case) return "(?:";
    return to.ignore_case ? "(?i:" : "(?-i:";
  }

  Atom atom(const Options& options, int depth) {
    if (cursor_.take("(")) return group(options, depth);
    if (cursor_.take("[")) {
      run_.clear();
      return of_width(take_class(cursor_, options.ignore_case).expression());
    }
    if (cursor_.take("\\")) return escape(options);
    if (cursor_.take(".")) {
      run_.clear();
      return of_width(options.dot_all ? "(?s:.)" : "[^\\n]");
    }
    for (const char* anchor : {"^", "$"}) {
      if (!cursor_.take(anchor)) continue;
      run_.clear();
      return without_width(anchor);
    }
    if (take_repeat(cursor_)) cursor_.refuse("a repeat of nothing");
    return literal(cursor_.take_character(), options);
  }

  // Behind a (.
  Atom group(const Options& options, int depth) {
    Options inner = options;
    std::string opening = "(?:";
    bool has_width = true;
    if (cursor_.next_is("*")) cursor_.refuse("(*");
    if (cursor_.take("?")) {
      for (const char* ahead : {"=", "!", "<=", "<!"}) {
        if (!cursor_.take(ahead)) continue;
        opening = fmt::format("(?{}", ahead);
        has_width = false;
        break;
      }
      if (!has_width) {
        run_.clear();
      } else if (cursor_.take(">")) {
        opening = "(?>";
      } else if (cursor_.take("<") || cursor_.next_is("'")) {
        cursor_.take_until(cursor_.take("'") ? "'" : ">", "a group's name");
      } else if (!cursor_.take(":")) {
        if (!is_option(cursor_.peek())) refuse_group();
        inner = take_options(options);
        if (!cursor_.take(":")) refuse_group();
        opening = option_group(options, inner);
      }
    }
    Atom result{grouped(opening, alternatives(inner, depth + 1)), has_width};
    result.expression.may_be_empty = result.expression.may_be_empty || !has_width;
    if (!cursor_.take(")")) cursor_.refuse("a ( without its )");
    if (!has_width) run_.clear();
    return result;
  }

  [[noreturn]] void refuse_group() const {
    const bool printable = cursor_.peek() > ' ' && cursor_.peek() <= '~';
    cursor_.refuse(printable ? fmt::format("(?{}", cursor_.peek()) : "(?");
  }

  Atom literal(uint32_t code, const Options& options) {
    std::string text;
    if (code < 0x20 || code == 0x7F) {
      text = fmt::format("\\x{{{:X}}}", code);
    } else {
      if (code < 0x80 &&
          std::string_view("\\^$.[|()?*+{}]-#").find(static_cast<char>(code)) != std::string_view::npos) {
        text += '\\';
      }
      append_utf8(text, code);
    }
    Atom result = of_width(std::move(text));
    if (!options.ignore_case) {
      run_.clear();
      return result;
    }
    if (folds_to_several(code)) {
      cursor_.refuse(fmt::format("U+{:04X} under (?i), which stands for several characters", code));
    }
    result.fold = folded(code);
    return result;
  }

  Atom escape(const Options& options) {
    const uint32_t letter = cursor_.take_character();
    if (const auto code = take_escaped_character(cursor_, letter, false)) return literal(*code, options);
    run_.clear();
    if (const auto set = take_escaped_set(cursor_, letter, false)) {
      const bool by_property = letter == 'p' || letter == 'P';
      if (options.ignore_case && by_property && set->cased) {
        cursor_.refuse("a property of letters under (?i)");
      }
      return of_width(set->expression());
    }
    const std::string word = set_of_escape('w', false)->expression();
    switch (letter) {
      case 'A':
      case 'z':
        return without_width(fmt::format("\\{}", static_cast<char>(letter)));
      case 'Z':
        return without_width("(?=\\n?\\z)");
      case 'b':
        return without_width(fmt::format("(?:(?<={0})(?!{0})|(?<!{0})(?={0}))", word));
      case 'B':
        return without_width(fmt::format("(?:(?<={0})(?={0})|(?<!{0})(?!{0}))", word));
      case 'N':
        return of_width("[^\\n]");
      case 'O':
        return of_width("(?s:.)");
      case 'R':
        return of_width("(?>\\r\\n|[\\n-\\r\\x{85}\\x{2028}\\x{2029}])");
      default:
        break;
    }
    if (letter >= '1' && letter <= '9') {
      cursor_.refuse(fmt::format("the back-reference \\{}", static_cast<char>(letter)));
    }
    cursor_.refuse(fmt::format("\\{}", static_cast<char>(letter)));
  }

  Expression repeated(const Atom& atom, const Options& options) {
    Expression result = atom.expression;
    bool is_repeated = false;
    for (;;) {
      skip_ignored(options);
      const auto repeat = take_repeat(cursor_);
      if (!repeat) break;
      if (!atom.has_width) cursor_.refuse("a repeat of what has no width");
      // The two libraries leave a loop over nothing in different ways.
      if (result.has_lazy && (is_repeated || result.may_be_empty))
        cursor_.refuse("a repeat of a lazy repeat");
      result.text =
          is_repeated ? fmt::format("(?:{}){}", result.text, repeat->text) : result.text + repeat->text;
      result.may_be_empty = result.may_be_empty || repeat->from_zero;
      result.has_lazy = result.has_lazy || repeat->lazy;
      is_repeated = true;
    }
    if (is_repeated) {
      run_.clear();
    } else if (atom.fold) {
      run_ += *atom.fold;
      if (const size_t count = fold_at_end(run_); count > 0) refuse_fold(count);
    }
    return result;
  }

  [[noreturn]] void refuse_fold(size_t count) const {
    std::string letters;
    for (const char32_t code : run_.substr(run_.size() - count)) append_utf8(letters, code);
    cursor_.refuse(fmt::format("'{}' under (?i), for which one character may stand,", letters));
  }

  PatternCursor cursor_;
  // The folded characters that follow one another without a repeat, while case is ignored: Oniguruma joins
  // them over the borders of groups.
  std::u32string run_;
};

}  // namespace

std::string pcre2_of_oniguruma(const std::string& pattern, const std::string& where) {
  return Translator(pattern, where).translate();
}

}  // namespace ropeway
