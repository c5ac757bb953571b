#include "trainer/page/sample_texts.h"

#include <algorithm>

#include "trainer/files/files.h"
#include "trainer/files/utf8.h"

namespace ropeway::page {

std::vector<SampleText> read_samples(const std::filesystem::path& folder) {
  std::vector<SampleText> samples;
  if (!std::filesystem::is_directory(folder)) return samples;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".txt" || !entry.is_regular_file()) continue;
    const std::string text = read_text_file(entry.path()).substr(0, kLongestSample);
    samples.push_back({entry.path().stem().string(), text.substr(0, valid_utf8_bytes(text))});
  }
  std::ranges::sort(samples, {}, &SampleText::name);
  return samples;
}

}  // namespace ropeway::page
