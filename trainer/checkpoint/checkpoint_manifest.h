// The folder of a training checkpoint, and its manifest.json and SHA256SUMS: written last, read first.
//
//   step-000120/  weights.safetensors                   all weights, from rank 0
//                 optimizer-00001-of-00002.safetensors  masters and moments of one rank's flat ranges
//                 state.json                            factor set, data fingerprint, everything small
//                 config.json, tokenizer.json, ...      companions, from rank 0: with them the folder opens
//                                                       wherever it is moved
//                 manifest.json                         format version, uuid, step, world size, SHA-256 of what
//                                                       the recipe says that bears on the stage, and size and
//                                                       SHA-256 of each file
//                 SHA256SUMS
//
// SHA256SUMS has a line for every file of the manifest, in its order, and one for manifest.json itself, in
// the form that `sha256sum -c SHA256SUMS` reads. It is a function of the manifest, so a changed byte in
// either shows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ropeway {

struct CheckpointFile {
  std::string name;
  int64_t bytes = 0;
  std::string sha256;
};
// Elements of the flat arrays that lie in a file. Those of one file lie there in this order, without gaps.
struct OptimizerShardFile {
  std::string file;
  int64_t begin = 0, end = 0;
};

struct CheckpointManifest {
  std::string uuid;
  int64_t step = 0;
  int64_t world_size = 0;
  std::string recipe_sha256;
  int64_t optimizer_total = 0;
  std::vector<CheckpointFile> files;
  std::vector<OptimizerShardFile> shards;  // ascending, covering [0, optimizer_total)
};

std::string manifest_to_json(const CheckpointManifest& manifest);
// What manifest_to_json() made. Throws kBadData naming `where` and the key.
CheckpointManifest manifest_from_json(const std::string& text, const std::string& where);
std::string sha256sums_of(const CheckpointManifest& manifest, const std::string& manifest_json);

// Reads both, checks that they agree, that a folder named step-N is of step N, that every file has its size
// and, with `hashes`, its SHA-256. Throws naming the file: kBadData, kMissingInput, kIo.
CheckpointManifest read_verified_manifest(const std::filesystem::path& folder, bool hashes);

// Whether a file of this name may lie in a checkpoint beside its own: a plain name that is not one of those.
bool is_name_of_companion(const std::string& name);

// N of a folder named exactly step-N; -1 for any other name.
int64_t step_of_name(const std::string& name);
std::string name_of_step(int64_t step);
// Whether the name is step-N.tmp-<uuid>, or that with .old: an unfinished or discarded checkpoint of ours.
bool is_temporary_name(const std::string& name);
// Folders named step-N, ascending by N (never by time stamps), whatever is in them.
std::vector<std::filesystem::path> step_folders(const std::filesystem::path& folder);

}  // namespace ropeway
