// Encodes a file once, one thread, and prints rates and memory: bench_tokenizer MODEL_DIR FILE [IDS]
// IDS: where the ids go, int32, for the comparison with another implementation.
#include <sys/resource.h>

#include <chrono>
#include <ctime>
#include <fstream>
#include <iostream>

#include "trainer/files/files.h"
#include "trainer/tokenizer/load_tokenizer.h"
#include "trainer/tokenizer/tokenizer.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: bench_tokenizer MODEL_DIR FILE [IDS]\n";
    return 2;
  }
  const auto tokenizer = ropeway::load_tokenizer(argv[1]);
  const std::string text = ropeway::read_text_file(argv[2]);
  const auto began = std::chrono::steady_clock::now();
  const std::clock_t cpu_began = std::clock();
  const std::vector<int32_t> ids =
      tokenizer->encode(text, {.add_special_tokens = true, .read_special_tokens = true});
  const double cpu_seconds = static_cast<double>(std::clock() - cpu_began) / CLOCKS_PER_SEC;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const double megabytes = static_cast<double>(text.size()) / 1e6;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << "{\"megabytes_per_second\": " << megabytes / seconds
            << ", \"megabytes_per_cpu_second\": " << megabytes / cpu_seconds
            << ", \"peak_memory_bytes\": " << usage.ru_maxrss * 1024 << "}\n";
  if (argc > 3) {
    std::ofstream(argv[3], std::ios::binary)
        .write(reinterpret_cast<const char*>(ids.data()),
               static_cast<std::streamsize>(ids.size() * sizeof(int32_t)));
  }
}
