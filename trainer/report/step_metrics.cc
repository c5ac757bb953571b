#include "trainer/report/step_metrics.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace ropeway {

nlohmann::ordered_json to_json(const StepRecord& record) {
  nlohmann::ordered_json line{{"stage", record.stage},
                              {"step", record.step},
                              {"total_steps", record.total_steps},
                              {"loss", record.loss},
                              {"lr", record.learning_rate},
                              {"grad_norm", record.gradient_norm},
                              {"tokens_per_second", record.tokens_per_second},
                              {"seconds", record.seconds},
                              {"peak_memory_bytes", record.peak_memory_bytes},
                              {"skipped_steps", record.skipped_steps},
                              {"spikes", record.spikes},
                              {"rollbacks", record.rollbacks}};
  for (const auto& [part, bytes] : record.memory) line["memory_bytes"][part] = bytes;
  for (const auto& [part, seconds] : record.time) line["time_seconds"][part] = seconds;
  if (record.slowest_rank >= 0) {
    line["slowest_rank"] = {{"rank", record.slowest_rank}, {"speed", record.slowest_speed}};
  }
  if (record.attention_balance > 0) {
    line["attention"] = {{"balance", record.attention_balance}, {"bytes_sent", record.attention_bytes_sent}};
  }
  if (record.tflops_per_rank > 0) line["tflops_per_rank"] = record.tflops_per_rank;
  if (record.peak_tflops > 0) line["share_of_peak"] = record.tflops_per_rank / record.peak_tflops;
  return line;
}

std::vector<std::pair<std::string, double>> step_scalars(const StepRecord& record) {
  const std::string prefix = record.stage + "/";
  std::vector<std::pair<std::string, double>> scalars = {
      {prefix + "loss_metrics/global_avg_loss", record.loss},
      {prefix + "grad_norm", record.gradient_norm},
      {prefix + "lr", record.learning_rate},
      {prefix + "throughput(tps)", record.tokens_per_second},
      {prefix + "time_metrics/end_to_end(s)", record.seconds}};
  if (record.peak_memory_bytes > 0) {
    scalars.emplace_back(prefix + "memory/max_reserved(GiB)",
                         static_cast<double>(record.peak_memory_bytes) / (1 << 30));
  }
  for (const auto& [part, seconds] : record.time) {
    if (part == "data") {
      scalars.emplace_back(prefix + "time_metrics/data_loading(s)", seconds);
      if (record.seconds > 0) {
        scalars.emplace_back(prefix + "time_metrics/data_loading(%)", 100 * seconds / record.seconds);
      }
    } else {
      scalars.emplace_back(fmt::format("{}time_metrics/{}(s)", prefix, part), seconds);
    }
  }
  if (record.attention_balance > 0) {
    scalars.emplace_back(prefix + "attention/balance", record.attention_balance);
    scalars.emplace_back(prefix + "attention/sent(MiB)",
                         static_cast<double>(record.attention_bytes_sent) / (1 << 20));
  }
  if (record.tflops_per_rank > 0) scalars.emplace_back(prefix + "tflops", record.tflops_per_rank);
  if (record.peak_tflops > 0) {
    scalars.emplace_back(prefix + "mfu(%)", 100 * record.tflops_per_rank / record.peak_tflops);
  }
  return scalars;
}

}  // namespace ropeway
