// Labels beside lines without one on top of another.
#pragma once

#include <string>
#include <vector>

namespace ropeway::charts {

struct Label {
  double x = 0, y = 0;  // left end, middle of its height
  std::string text;
  std::string classes;
};

// The labels moved up or down, as little as they can, until those that share a stretch of x lie at least
// `height` apart, within [top, bottom] where they fit there.
std::vector<Label> spread_labels(std::vector<Label> labels, double height, double top, double bottom);

}  // namespace ropeway::charts
