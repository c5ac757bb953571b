// Scalable Vector Graphics (W3C SVG 1.1) as text, from a handful of shapes. Colours are CSS classes (palette.h),
// so that a picture follows the colours of the page it is in: light, dark or paper.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ropeway::charts {

// '&', '<', '>', '"' as XML wants them; control characters, which XML cannot hold, as U+FFFD.
std::string escaped(std::string_view text);

enum class Anchor { kStart, kMiddle, kEnd };

class Svg {
 public:
  // title and description are what a screen reader says in place of the picture. id: of the element, unique in
  // its page.
  Svg(const std::string& id, double width, double height, const std::string& title,
      const std::string& description);

  void line(double x1, double y1, double x2, double y2, std::string_view classes);
  void rect(double x, double y, double width, double height, std::string_view classes,
            std::string_view tip = "", std::string_view style = "");
  void circle(double x, double y, double radius, std::string_view classes, std::string_view tip = "");
  void text(double x, double y, std::string_view content, std::string_view classes = "",
            Anchor anchor = Anchor::kStart, std::string_view style = "");
  // Written upwards, around (x, y) as its middle.
  void text_upwards(double x, double y, std::string_view content, std::string_view classes);
  // A line through the points; places where a point is not finite are gaps.
  void polyline(const std::vector<std::pair<double, double>>& points, std::string_view classes);
  void polygon(const std::vector<std::pair<double, double>>& points, std::string_view classes,
               std::string_view tip = "");
  // A dot per point in one element: many of them cost little.
  void dots(const std::vector<std::pair<double, double>>& points, std::string_view classes);

  std::string finished() const { return text_ + "</svg>"; }

 private:
  void close(std::string_view element, std::string_view tip);

  std::string text_;
};

// Width of a text in the sans-serif letters of the pictures, estimated: pictures are made without a font at
// hand.
double text_width(std::string_view text, double font_size = 12);
// As much of the text as fits, with an ellipsis where that is not all.
std::string fitting(std::string_view text, double width);

}  // namespace ropeway::charts
