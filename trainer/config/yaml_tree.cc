#include "trainer/config/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/emitterstyle.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <sstream>

#include "trainer/config/source_text.h"
#include "trainer/files/utf8.h"

namespace ropeway {
namespace {

// Ends the parse from inside an event.
struct Stop {
  size_t offset;
  std::string text;
};

class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const SourceText& source) : source_(source) {}

  YamlNode take_root() { return std::move(root_); }

  // Offset of the innermost bracket that is still open, or npos.
  size_t open_bracket() const {
    for (size_t i = open_.size(); i-- > 0;) {
      const size_t offset = open_[i].offset;
      const char c = offset < source_.text().size() ? source_.text()[offset] : '\0';
      if (open_[i].flow && (c == '[' || c == '{')) return offset;
    }
    return std::string::npos;
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) throw Stop{offset_of(mark), "found a second document, wanted one"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    YamlNode node;
    node.place = source_.place(offset_of(mark));
    attach(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse_anchor(mark, 1); }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override { refuse_anchor(mark, 1); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = start(mark, tag, anchor, YamlNode::Kind::kScalar);
    node.text = value;
    node.quoted = tag == "!";
    if (node.quoted) require_closed_quote(offset_of(mark));
    attach(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(mark, tag, anchor, YamlNode::Kind::kList, style);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(mark, tag, anchor, YamlNode::Kind::kMap, style);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    std::optional<YamlNode> key;  // of a map: the key whose value is awaited
    size_t offset;
    bool flow;
  };

  static size_t offset_of(const YAML::Mark& mark) { return mark.pos < 0 ? 0 : static_cast<size_t>(mark.pos); }

  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) {
      throw Stop{offset_of(mark), "found an anchor or alias (&name, *name), wanted the value written out"};
    }
  }

  YamlNode start(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
    refuse_anchor(mark, anchor);
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw Stop{offset_of(mark), "found a tag (!...), wanted a plain value"};
    }
    YamlNode node;
    node.kind = kind;
    node.place = source_.place(offset_of(mark));
    return node;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind,
            YAML::EmitterStyle::value style) {
    if (open_.size() >= kMaxYamlDepth) {
      throw Stop{offset_of(mark), fmt::format("found more than {} levels of nesting", kMaxYamlDepth)};
    }
    open_.push_back(
        {start(mark, tag, anchor, kind), std::nullopt, offset_of(mark), style == YAML::EmitterStyle::Flow});
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    attach(std::move(node));
  }

  void attach(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::kList) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      parent.key = std::move(node);
    } else {
      // yaml-cpp places an absent value at the token that follows it, often a line further down.
      if (node.kind == YamlNode::Kind::kNothing) node.place = parent.key->place;
      parent.node.entries.push_back({std::move(*parent.key), std::move(node)});
      parent.key.reset();
    }
  }

  // yaml-cpp takes the end of the text for the missing quote, so the source is read again here.
  void require_closed_quote(size_t begin) const {
    const std::string_view text = source_.text();
    const char quote = begin < text.size() ? text[begin] : '\0';
    if (quote != '"' && quote != '\'') return;  // a block scalar
    for (size_t i = begin + 1; i < text.size(); ++i) {
      if (quote == '"' && text[i] == '\\') {
        ++i;
      } else if (text[i] == quote) {
        if (quote == '"' || i + 1 >= text.size() || text[i + 1] != quote) return;
        ++i;  // '' is a quote inside a single-quoted text
      }
    }
    throw Stop{begin, fmt::format("this {} is never closed", quote)};
  }

  const SourceText& source_;
  YamlNode root_;
  std::vector<Open> open_;
  int documents_ = 0;
};

std::string explain(const std::string& message) {
  if (message == "illegal map value")
    return "found a ':' inside a value, wanted it quoted or on a line of its own";
  if (message == "end of map not found")
    return "found text that does not fit in here (a quote or ':' too many?)";
  return "not YAML: " + message;
}

}  // namespace

YamlNode* YamlNode::find(std::string_view key) {
  for (auto& [name, value] : entries) {
    if (name.kind == Kind::kScalar && name.text == key) return &value;
  }
  return nullptr;
}

const YamlNode* YamlNode::find(std::string_view key) const { return const_cast<YamlNode*>(this)->find(key); }

YamlResult read_yaml(std::string_view text, int override_index) {
  const SourceText source(text, override_index);
  YamlResult result;
  const auto problem_at = [&](size_t offset, const std::string& what) {
    result.problem = YamlProblem{source.place(offset), what};
  };
  if (source.text().size() > kMaxYamlBytes) {
    problem_at(0, fmt::format("found more than {} bytes, wanted a recipe", kMaxYamlBytes));
    return result;
  }
  if (const auto bad = source.first_bad_byte()) {
    problem_at(bad->offset, bad->what);
    return result;
  }
  TreeBuilder builder(source);
  try {
    // With a line end behind the last line, where yaml-cpp otherwise reads some texts differently.
    std::istringstream stream{std::string(source.text()) + "\n"};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    result.root = builder.take_root();
  } catch (const Stop& stop) {
    problem_at(stop.offset, stop.text);
  } catch (const YAML::Exception& error) {
    const bool unclosed =
        error.msg == YAML::ErrorMsg::END_OF_SEQ_FLOW || error.msg == YAML::ErrorMsg::END_OF_MAP_FLOW;
    const size_t bracket = builder.open_bracket();
    const size_t variable = bracket == std::string::npos ? bracket : source.text().find("${", bracket);
    if (variable != std::string::npos) {
      problem_at(variable,
                 "found ${ between brackets, where a brace begins a map, wanted the value in quotes");
    } else if (unclosed && bracket != std::string::npos) {
      problem_at(bracket, fmt::format("this {} is never closed", source.text()[bracket]));
    } else {
      problem_at(error.mark.pos < 0 ? 0 : static_cast<size_t>(error.mark.pos), explain(error.msg));
    }
  }
  return result;
}

std::string describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNothing:
      return "nothing";
    case YamlNode::Kind::kList:
      return fmt::format("a list of {}", node.items.size());
    case YamlNode::Kind::kMap:
      return fmt::format("a map of {} key{}", node.entries.size(), node.entries.size() == 1 ? "" : "s");
    case YamlNode::Kind::kScalar:
      break;
  }
  const std::string shown = shorten(node.text, 60);
  return node.quoted ? fmt::format("\"{}\" (quoted text)", shown) : shown;
}

}  // namespace ropeway
