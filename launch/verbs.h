// The verbs of the command line, one per file. Each takes what follows it, does its work and returns; errors
// are thrown, and main turns them into a message and an exit code. Only verbs print.
#pragma once

#include <string>
#include <vector>

namespace ropeway {

class MpiSession;

struct CommandPage;

using Arguments = std::vector<std::string>;

struct Verb {
  const char* name;
  const char* summary;
  // Exactly one of the two: verbs that need the ranks of the job, and verbs of one process, which under mpirun
  // rank 0 runs alone.
  void (*collective)(const Arguments&, MpiSession& job);
  void (*local)(const Arguments&, bool prints);
  CommandPage (*page)();  // command_page.h
  bool is_aside = false;  // in the overview by its name alone
};
const std::vector<Verb>& verbs();

void run_verb(const Arguments& arguments, MpiSession& job);       // verb_run.cc
void evaluate_verb(const Arguments& arguments, MpiSession& job);  // verb_evaluate.cc
void doctor_verb(const Arguments& arguments, MpiSession& job);    // verb_doctor.cc
void generate_verb(const Arguments& arguments, MpiSession& job);  // verb_generate.cc
void chat_verb(const Arguments& arguments, MpiSession& job);      // verb_chat.cc
void export_verb(const Arguments& arguments, MpiSession& job);    // verb_export.cc
void import_verb(const Arguments& arguments, bool prints);        // verb_import.cc
void inspect_verb(const Arguments& arguments, bool prints);       // verb_inspect.cc
void data_verb(const Arguments& arguments, bool prints);          // verb_data.cc
void plan_verb(const Arguments& arguments, bool prints);          // verb_plan.cc
void status_verb(const Arguments& arguments, bool prints);        // verb_status.cc
void report_verb(const Arguments& arguments, bool prints);        // verb_report.cc
void validate_verb(const Arguments& arguments, bool prints);      // verb_validate.cc
void version_verb(const Arguments& arguments, bool prints);       // verb_version.cc
void show_verb(const Arguments& arguments, bool prints);          // verb_show.cc
void new_verb(const Arguments& arguments, bool prints);           // verb_new.cc
void convert_verb(const Arguments& arguments, bool prints);       // verb_convert.cc
void fetch_verb(const Arguments& arguments, bool prints);         // verb_fetch.cc
void schema_verb(const Arguments& arguments, bool prints);        // verb_schema.cc
void help_verb(const Arguments& arguments, bool prints);          // verb_help.cc
void completion_verb(const Arguments& arguments, bool prints);    // verb_completion.cc

CommandPage data_page();
CommandPage export_page();
CommandPage import_page();
CommandPage run_page();
CommandPage evaluate_page();
CommandPage generate_page();
CommandPage chat_page();
CommandPage status_page();
CommandPage report_page();
CommandPage inspect_page();
CommandPage new_page();
CommandPage convert_page();
CommandPage fetch_page();
CommandPage plan_page();
CommandPage validate_page();
CommandPage doctor_page();
CommandPage version_page();
CommandPage show_page();
CommandPage schema_page();
CommandPage help_page();
CommandPage completion_page();

std::string overview();                          // what `ropeway --help` prints
const Verb& find_verb(const std::string& name);  // throws kUsage with the nearest verb

}  // namespace ropeway
