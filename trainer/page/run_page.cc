#include "trainer/page/run_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "trainer/charts/svg.h"
#include "trainer/page/benchmark_pictures.h"
#include "trainer/page/control_picture.h"
#include "trainer/page/factor_pictures.h"
#include "trainer/page/html.h"
#include "trainer/page/length_pictures.h"
#include "trainer/page/page_sections.h"
#include "trainer/page/page_style.h"
#include "trainer/page/retrieval_pictures.h"
#include "trainer/page/schedule_picture.h"
#include "trainer/page/search_pictures.h"
#include "trainer/page/training_pictures.h"

namespace ropeway::page {
namespace {

using charts::escaped;

std::string title_of(const std::vector<RunData>& runs) {
  std::string title = runs.front().name;
  for (size_t i = 1; i < runs.size(); ++i) title += " and " + runs[i].name;
  return title;
}

std::string state_of(const RunData& run) {
  if (run.finished()) return "finished";
  const auto next = std::ranges::find(run.stages, false, &PageStage::finished);
  return next == run.stages.end() ? "no stage yet" : fmt::format("at stage {}", next->name);
}

struct Part {
  std::string id, title, html;
};

std::string figures_of(const Section& section) {
  std::string html = "<div class=\"figures\">";
  for (const charts::Picture& picture : section.pictures) html += figure_html(picture, section.wide);
  return html + "</div>";
}

// A heading with the run's label where there are several.
std::string of_each(const std::vector<RunData>& runs, std::string (*part)(const RunData&)) {
  std::string html;
  for (const RunData& run : runs) {
    const std::string content = part(run);
    if (!content.empty() && !run.label.empty()) html += fmt::format("<h3>{}</h3>", escaped(run.label));
    html += content;
  }
  return html;
}

std::vector<Part> parts_of(const std::vector<RunData>& runs) {
  std::vector<Part> parts;
  for (const Section& section : picture_sections(runs))
    parts.push_back({section.id, section.title, figures_of(section)});
  const std::string samples = of_each(runs, samples_html);
  if (!samples.empty()) parts.push_back({"samples", "What it writes", samples});
  parts.push_back({"record", "Record", of_each(runs, record_html)});
  return parts;
}

}  // namespace

std::vector<Section> picture_sections(const std::vector<RunData>& runs) {
  std::vector<Section> sections = {{"lengths", "By length", length_pictures(runs)},
                                   {"retrieval", "Retrieval", retrieval_pictures(runs)},
                                   {"controls", "Controls", control_pictures(runs)},
                                   {"benchmarks", "Benchmarks", benchmark_pictures(runs)},
                                   {"schedule", "Schedule", schedule_pictures(runs)},
                                   {"training", "Training", training_pictures(runs), false},
                                   {"factors", "Factors", factor_pictures(runs), false},
                                   {"searches", "Searches", search_pictures(runs), false}};
  std::erase_if(sections, [](const Section& section) { return section.pictures.empty(); });
  return sections;
}

std::string run_page(const std::vector<RunData>& runs, const std::string& written,
                     const std::string& script) {
  const std::string title = escaped(title_of(runs));
  std::string under;
  for (const RunData& run : runs) {
    under += fmt::format("{}{}: {}; ", under.empty() ? "" : " ", run.label.empty() ? "Run" : run.label,
                         state_of(run));
  }
  const std::vector<Part> parts = parts_of(runs);
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
      "<title>{} \u2013 ropeway</title><link rel=\"icon\" href=\"data:,\"><style>{}</style></head>\n<body>"
      "<a class=\"skip\" href=\"#content\">Skip to the figures</a><header><h1>{}</h1><p "
      "class=\"under\">{}written {}</p>",
      title, page_style(), title, escaped(under), escaped(written));
  html += of_each(runs, tiles_html) + "<nav aria-label=\"Sections\"><ul>";
  for (const Part& part : parts) html += fmt::format("<li><a href=\"#{}\">{}</a></li>", part.id, part.title);
  html += "</ul></nav></header>\n<main id=\"content\">";
  for (const Part& part : parts) {
    html += fmt::format(
        "<section id=\"{}\" aria-labelledby=\"{}-heading\"><h2 id=\"{}-heading\">{}</h2>{}</section>\n",
        part.id, part.id, part.id, part.title, part.html);
  }
  html +=
      "</main><footer>Made by ropeway from the files of the run's folder. No part of it is loaded from "
      "elsewhere."
      "</footer>";
  if (!script.empty()) html += fmt::format("<script>{}</script>", script);
  return html + "</body></html>\n";
}

}  // namespace ropeway::page
