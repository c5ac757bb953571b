#include "trainer/page/write_page.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <set>

#include "kernels/base/log.h"
#include "trainer/charts/palette.h"
#include "trainer/files/files.h"
#include "trainer/page/run_page.h"

namespace ropeway::page {
namespace {

// Runs that are compared are called by their names; namesakes by their folders.
std::vector<RunData> read_runs(const std::vector<std::filesystem::path>& folders) {
  std::vector<RunData> runs;
  for (const auto& folder : folders) runs.push_back(read_run_data(folder));
  if (runs.size() < 2) return runs;
  const bool namesakes = runs[0].name == runs[1].name;
  for (RunData& run : runs) {
    const std::filesystem::path path = std::filesystem::absolute(run.folder).lexically_normal();
    run.label = namesakes ? (path.has_filename() ? path : path.parent_path()).filename().string() : run.name;
  }
  return runs;
}

}  // namespace

std::string page_of(const std::vector<std::filesystem::path>& run_folders, const Tell& left_out,
                    const std::string& script) {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  const std::vector<RunData> runs = read_runs(run_folders);
  for (const RunData& run : runs) {
    for (const std::string& part : run.left_out) left_out(part);
  }
  return run_page(runs, fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(now)), script);
}

Tell warn_once() {
  return [said = std::set<std::string>()](const std::string& part) mutable {
    if (said.insert(part).second) log_warning("{}; the page goes without it", part);
  };
}

size_t write_pictures(const std::vector<std::filesystem::path>& run_folders,
                      const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  size_t count = 0;
  for (const Section& section : picture_sections(read_runs(run_folders))) {
    for (const charts::Picture& picture : section.pictures) {
      if (picture.svg.empty()) continue;
      const size_t begin = picture.svg.find('>') + 1;
      write_file_atomically(folder / (picture.id + ".svg"), picture.svg.substr(0, begin) + "<style>" +
                                                                charts::style_sheet() + "</style>" +
                                                                picture.svg.substr(begin) + "\n");
      ++count;
    }
  }
  return count;
}

}  // namespace ropeway::page
