#include "trainer/page/html.h"

#include <fmt/format.h>

#include "trainer/charts/svg.h"

namespace ropeway::page {

using charts::escaped;

std::string table_html(const charts::Table& table, const std::string& caption) {
  std::string html = fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table><caption>{0}</caption>"
      "<thead><tr>",
      escaped(caption));
  const auto classes = [&](size_t column) { return column < table.text_columns ? " class=\"name\"" : ""; };
  for (size_t i = 0; i < table.head.size(); ++i) {
    html += fmt::format("<th scope=\"col\"{}>{}</th>", classes(i), escaped(table.head[i]));
  }
  html += "</tr></thead><tbody>";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (size_t i = 0; i < row.size(); ++i) {
      const char* element = i == 0 ? "th scope=\"row\"" : "td";
      html += fmt::format("<{}{}>{}</{}>", element, classes(i), escaped(row[i]), i == 0 ? "th" : "td");
    }
    html += "</tr>";
  }
  html += "</tbody></table></div>";
  if (!table.note.empty()) html += fmt::format("<p class=\"note\">{}</p>", escaped(table.note));
  return html;
}

std::string figure_html(const charts::Picture& picture, bool wide) {
  std::string html =
      fmt::format("<figure id=\"figure-{}\" class=\"{}\"><figcaption><h3>{}</h3><p>{}</p></figcaption>",
                  picture.id, wide ? "wide" : "half", escaped(picture.title), escaped(picture.caption));
  const bool drawn = !picture.svg.empty();
  if (drawn) {
    html += fmt::format("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">{}</div>",
                        escaped(picture.title), picture.svg);
  }
  if (!picture.table.rows.empty()) {
    html += fmt::format("<details{}><summary>Table: {}</summary>{}</details>",
                        drawn && !picture.table_open ? "" : " open", escaped(picture.title),
                        table_html(picture.table, picture.title));
  }
  return html + "</figure>";
}

std::string list_html(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string html = "<dl>";
  for (const auto& [name, value] : items) {
    html += fmt::format("<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(value));
  }
  return html + "</dl>";
}

std::string folded_text(const std::string& title, const std::string& text) {
  return fmt::format("<details><summary>{}</summary><pre tabindex=\"0\">{}</pre></details>", escaped(title),
                     escaped(text));
}

}  // namespace ropeway::page
