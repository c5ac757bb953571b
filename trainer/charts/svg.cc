#include "trainer/charts/svg.h"

#include <fmt/format.h>

#include <cmath>

namespace ropeway::charts {
namespace {

// A tenth of a pixel is enough, and short.
std::string place(double value) {
  const double rounded = std::round(value * 10) / 10;
  return fmt::format("{}", rounded == 0 ? 0.0 : rounded);
}

std::string joined(const std::vector<std::pair<double, double>>& points) {
  std::string path;
  bool pen_down = false;
  for (const auto& [x, y] : points) {
    const bool drawn = std::isfinite(x) && std::isfinite(y);
    if (drawn) path += fmt::format("{}{} {}", pen_down ? 'L' : 'M', place(x), place(y));
    pen_down = drawn;
  }
  return path;
}

std::string_view word_of(Anchor anchor) {
  return anchor == Anchor::kEnd ? "end" : anchor == Anchor::kMiddle ? "middle" : "start";
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        const bool control = static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t';
        result += control || c == 0x7F ? "\xEF\xBF\xBD" : std::string(1, c);
    }
  }
  return result;
}

Svg::Svg(const std::string& id, double width, double height, const std::string& title,
         const std::string& description) {
  text_ = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"picture\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
      "height=\"{1}\" style=\"max-width:{0}px\" role=\"img\" aria-labelledby=\"{2}-title {2}-desc\"><title "
      "id=\"{2}-title\">{3}</title>"
      "<desc id=\"{2}-desc\">{4}</desc>",
      place(width), place(height), id, escaped(title), escaped(description));
}

void Svg::close(std::string_view element, std::string_view tip) {
  text_ += tip.empty() ? "/>" : fmt::format("><title>{}</title></{}>", escaped(tip), element);
}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view classes) {
  text_ += fmt::format("<path class=\"{}\" d=\"M{} {}L{} {}\"/>", classes, place(x1), place(y1), place(x2),
                       place(y2));
}

void Svg::rect(double x, double y, double width, double height, std::string_view classes,
               std::string_view tip, std::string_view style) {
  text_ += fmt::format("<rect class=\"{}\"{} x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", classes,
                       style.empty() ? "" : fmt::format(" style=\"{}\"", style), place(x), place(y),
                       place(std::max(0.0, width)), place(std::max(0.0, height)));
  close("rect", tip);
}

void Svg::circle(double x, double y, double radius, std::string_view classes, std::string_view tip) {
  text_ += fmt::format("<circle class=\"{}\" cx=\"{}\" cy=\"{}\" r=\"{}\"", classes, place(x), place(y),
                       place(radius));
  close("circle", tip);
}

void Svg::text(double x, double y, std::string_view content, std::string_view classes, Anchor anchor,
               std::string_view style) {
  text_ += fmt::format(
      "<text{}{}{} x=\"{}\" y=\"{}\">{}</text>", classes.empty() ? "" : fmt::format(" class=\"{}\"", classes),
      anchor == Anchor::kStart ? "" : fmt::format(" text-anchor=\"{}\"", word_of(anchor)),
      style.empty() ? "" : fmt::format(" style=\"{}\"", style), place(x), place(y), escaped(content));
}

void Svg::text_upwards(double x, double y, std::string_view content, std::string_view classes) {
  text_ += fmt::format(
      "<text class=\"{}\" text-anchor=\"middle\" transform=\"translate({} {}) rotate(-90)\">{}</text>",
      classes, place(x), place(y), escaped(content));
}

void Svg::polyline(const std::vector<std::pair<double, double>>& points, std::string_view classes) {
  text_ += fmt::format("<path class=\"{}\" d=\"{}\"/>", classes, joined(points));
}

void Svg::polygon(const std::vector<std::pair<double, double>>& points, std::string_view classes,
                  std::string_view tip) {
  text_ += fmt::format("<path class=\"{}\" d=\"{}Z\"", classes, joined(points));
  close("path", tip);
}

void Svg::dots(const std::vector<std::pair<double, double>>& points, std::string_view classes) {
  std::string path;
  for (const auto& [x, y] : points) path += fmt::format("M{} {}h0", place(x), place(y));
  if (!path.empty()) text_ += fmt::format("<path class=\"{}\" d=\"{}\"/>", classes, path);
}

double text_width(std::string_view text, double font_size) {
  double units = 0;
  for (const char c : text) {
    if ((c & 0xC0) == 0x80) continue;  // goes with the byte before it
    const bool narrow = std::string_view(".,:;'|!()[]ijlft ").find(c) != std::string_view::npos;
    units += narrow ? 0.34 : c == 'm' || c == 'w' || c == 'M' || c == 'W' ? 0.86 : 0.6;
  }
  return units * font_size;
}

std::string fitting(std::string_view text, double width) {
  if (text_width(text) <= width) return std::string(text);
  const std::string_view ellipsis = "\u2026";
  const double room = width - text_width(ellipsis);
  while (!text.empty() && text_width(text) > room) {
    // A character goes with all of its bytes: the first of them goes last.
    while (text.size() > 1 && (text.back() & 0xC0) == 0x80) text.remove_suffix(1);
    text.remove_suffix(1);
  }
  return std::string(text) + std::string(ellipsis);
}

}  // namespace ropeway::charts
