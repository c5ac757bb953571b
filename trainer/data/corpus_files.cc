#include "trainer/data/corpus_files.h"

#include <set>

#include "kernels/base/error.h"
#include "trainer/data/file_pattern.h"
#include "trainer/data/token_ids.h"

namespace ropeway {

namespace fs = std::filesystem;

std::vector<CorpusFile> corpus_files(const std::vector<std::string>& patterns) {
  if (patterns.empty()) fail(ErrorKind::kConfig, "no text files are named");
  std::vector<CorpusFile> files;
  std::set<fs::path> taken;  // a file that two patterns match is one source
  for (size_t i = 0; i < patterns.size(); ++i) {
    const fs::path named = token_id_file(patterns[i]);
    for (const fs::path& found : expand_file_pattern(named.string())) {
      const fs::path file = token_id_file(found);
      std::error_code error;
      const fs::path canonical = fs::canonical(file, error);
      if (taken.insert(error ? file : canonical).second) files.push_back({file, i});
    }
  }
  return files;
}

std::vector<CorpusFile> all_corpus_files(const std::vector<std::string>& patterns) {
  std::vector<CorpusFile> files;
  for (const CorpusFile& file : corpus_files(patterns)) {
    files.push_back(file);
    const fs::path index = fs::path(file.path).replace_extension(".idx");
    if (file.path.extension() == ".bin" && fs::exists(index)) files.push_back({index, file.pattern});
  }
  return files;
}

}  // namespace ropeway
