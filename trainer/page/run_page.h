// The page: one HTML file without script, font or picture from elsewhere, for a browser, a screen reader and paper.
#pragma once

#include <string>
#include <vector>

#include "trainer/charts/picture.h"
#include "trainer/page/run_data.h"

namespace ropeway::page {

struct Section {
  std::string id, title;
  std::vector<charts::Picture> pictures;
  bool wide = true;  // a picture has the whole width of the page
};

// The pictures of the runs, in the page's order; sections without one are left out.
std::vector<Section> picture_sections(const std::vector<RunData>& runs);

// runs: one, or several that are compared. written: the time, as text. script: of a page that keeps itself up to
// date; empty: none.
std::string run_page(const std::vector<RunData>& runs, const std::string& written,
                     const std::string& script = "");

}  // namespace ropeway::page
