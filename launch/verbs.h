// The verbs of the command line, one per file. Each takes what follows it, does its work and returns; errors
// are thrown, and main turns them into a message and an exit code. Only verbs print.
#pragma once

#include <string>
#include <vector>

namespace ropeway {

class MpiSession;

using Arguments = std::vector<std::string>;

struct Verb {
  const char* name;
  const char* summary;
  // Exactly one of the two: verbs that need the ranks of the job, and verbs of one process, which never start
  // MPI: under mpirun rank 0 prints and writes, the others do nothing that shows.
  void (*collective)(const Arguments&, MpiSession& job);
  void (*local)(const Arguments&, bool prints);
};
const std::vector<Verb>& verbs();

void run_verb(const Arguments& arguments, MpiSession& job);       // verb_run.cc
void evaluate_verb(const Arguments& arguments, MpiSession& job);  // verb_evaluate.cc
void generate_verb(const Arguments& arguments, MpiSession& job);  // verb_generate.cc
void chat_verb(const Arguments& arguments, MpiSession& job);      // verb_chat.cc
void export_verb(const Arguments& arguments, MpiSession& job);    // verb_export.cc
void import_verb(const Arguments& arguments, bool prints);        // verb_import.cc
void inspect_verb(const Arguments& arguments, bool prints);       // verb_inspect.cc
void data_verb(const Arguments& arguments, bool prints);          // verb_data.cc
void plan_verb(const Arguments& arguments, bool prints);          // verb_plan.cc
void status_verb(const Arguments& arguments, bool prints);        // verb_status.cc
void validate_verb(const Arguments& arguments, bool prints);      // verb_validate.cc
void version_verb(const Arguments& arguments, bool prints);       // verb_version.cc

std::string overview();                          // what `ropeway --help` prints
const Verb& find_verb(const std::string& name);  // throws kUsage with the nearest verb

}  // namespace ropeway
