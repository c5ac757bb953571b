// A SentencePiece model of a hundred pieces, written byte by byte in protobuf's wire format (field numbers of
// sentencepiece_model.proto): <unk> <s> </s>, the printable ASCII characters and U+2581 for the space, and
// the merges th, the, U+2581 the, an, and.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

namespace ropeway {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kLoadsSentencePiece = false;  // sanitizers refuse RTLD_DEEPBIND
#else
constexpr bool kLoadsSentencePiece = true;
#endif
constexpr const char* kNoSentencePiece = "builds with a sanitizer cannot load libsentencepiece";

namespace wire {

inline std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
inline std::string number(int field, uint64_t value) { return varint(field * 8) + varint(value); }
inline std::string text(int field, const std::string& value) {
  return varint(field * 8 + 2) + varint(value.size()) + value;
}

}  // namespace wire

enum class PieceType { kNormal = 1, kUnknown = 2, kControl = 3 };

inline std::string sentencepiece_piece(const std::string& piece, float score, PieceType type) {
  std::string bits(sizeof score, '\0');
  std::memcpy(bits.data(), &score, sizeof score);
  return wire::text(1, wire::text(1, piece) + wire::varint(2 * 8 + 5) + bits +
                           wire::number(3, static_cast<uint64_t>(type)));
}

// normalizer: the fields of its NormalizerSpec.
inline std::string tiny_sentencepiece_model(const std::string& normalizer = wire::text(1, "identity")) {
  std::string model = sentencepiece_piece("<unk>", 0, PieceType::kUnknown) +
                      sentencepiece_piece("<s>", 0, PieceType::kControl) +
                      sentencepiece_piece("</s>", 0, PieceType::kControl);
  float score = 0;
  const auto add = [&](const std::string& piece) {
    model += sentencepiece_piece(piece, score--, PieceType::kNormal);
  };
  for (const char* merged : {"th", "the", "\u2581the", "an", "and"}) add(merged);
  add("\u2581");
  for (char c = '!'; c <= '~'; ++c) add(std::string(1, c));
  const std::string trainer = wire::number(3, 2);  // BPE
  return model + wire::text(2, trainer) + wire::text(3, normalizer);
}

}  // namespace ropeway
