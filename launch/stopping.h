// How a verb of several ranks is stopped: they agree, and what can be saved is saved. Where nothing comes to an end
// within a second of that and there is nothing to save (texts are being encoded, a long document scored), the ranks
// end by themselves: what was finished is on disk, and a kill could do no harm either.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "parallel/comm/stop_agreement.h"

namespace ropeway {

class Stopping {
 public:
  explicit Stopping(Communicator& world);  // collective, as is the destructor
  ~Stopping();
  Stopping(const Stopping&) = delete;
  Stopping& operator=(const Stopping&) = delete;

  StopAgreement& agreement() const { return *agreement_; }
  static StopAgreement& of_verb();  // that of the one Stopping there is

 private:
  std::unique_ptr<StopAgreement> agreement_;
};

// Lets the job end by `limit` ("3h50m"; throws kUsage), or without one when SLURM_JOB_END_TIME says so.
void limit_time(StopAgreement& stop, const std::string& limit, bool tell);

// Seconds from SIGTERM to mpirun until its ranks are killed. Below 0: not known.
double grace_of_launcher();

}  // namespace ropeway
