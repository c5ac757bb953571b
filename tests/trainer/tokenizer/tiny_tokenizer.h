// A small tokenizer.json that tests bend: letters a to e, the space as U+2581, and four merges.
#pragma once

#include <nlohmann/json.hpp>

#include "tests/support/errors.h"
#include "tests/support/python.h"
#include "tests/support/temp_dir.h"
#include "trainer/tokenizer/load_tokenizer.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

inline nlohmann::json tiny_tokenizer_json() {
  return nlohmann::json::parse(R"({
    "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "pre_tokenizer": null,
    "post_processor": null, "decoder": {"type": "Fuse"},
    "added_tokens": [{"id": 0, "content": "<s>", "special": true}],
    "model": {"type": "BPE", "unk_token": null, "byte_fallback": false, "fuse_unk": false,
      "vocab": {"<s>": 0, "a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "ab": 6, "abc": 7, "bc": 8, "de": 9, "?": 10},
      "merges": ["b c", "a b", "ab c", ["d", "e"]]}})");
}

inline std::unique_ptr<Tokenizer> tokenizer_of_json(const nlohmann::json& root) {
  const TempDir folder;
  write_bytes(folder / "tokenizer.json", root.dump());
  return load_tokenizer(folder.path());
}

}  // namespace ropeway
