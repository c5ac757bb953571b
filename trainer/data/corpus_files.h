// The files that the patterns of a corpus name.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace ropeway {

struct CorpusFile {
  std::filesystem::path path;  // of a Megatron data set its .bin
  size_t pattern = 0;          // index of the one that named it
};
// In the order of the patterns and names, each once. Throws kConfig where there is no pattern, and what
// expand_file_pattern throws.
std::vector<CorpusFile> corpus_files(const std::vector<std::string>& patterns);

// The same with what lies beside a file and belongs to it: the .idx of a Megatron data set, behind its .bin.
std::vector<CorpusFile> all_corpus_files(const std::vector<std::string>& patterns);

}  // namespace ropeway
