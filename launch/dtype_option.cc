#include "launch/dtype_option.h"

#include <algorithm>

#include "kernels/base/error.h"
#include "trainer/config/dtype_words.h"
#include "trainer/config/nearest_word.h"
#include "trainer/config/recipe_problems.h"

namespace ropeway {

DType read_dtype_option(const std::string& word, const std::vector<DType>& accepted,
                        const std::vector<std::string>& others) {
  const auto dtype = dtype_of_word(word);
  if (dtype && std::find(accepted.begin(), accepted.end(), *dtype) != accepted.end()) return *dtype;
  std::vector<std::string> words;
  for (const DType one : accepted) words.emplace_back(word_of(one));
  words.insert(words.end(), others.begin(), others.end());
  const std::string nearest = nearest_word(word, words);
  fail(ErrorKind::kUsage, "--dtype: found {}, wanted {}{}", word, join_words(words),
       nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest));
}

DType read_compute_dtype(const boost::program_options::variables_map& values, DeviceKind device) {
  const bool on_gpus = device == DeviceKind::kCuda;
  if (values.count("dtype") == 0) return on_gpus ? DType::kBF16 : DType::kF32;
  const DType dtype =
      read_dtype_option(values["dtype"].as<std::string>(), {DType::kF32, DType::kBF16, DType::kF64});
  if (on_gpus && dtype != DType::kBF16) {
    fail(ErrorKind::kUsage, "--dtype: found {}, wanted bf16: attention on GPUs computes in nothing else",
         word_of(dtype));
  }
  return dtype;
}

}  // namespace ropeway
