// Pieces of an HTML page from pictures and tables; texts are escaped here and nowhere else.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "trainer/charts/picture.h"

namespace ropeway::page {

std::string table_html(const charts::Table& table, const std::string& caption);

// The picture, its caption, and its table folded away below it. wide: over the whole page.
std::string figure_html(const charts::Picture& picture, bool wide);

// A title of names before values: <dl>.
std::string list_html(const std::vector<std::pair<std::string, std::string>>& items);

// Text of a file, folded away behind a title.
std::string folded_text(const std::string& title, const std::string& text);

}  // namespace ropeway::page
