// ropeway report: a run as one HTML file, with pictures. Neither MPI nor a GPU.
#include <iostream>

#include "kernels/base/error.h"
#include "launch/command_page.h"
#include "launch/serve_page.h"
#include "launch/verbs.h"
#include "trainer/files/files.h"
#include "trainer/page/write_page.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

std::string text_of(const po::variables_map& values, const char* name) {
  return values.count(name) > 0 ? values[name].as<std::string>() : "";
}

}  // namespace

CommandPage report_page() {
  return {
      .usage =
          "RUN [-o report.html] [--compare RUN_B] [--pictures DIR]\n"
          "               [--serve PORT]",
      .about =
          "Writes what a run did as one HTML file that needs nothing else: bits per byte by\n"
          "length, passkeys by depth, controls, schedule, training curves, factors, searches,\n"
          "and the recipe. RUN is a run folder; a run that goes on is shown as far as it is.\n"
          "Every run writes RUN/report.html itself, and again while it works.\n",
      .options = {row(Option::text("output", "FILE").or_letter("o").offering(Completion::kFile),
                      "where to (default: RUN/report.html; with --compare, needed)"),
                  row(Option::text("compare", "RUN_B").offering(Completion::kFile),
                      "both runs in every picture"),
                  row(Option::text("pictures", "DIR").offering(Completion::kFile),
                      "each picture as DIR/NAME.svg as well"),
                  row(Option::number<int>("serve", "PORT"),
                      "no file: http://127.0.0.1:PORT/ shows the run as it goes on, until Ctrl-C; 0 takes a "
                      "free port")},
      .examples =
          "ropeway report runs/tiny_cpu\n"
          "ropeway report runs/a --compare runs/b -o both.html --pictures figures\n",
      .positional = "RUN",
      .help_column = 21};
}

void report_verb(const Arguments& arguments, bool prints) {
  const CommandLine line = command_line("report", report_page());
  po::variables_map values;
  if (!parse_command_line(line, arguments, values)) {
    if (prints) std::cout << line.help;
    return;
  }
  std::vector<fs::path> runs = {values["RUN"].as<std::string>()};
  const std::string other = text_of(values, "compare"), pictures = text_of(values, "pictures");
  if (!other.empty()) runs.emplace_back(other);
  if (values.count("serve") > 0) {
    const int port = values["serve"].as<int>();
    if (port < 0 || port > 65535)
      fail(ErrorKind::kUsage, "--serve: found {}, wanted a port from 0 to 65535", port);
    if (prints) serve_page(runs, port, [](const std::string& address) { std::cout << address << std::endl; });
    return;
  }
  std::string output = text_of(values, "output");
  if (output.empty() && !other.empty()) {
    fail(ErrorKind::kUsage,
         "--compare {}: found no --output for the page of two runs; wanted one, such as -o both.html", other);
  }
  if (output.empty()) output = (runs.front() / "report.html").string();
  if (!prints) return;
  write_file_atomically(output, page::page_of(runs, page::warn_once()));
  std::cout << output << "\n";
  if (pictures.empty()) return;
  std::cout << fmt::format("{} pictures in {}\n", page::write_pictures(runs, pictures), pictures);
}

}  // namespace ropeway
