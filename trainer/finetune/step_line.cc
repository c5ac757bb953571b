#include "trainer/finetune/step_line.h"

#include <fmt/format.h>

#include <algorithm>

#include "trainer/report/duration_text.h"

namespace ropeway {
namespace {

std::string rate_text(double tokens_per_second) {
  return tokens_per_second < 1000 ? fmt::format("{:.0f}", tokens_per_second)
                                  : fmt::format("{:.1f}k", tokens_per_second / 1000);
}

double seconds_of(const StepRecord& record, const std::string& part) {
  const auto found = std::ranges::find(record.time, part, &std::pair<std::string, double>::first);
  return found == record.time.end() ? -1 : found->second;
}

// Three significant digits.
std::string short_text(double value) {
  return fmt::format("{:.{}f}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

}  // namespace

std::string step_line(const StepRecord& record, int ranks) {
  std::string line =
      fmt::format("loss {:.4f}  grad {:.2f}  lr {:.2e}  {} tok/s", record.loss, record.gradient_norm,
                  record.learning_rate, rate_text(record.tokens_per_second));
  if (ranks > 1) line += fmt::format(" ({}/rank)", rate_text(record.tokens_per_second / ranks));
  if (record.tflops_per_rank > 0) {
    line += fmt::format("  {} TFLOP/s", short_text(record.tflops_per_rank));
    if (record.peak_tflops > 0)
      line += fmt::format(" ({:.0f}%)", 100 * record.tflops_per_rank / record.peak_tflops);
  }
  if (record.peak_memory_bytes > 0) {
    line += fmt::format("  {} GiB", short_text(static_cast<double>(record.peak_memory_bytes) / (1 << 30)));
  }
  const double data = seconds_of(record, "data"), save = seconds_of(record, "checkpoint");
  if (data >= 0 && record.seconds > 0) line += fmt::format("  data {:.0f}%", 100 * data / record.seconds);
  if (save > 0) line += fmt::format("  save {:.1f}s", save);
  if (record.seconds_left >= 0) line += fmt::format("  all {}", duration_text(record.seconds_left));
  return line;
}

}  // namespace ropeway
