// Writes GGUF files byte by byte, right or wrong, without the writer under test.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ropeway {

template <typename T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}
inline std::string gguf_string(const std::string& text) { return raw<uint64_t>(text.size()) + text; }

struct GgufBytes {
  uint32_t version = 3;
  std::vector<std::string> pairs, table;
  std::string data;

  void pair(const std::string& key, uint32_t type, const std::string& value) {
    pairs.push_back(gguf_string(key) + raw(type) + value);
  }
  void text(const std::string& key, const std::string& value) { pair(key, 8, gguf_string(value)); }
  void u32(const std::string& key, uint32_t value) { pair(key, 4, raw(value)); }
  void tensor(const std::string& name, const std::vector<uint64_t>& dims, uint32_t type, uint64_t offset) {
    std::string entry = gguf_string(name) + raw<uint32_t>(static_cast<uint32_t>(dims.size()));
    for (const uint64_t dim : dims) entry += raw(dim);
    table.push_back(entry + raw(type) + raw(offset));
  }

  std::string header() const {
    std::string bytes = "GGUF" + raw(version) + raw<uint64_t>(table.size()) + raw<uint64_t>(pairs.size());
    for (const std::string& pair : pairs) bytes += pair;
    for (const std::string& entry : table) bytes += entry;
    return bytes;
  }
  std::string file() const {
    std::string bytes = header();
    bytes.resize((bytes.size() + 31) / 32 * 32);
    return bytes + data;
  }
};

// Two matrices of four floats, and metadata of every kind.
inline GgufBytes small_gguf() {
  GgufBytes gguf;
  gguf.text("general.architecture", "llama");
  gguf.u32("llama.block_count", 7);
  gguf.pair("a.float", 6, raw(1e-5f));
  gguf.pair("a.flag", 7, raw<uint8_t>(1));
  gguf.pair("a.negative", 5, raw<int32_t>(-3));
  gguf.pair("a.strings", 9, raw<uint32_t>(8) + raw<uint64_t>(2) + gguf_string("ab") + gguf_string(""));
  gguf.pair("a.numbers", 9, raw<uint32_t>(6) + raw<uint64_t>(2) + raw(0.5f) + raw(2.0f));
  gguf.pair("a.integers", 9, raw<uint32_t>(5) + raw<uint64_t>(2) + raw<int32_t>(1) + raw<int32_t>(-1));
  gguf.tensor("first", {2, 2}, 0, 0);
  gguf.tensor("second", {4}, 0, 32);
  gguf.data = raw(1.0f) + raw(2.0f) + raw(3.0f) + raw(4.0f);
  gguf.data.resize(32);
  gguf.data += raw(5.0f) + raw(6.0f) + raw(7.0f) + raw(8.0f);
  return gguf;
}

}  // namespace ropeway
