#include "trainer/tokenizer/sentencepiece_library.h"

#include <dlfcn.h>

#include <filesystem>

#include "kernels/base/error.h"
#include "trainer/files/utf8.h"
#include "trainer/tokenizer/sentencepiece_file.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

using OpenModel = decltype(&ropeway_open_sentencepiece_model);

struct Module {
  OpenModel open = nullptr;
  std::string problem;
};

Module load_module() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return {nullptr, "this build has a sanitizer, which forbids a scope of names of its own"};
#endif
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return {nullptr, fmt::format("/proc/self/exe: {}", error.message())};
  const fs::path file = program.parent_path().parent_path() / "lib" / "libropeway_sentencepiece.so";
  // DEEPBIND: the protobuf inside libsentencepiece finds its own functions before the program's.
  void* const handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  if (handle == nullptr) return {nullptr, dlerror()};
  void* const symbol = dlsym(handle, "ropeway_open_sentencepiece_model");
  if (symbol == nullptr) return {nullptr, dlerror()};
  return {reinterpret_cast<OpenModel>(symbol), ""};
}

}  // namespace

std::unique_ptr<SentencePieceModel> open_sentencepiece_model(std::string_view bytes,
                                                             const std::string& name) {
  const auto refuse = [&](const std::string& problem) {
    // The library quotes pieces of the file.
    fail(ErrorKind::kBadData, "{}: not a SentencePiece model: {}", name,
         shorten(replace_invalid_utf8(problem), 160));
  };
  std::string problem = problem_of_sentencepiece_file(bytes);
  if (!problem.empty()) refuse(problem);
  static const Module module = load_module();
  if (module.open == nullptr) {
    fail(ErrorKind::kLauncher,
         "{}: SentencePiece models need Debian's libsentencepiece0 and the module built beside the program: "
         "{}",
         name, module.problem);
  }
  std::unique_ptr<SentencePieceModel> model(module.open(bytes, problem));
  if (model == nullptr) refuse(problem);
  return model;
}

}  // namespace ropeway
