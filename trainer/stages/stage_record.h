// What the folder of a stage says of it. Both files are whole or not there.
//
//   begun.json  written before a stage begins or goes on: the identity it works under
//   done.json   written last: the stage is finished. Its identity, with what the stages it started from
//               had made; the hash of what it made; its figures, of which report.json can be written again
#pragma once

#include <filesystem>
#include <string>

#include "trainer/files/file_hashes.h"
#include "trainer/report/reporter.h"
#include "trainer/stages/run_comparison.h"

namespace ropeway {

// Progress kNone also where a stage has begun and has left nothing that could be gone on with: no checkpoint,
// no line of a search. Throws kBadData for a record that cannot be read.
RecordedStage read_stage_record(const std::filesystem::path& folder, StageKind kind, FileHashes& hashes);

// A finished or half done stage of a version that recorded no identities.
bool is_without_identity(const std::filesystem::path& folder, StageKind kind);

struct BegunStage {
  StageIdentity identity = {};
  int64_t went_back_to = -1;
  std::vector<std::string> earlier_bindings = {};
};
// Takes back the record that the stage was finished.
void write_begun_record(const std::filesystem::path& folder, const BegunStage& begun);

struct DoneStage {
  StageRecord stage = {};
  StageIdentity identity = {};
  std::string result = {};
  int64_t went_back_to = -1;
  RunReport report = {};  // of this stage
};
void write_done_record(const std::filesystem::path& folder, const DoneStage& done);
// The part of the report that a finished stage recorded; nothing where its version recorded none.
RunReport recorded_report(const std::filesystem::path& folder);
// Adds identity and result to the record of an earlier version.
void complete_done_record(const std::filesystem::path& folder, const StageIdentity& identity,
                          const std::string& result);

// Of the files that stages behind this one read: a SHA-256, "" when there are none. report: of an evaluation.
std::string result_of(const std::filesystem::path& folder, StageKind kind, FileHashes& hashes,
                      const RunReport& report = {});

}  // namespace ropeway
