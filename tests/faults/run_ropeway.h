// Runs the real program, alone or under mpirun, and keeps what it printed and how it ended.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/temp_dir.h"

namespace ropeway {

struct Ended {
  int code = -1;
  std::string out, err;
  double cpu_seconds = 0;  // of it and all its processes: what it takes, however busy the machine is
};

// Where the build and the repository are, unless the environment names others (a bundle on another machine).
inline std::string place(const char* variable, const char* built) {
  const char* named = std::getenv(variable);
  return named != nullptr ? named : built;
}
inline const std::string& program() {
  static const std::string path = place("ROPEWAY_PROGRAM", ROPEWAY_BINARY_DIR "/bin/ropeway");
  return path;
}
inline const std::string& top_folder() {
  static const std::string path = place("ROPEWAY_TOP_FOLDER", ROPEWAY_SOURCE_DIR);
  return path;
}

// Of all processes started here that have ended.
inline double cpu_seconds_of_children() {
  struct rusage usage {};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// A shell command line with {} for the program; run in the repository's top folder, ended after some minutes.
inline Ended run_shell(std::string command) {
  for (size_t at; (at = command.find("{}")) != std::string::npos;) command.replace(at, 2, program());
  for (const char* setting :
       {"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "OMPI_MCA_rmaps_base_oversubscribe=1",
        "OMPI_MCA_hwloc_base_binding_policy=none", "OMPI_MCA_pml=ob1", "OMPI_MCA_btl=self,vader,tcp",
        "OMPI_MCA_plm_rsh_agent=/bin/false", "OMP_NUM_THREADS=1"}) {
    const std::string text = setting;
    const size_t equals = text.find('=');
    setenv(text.substr(0, equals).c_str(), text.substr(equals + 1).c_str(), 0);
  }
  const TempDir scratch;
  const std::string out = scratch.name("out"), err = scratch.name("err");
  const std::string script = scratch.file("command.sh", "cd " + top_folder() + "\n" + command + "\n");
  const double before = cpu_seconds_of_children();
  const int status = std::system(("timeout -k 5 200 sh " + script + " >" + out + " 2>" + err).c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_bytes(out), read_bytes(err),
          cpu_seconds_of_children() - before};
}

inline Ended run_ropeway(const std::string& arguments) { return run_shell("exec {} " + arguments); }
inline Ended mpirun_ropeway(int ranks, const std::string& arguments) {
  return run_shell("exec mpirun -n " + std::to_string(ranks) + " {} " + arguments);
}

inline int times(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
  return count;
}

inline const std::string kTinyBase = top_folder() + "/tests/data/tiny_base";

// A quick recipe over the tiny model and the text of the tests.
inline std::string small_recipe(const TempDir& scratch, const std::string& stages) {
  const std::string prose = top_folder() + "/tests/data/prose.txt";
  return scratch.file("recipe.yaml", "name: small\nmodel: {path: " + kTinyBase + "}\ndata: {train: [" +
                                         prose + "], validation: [" + prose + "], test: [" + prose +
                                         "], cache: " + scratch.name("cache") +
                                         "}\nrun_dir: " + scratch.name("run") + "\nstages:\n" + stages);
}
inline const std::string kEvaluateStage =
    "  - {name: score, kind: evaluate, lengths: [256], factors: [none], tasks: [perplexity], windows: 2}\n";

}  // namespace ropeway
