#include "trainer/charts/label_places.h"

#include <algorithm>

#include "trainer/charts/svg.h"

namespace ropeway::charts {
namespace {

bool share_a_stretch(const Label& a, const Label& b) {
  return a.x < b.x + text_width(b.text) && b.x < a.x + text_width(a.text);
}

}  // namespace

std::vector<Label> spread_labels(std::vector<Label> labels, double height, double top, double bottom) {
  std::ranges::stable_sort(labels, {}, &Label::y);
  // Downwards first, then back up from the bottom: each pass keeps the order.
  for (size_t i = 0; i < labels.size(); ++i) {
    labels[i].y = std::max(labels[i].y, top);
    for (size_t j = 0; j < i; ++j) {
      if (share_a_stretch(labels[i], labels[j])) labels[i].y = std::max(labels[i].y, labels[j].y + height);
    }
  }
  for (size_t i = labels.size(); i-- > 0;) {
    labels[i].y = std::min(labels[i].y, bottom);
    for (size_t j = i + 1; j < labels.size(); ++j) {
      if (share_a_stretch(labels[i], labels[j])) labels[i].y = std::min(labels[i].y, labels[j].y - height);
    }
  }
  return labels;
}

}  // namespace ropeway::charts
