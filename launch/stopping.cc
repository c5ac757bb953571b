#include "launch/stopping.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "launch/signals.h"
#include "trainer/config/cadence.h"

namespace ropeway {
namespace {

// To agree, and to come to a place where a step can be abandoned.
constexpr double kSecondsBeforeSaving = 0.5;

StopAgreement* g_of_verb = nullptr;

std::optional<int64_t> number_in(const char* text) {
  int64_t value = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

std::string words_on_grace(double grace, double saving) {
  return fmt::format(
      "a save takes about {:.2g} s, and mpirun kills its ranks {:.2g} s after it gets SIGTERM or SIGINT: "
      "stop it "
      "with SIGUSR1, for which it has no limit, or start it with --mca odls_base_sigkill_timeout {}",
      saving, grace, static_cast<int64_t>(std::ceil(2 * saving + 10)));
}

bool is_short(double grace, double saving) { return grace >= 0 && grace < saving + kSecondsBeforeSaving; }

}  // namespace

double grace_of_launcher() {
  if (std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr) return -1;
  const char* value = std::getenv("OMPI_MCA_odls_base_sigkill_timeout");
  const auto seconds = value != nullptr ? number_in(value) : std::nullopt;
  return static_cast<double>(seconds.value_or(1));  // Open MPI's default
}

Stopping::Stopping(Communicator& world) {
  note_requests();
  StopAgreement::Options options{.asked = stop_requested, .overdue = end_stopped};
  if (world.rank() == 0) {
    const double grace = grace_of_launcher();
    options.when_agreed = [grace](double saving) {
      const std::string signal = stop_signal();
      if (!signal.empty()) log_info("{}: stopping; SIGINT or SIGTERM once more ends at once", signal);
      if (saving > 0 && signal != "SIGUSR1" && is_short(grace, saving)) {
        log_warning("{}", words_on_grace(grace, saving));
      }
    };
    options.saving_measured = [grace](double seconds) {
      if (is_short(grace, seconds)) log_warning("{}", words_on_grace(grace, seconds));
    };
  }
  agreement_ = std::make_unique<StopAgreement>(world, std::move(options));
  g_of_verb = agreement_.get();
}

Stopping::~Stopping() { g_of_verb = nullptr; }

StopAgreement& Stopping::of_verb() { return *g_of_verb; }

void limit_time(StopAgreement& stop, const std::string& limit, bool tell) {
  const auto now = std::chrono::steady_clock::now();
  double seconds = 0;
  std::string source = "--time-limit";
  if (!limit.empty()) {
    const auto given = parse_duration(limit);
    if (!given) fail(ErrorKind::kUsage, "--time-limit {}: wanted a time such as 45m or 3h50m", limit);
    seconds = *given;
  } else if (const char* end = std::getenv("SLURM_JOB_END_TIME")) {
    source = "SLURM_JOB_END_TIME";
    const auto at = number_in(end);
    seconds = at ? static_cast<double>(*at - std::time(nullptr)) : 0;
    if (seconds <= 0) {
      if (tell) log_warning("{}={} is not a time to come; there is no time limit", source, end);
      return;
    }
  } else {
    return;
  }
  const double reserve = std::min(60.0, 0.05 * seconds);
  stop.set_deadline(now + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                              std::chrono::duration<double>(seconds)),
                    std::chrono::duration<double>(reserve));
  if (tell) {
    log_info("the job ends in {} ({}): it saves and stops {} before, or earlier where saving takes longer",
             format_duration(seconds), source, format_duration(std::max(1.0, reserve)));
  }
}

}  // namespace ropeway
