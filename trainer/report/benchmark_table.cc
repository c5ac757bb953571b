#include "trainer/report/benchmark_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace ropeway {
namespace {

// The figures of one row, as they are read: a share with its interval in percent, anything else as it is.
std::string figures_text(const BenchmarkRecord& record) {
  const auto number = [&](const std::string& name) {
    return std::ranges::find(record.numbers, name, &std::pair<std::string, double>::first);
  };
  std::string text;
  for (const auto& [name, value] : record.numbers) {
    if (name.ends_with("_low") || name.ends_with("_high")) continue;
    const auto low = number(name + "_low"), high = number(name + "_high");
    if (low != record.numbers.end() && high != record.numbers.end()) {
      text += fmt::format("  {} {:.1f}% ({:.1f} to {:.1f})", name, 100 * value, 100 * low->second,
                          100 * high->second);
    } else {
      text += fmt::format("  {} {:.6g}", name, value);
    }
  }
  return text;
}

}  // namespace

std::string benchmark_table(const std::vector<BenchmarkRecord>& records) {
  if (records.empty()) return "";
  size_t model = 0, task = 4, factors = 7;
  for (const BenchmarkRecord& record : records) {
    model = std::max(model, record.model.empty() ? 0 : record.model.size() + 1);
    task = std::max(task, record.task.size());
    factors = std::max(factors, record.factors.size());
  }
  std::string text = fmt::format("{:<{}}{:<{}} {:<{}} {:>9}  figures\n", model > 0 ? "model" : "", model,
                                 "task", task, "factors", factors, "length");
  for (const BenchmarkRecord& record : records) {
    text += fmt::format("{:<{}}{:<{}} {:<{}} {:>9}{}\n", record.model, model, record.task, task,
                        record.factors, factors, record.length, figures_text(record));
  }
  return text + "in brackets: 95 % intervals\n";
}

}  // namespace ropeway
