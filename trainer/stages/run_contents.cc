#include "trainer/stages/run_contents.h"

#include <algorithm>
#include <set>

#include "kernels/base/error.h"
#include "trainer/data/corpus_files.h"
#include "trainer/files/files.h"
#include "trainer/stages/hashing_progress.h"
#include "trainer/stages/run_inputs.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

class Reader {
 public:
  Reader(const Recipe& recipe, const RunInputs* inputs, FileHashes& hashes)
      : recipe_(recipe), inputs_(inputs), hashes_(hashes) {}

  RunContents read() {
    contents_.has_model_files = !recipe_.model.has_architecture;
    if (recipe_.model.has_architecture) contents_.window = recipe_.model.architecture.window;
    if (inputs_ != nullptr) read_model(*inputs_);
    std::set<IdentityKind> texts;
    for (const StageRecipe& stage : recipe_.stages) {
      for (const IdentityKind text : texts_of(stage)) texts.insert(text);
      for (const std::string& file : files_of(stage)) contents_.files[file] = hash(file);
    }
    for (const IdentityKind text : texts) read_text(text);
    return std::move(contents_);
  }

 private:
  std::vector<std::string> hash(const std::vector<fs::path>& files, const std::string& what) {
    return hashes_.of(files, HashingProgress(what));
  }
  std::string hash(const fs::path& file) { return hash(std::vector{file}, file.string()).front(); }

  void read_model(const RunInputs& inputs) {
    contents_.window = inputs.config.original_window;
    contents_.tokenizer = {
        {IdentityKind::kTokenizer, "tokens", inputs.tokenizer->fingerprint()},
        {IdentityKind::kTokenizer, "marks", describe(inputs.marks)},
        {IdentityKind::kTokenizer, "chat format",
         inputs.chat.format ? std::string(word_of(*inputs.chat.format)) : std::string("none")}};
    if (!contents_.has_model_files) return;
    for (const char* name : {"config.json", "rope_factors.json"}) {
      const std::string found = hash(inputs.base_model / name);
      if (!found.empty()) contents_.model.push_back({IdentityKind::kModel, name, found});
    }
    std::string text;
    const std::vector<std::string> found = hash(inputs.weight_files, inputs.base_model.string());
    for (size_t i = 0; i < found.size(); ++i) {
      if (found[i].empty()) return;
      text += fmt::format("{} {}\n", found[i], inputs.weight_files[i].filename().string());
    }
    contents_.weights = sha256_of(text);
  }

  std::vector<std::string> patterns(IdentityKind text) const {
    if (text == IdentityKind::kValidationText) return recipe_.data.validation;
    if (text == IdentityKind::kTestText) return recipe_.data.test;
    std::vector<std::string> patterns;
    for (const TextSource& source : recipe_.data.train) patterns.push_back(source.path);
    return patterns;
  }

  double weight(IdentityKind text, size_t pattern) const {
    return text == IdentityKind::kTrainText ? recipe_.data.train[pattern].weight : 1;
  }

  // A text that is not there stays unknown: stages that still have to read it say so themselves.
  void read_text(IdentityKind kind) {
    std::vector<CorpusFile> files;
    try {
      if (patterns(kind).empty()) return;
      files = all_corpus_files(patterns(kind));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kMissingInput) throw;
      return;
    }
    std::vector<fs::path> paths;
    for (const CorpusFile& file : files) paths.push_back(file.path);
    const std::vector<std::string> found = hash(paths, std::string(word_of(kind)));
    std::vector<IdentityPart> parts;
    for (size_t i = 0; i < files.size(); ++i) {
      if (found[i].empty()) return;
      const double times = weight(kind, files[i].pattern);
      parts.push_back({kind, fmt::format("{} {}", i + 1, paths[i].filename().string()),
                       times == 1 ? found[i] : fmt::format("{} x {}", times, found[i])});
    }
    contents_.texts[kind] = parts;
  }

  const Recipe& recipe_;
  const RunInputs* const inputs_;
  FileHashes& hashes_;
  RunContents contents_;
};

}  // namespace

RunContents read_run_contents(const Recipe& recipe, const RunInputs* inputs, FileHashes& hashes) {
  return Reader(recipe, inputs, hashes).read();
}

}  // namespace ropeway
