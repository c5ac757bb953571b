// Encodes a file once, one thread, and prints the rate in processor time: bench_tokenizer MODEL_DIR FILE [IDS]
// IDS: where the ids go, int32, for the comparison with another implementation.
#include <ctime>
#include <fstream>
#include <iostream>

#include "trainer/io/files.h"
#include "trainer/tokenizer/tokenizer.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: bench_tokenizer MODEL_DIR FILE [IDS]\n";
    return 2;
  }
  const auto tokenizer = ropeway::load_tokenizer(argv[1]);
  const std::string text = ropeway::read_text_file(argv[2]);
  const std::clock_t begin = std::clock();
  const std::vector<int32_t> ids =
      tokenizer->encode(text, {.add_special_tokens = true, .read_special_tokens = true});
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  std::cout << "{\"megabytes_per_second\": " << static_cast<double>(text.size()) / 1e6 / seconds << "}\n";
  if (argc > 3) {
    std::ofstream(argv[3], std::ios::binary)
        .write(reinterpret_cast<const char*>(ids.data()),
               static_cast<std::streamsize>(ids.size() * sizeof(int32_t)));
  }
}
