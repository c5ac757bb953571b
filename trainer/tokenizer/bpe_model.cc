#include "trainer/tokenizer/bpe_model.h"

#include <algorithm>
#include <functional>

#include "kernels/base/error.h"
#include "trainer/files/utf8.h"
#include "trainer/tokenizer/byte_fallback.h"

namespace ropeway {
namespace {

constexpr uint32_t kLowCharacters = 0x800;
constexpr uint32_t kNoRank = IdMap::kNone;

uint64_t pair_key(uint32_t left, uint32_t right) { return uint64_t{left} << 32 | right; }
uint64_t pair_key(int32_t left, int32_t right) {
  return pair_key(static_cast<uint32_t>(left), static_cast<uint32_t>(right));
}

uint32_t first_character(std::string_view text) {
  size_t at = 0;
  return next_code_point(text, at);
}
uint32_t last_character(std::string_view text) {
  return first_character(text.substr(previous_character(text, text.size())));
}

}  // namespace

BpeModel::BpeModel(Vocabulary vocabulary, const std::vector<Merge>& merges, const BpeOptions& options)
    : vocabulary_(std::move(vocabulary)),
      options_(options),
      ranks_(merges.size()),
      junctions_(merges.size()),
      low_characters_(kLowCharacters, -1) {
  std::vector<std::string_view> texts;
  for (const auto& [text, id] : vocabulary_) {
    if (static_cast<size_t>(id) >= texts.size()) texts.resize(static_cast<size_t>(id) + 1);
    texts[static_cast<size_t>(id)] = text;
    if (text.empty() || utf8_length(text[0]) != text.size()) continue;
    if (const uint32_t code = first_character(text); code < kLowCharacters) low_characters_[code] = id;
  }
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const Merge& merge = merges[rank];
    merged_.push_back(merge.result);
    ranks_.set(pair_key(merge.left, merge.right), static_cast<uint32_t>(rank));
    const std::string_view left = texts[static_cast<size_t>(merge.left)];
    const std::string_view right = texts[static_cast<size_t>(merge.right)];
    junctions_.set(pair_key(last_character(left), first_character(right)), 0);
  }
  for (int byte = 0; options_.byte_fallback && byte < 256; ++byte) {
    const auto found = vocabulary_.find(byte_token(static_cast<unsigned char>(byte)));
    bytes_.push_back(found == vocabulary_.end() ? std::nullopt : std::optional(found->second));
  }
}

std::optional<int32_t> BpeModel::id_of_character(std::string_view character) const {
  if (character.size() <= 2) {
    const int32_t id = low_characters_[first_character(character)];
    return id < 0 ? std::nullopt : std::optional(id);
  }
  const auto found = vocabulary_.find(character);
  return found == vocabulary_.end() ? std::nullopt : std::optional(found->second);
}

bool BpeModel::may_join(uint32_t left, uint32_t right) const {
  return junctions_.find(pair_key(left, right)) != IdMap::kNone;
}

void BpeModel::encode(std::string_view piece, Workspace& workspace, std::vector<int32_t>& ids) const {
  if (piece.size() > INT32_MAX) {
    fail(ErrorKind::kBadData, "a stretch of {} bytes that the tokenizer cuts nowhere, at most {} are encoded",
         piece.size(), INT32_MAX);
  }
  if (options_.ignore_merges) {
    if (const auto whole = vocabulary_.find(piece); whole != vocabulary_.end()) {
      ids.push_back(whole->second);
      return;
    }
  }
  if (piece.size() <= WordCache::kMaxWordBytes) return encode_word(piece, workspace, ids);

  // Characters outside the vocabulary are no place to cut: a run of them may become one unknown token.
  const auto is_known = [&](size_t begin, size_t end) {
    return id_of_character(piece.substr(begin, end - begin)).has_value();
  };
  size_t word_begin = 0, at = 0, previous_begin = 0;
  uint32_t previous = next_code_point(piece, at);
  while (at < piece.size()) {
    const size_t begin = at;
    const uint32_t code = next_code_point(piece, at);
    if (!may_join(previous, code) && is_known(previous_begin, begin) && is_known(begin, at)) {
      encode_word(piece.substr(word_begin, begin - word_begin), workspace, ids);
      word_begin = begin;
    }
    previous = code;
    previous_begin = begin;
  }
  encode_word(piece.substr(word_begin), workspace, ids);
}

void BpeModel::encode_word(std::string_view word, Workspace& workspace, std::vector<int32_t>& ids) const {
  if (word.size() > WordCache::kMaxWordBytes) return merge_word(word, workspace, ids);
  const std::span<const int32_t> known = workspace.cache.find(word);
  if (!known.empty()) {
    ids.insert(ids.end(), known.begin(), known.end());
    return;
  }
  const size_t before = ids.size();
  merge_word(word, workspace, ids);
  if (ids.size() > before) workspace.cache.insert(word, std::span(ids).subspan(before));
}

void BpeModel::start_with_characters(std::string_view word, Workspace& workspace) const {
  std::vector<Workspace::Symbol>& symbols = workspace.symbols;
  symbols.clear();
  const auto add = [&](int32_t id) {
    const auto position = static_cast<int32_t>(symbols.size());
    symbols.push_back({id, position - 1, position + 1, kNoRank});
  };
  // An unknown token waits for the next known character: byte tokens pass by it.
  constexpr int32_t kNoToken = -1;
  int32_t waiting = kNoToken;
  const auto add_waiting = [&] {
    if (waiting != kNoToken) add(waiting);
    waiting = kNoToken;
  };
  for (size_t at = 0; at < word.size();) {
    const std::string_view character = word.substr(at, utf8_length(word[at]));
    at += character.size();
    if (const auto id = id_of_character(character)) {
      add_waiting();
      add(*id);
      continue;
    }
    const bool as_bytes =
        options_.byte_fallback && std::all_of(character.begin(), character.end(), [&](char byte) {
          return bytes_[static_cast<unsigned char>(byte)].has_value();
        });
    if (as_bytes) {
      for (const char byte : character) add(*bytes_[static_cast<unsigned char>(byte)]);
      continue;
    }
    if (!options_.fuse_unknown) add_waiting();
    waiting = options_.unknown.value_or(kNoToken);
    if (waiting == kNoToken) ++workspace.dropped_characters;
  }
  add_waiting();
}

void BpeModel::merge_word(std::string_view word, Workspace& workspace, std::vector<int32_t>& ids) const {
  start_with_characters(word, workspace);
  std::vector<Workspace::Symbol>& symbols = workspace.symbols;
  std::vector<uint64_t>& heap = workspace.heap;
  const auto count = static_cast<int32_t>(symbols.size());
  heap.clear();
  const auto rank_again = [&](int32_t position) {
    Workspace::Symbol& symbol = symbols[static_cast<size_t>(position)];
    symbol.rank = symbol.next == count
                      ? kNoRank
                      : ranks_.find(pair_key(symbol.id, symbols[static_cast<size_t>(symbol.next)].id));
    if (symbol.rank == kNoRank) return;
    heap.push_back(uint64_t{symbol.rank} << 32 | static_cast<uint32_t>(position));
  };
  for (int32_t position = 0; position < count; ++position) rank_again(position);
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const auto rank = static_cast<uint32_t>(heap.back() >> 32);
    const auto position = static_cast<int32_t>(heap.back() & UINT32_MAX);
    heap.pop_back();
    Workspace::Symbol& left = symbols[static_cast<size_t>(position)];
    if (left.rank != rank) continue;  // one of the two has been merged meanwhile
    Workspace::Symbol& right = symbols[static_cast<size_t>(left.next)];
    left.id = merged_[rank];
    left.next = right.next;
    right.rank = kNoRank;
    if (left.next < count) symbols[static_cast<size_t>(left.next)].previous = position;
    for (const int32_t changed : {position, left.previous}) {
      if (changed < 0) continue;
      const size_t before = heap.size();
      rank_again(changed);
      if (heap.size() > before) std::push_heap(heap.begin(), heap.end(), std::greater<>());
    }
  }
  for (int32_t position = 0; position < count; position = symbols[static_cast<size_t>(position)].next) {
    ids.push_back(symbols[static_cast<size_t>(position)].id);
  }
}

}  // namespace ropeway
