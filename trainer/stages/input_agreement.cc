#include "trainer/stages/input_agreement.h"

#include <algorithm>
#include <span>

#include "kernels/base/error.h"
#include "parallel/comm/agreement.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/files/mapped_file.h"
#include "trainer/files/sha256.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

// Of a sampled content so many pieces of this size are looked at, evenly spread, the first and last among them.
constexpr size_t kPieces = 64, kPieceBytes = 16 << 10;

// Of what is put together from several parts, as one content.
class ContentHash {
 public:
  ContentHash(size_t total_bytes, bool whole)
      : piece_(whole || total_bytes <= kPieces * kPieceBytes ? total_bytes : kPieceBytes),
        stride_(piece_ == total_bytes ? total_bytes : (total_bytes - kPieceBytes) / (kPieces - 1)),
        whole_(piece_ == total_bytes) {}

  void add(std::span<const std::byte> bytes) {
    size_t at = 0;
    while (at < bytes.size()) {
      const size_t in_piece = stride_ == 0 ? 0 : (passed_ + at) % stride_;
      if (whole_ || in_piece < piece_) {
        const size_t count = whole_ ? bytes.size() - at : std::min(piece_ - in_piece, bytes.size() - at);
        hash_.update(bytes.data() + at, count);
        at += count;
      } else {
        at += std::min(stride_ - in_piece, bytes.size() - at);
      }
    }
    passed_ += bytes.size();
  }
  std::string words() {
    return fmt::format("{} {}", whole_ ? "SHA-256" : "sample", hash_.finish().substr(0, 16));
  }

 private:
  const size_t piece_, stride_;
  const bool whole_;
  size_t passed_ = 0;
  Sha256 hash_;
};

Fact fact_of_file(const fs::path& file, bool whole) {
  const MappedFile mapped(file);
  const std::span<const std::byte> bytes = mapped.bytes();
  ContentHash hash(bytes.size(), whole);
  hash.add(bytes);
  return {file.string(), fmt::format("{} bytes, {}", bytes.size(), hash.words())};
}

bool belongs_to_model(const fs::path& file) {
  const std::string extension = file.extension();
  return extension == ".safetensors" || extension == ".json" || extension == ".model" ||
         extension == ".jinja";
}

std::vector<Fact> facts_of_model(const RunInputs& inputs, bool whole) {
  std::vector<Fact> facts;
  if (inputs.base_model.empty()) return facts;
  for (const auto& entry : fs::directory_iterator(inputs.base_model)) {
    if (entry.is_regular_file() && belongs_to_model(entry.path()))
      facts.push_back(fact_of_file(entry.path(), whole));
  }
  return facts;
}

std::vector<Fact> facts_of_tokens(const Documents& documents, bool whole) {
  std::vector<Fact> facts;
  size_t document = 0;
  for (size_t source = 0; source < documents.sources().size(); ++source) {
    const SourceFacts& of_source = documents.sources()[source];
    ContentHash hash(static_cast<size_t>(of_source.tokens) * sizeof(int32_t), whole);
    for (; document < documents.count() && documents.source(document) == source; ++document) {
      hash.add(std::as_bytes(documents.tokens(document)));
    }
    facts.push_back(
        {fmt::format("tokens of {}", of_source.name),
         fmt::format("{} documents, {} tokens, {}", of_source.documents, of_source.tokens, hash.words())});
  }
  return facts;
}

std::vector<Fact> facts_of_texts(const RunInputs& inputs, bool whole) {
  std::vector<Fact> facts;
  for (const auto& [split, documents] : inputs.documents) {
    for (const SourceFacts& source : documents.sources()) {
      std::error_code ignored;
      if (fs::is_regular_file(source.name, ignored)) facts.push_back(fact_of_file(source.name, whole));
    }
  }
  return facts;
}

}  // namespace

void require_same_inputs(const RunInputs& inputs, Communicator& world, bool whole) {
  if (world.size() == 1) return;
  std::vector<Fact> read, texts;
  run_on_all_ranks(world, [&] {
    read = facts_of_model(inputs, whole);
    for (const auto& [split, documents] : inputs.documents) {
      for (Fact& fact : facts_of_tokens(documents, whole)) read.push_back(std::move(fact));
    }
    texts = facts_of_texts(inputs, whole);
  });
  require_agreement(world, ErrorKind::kBadData, "read different inputs", read);
  // Only rank 0 needs the texts: who has none has no say in it.
  if (const std::string found = differences(world, texts, ""); !found.empty()) {
    fail(ErrorKind::kBadData, "the ranks of this job read different inputs:\n{}", found);
  }
}

}  // namespace ropeway
