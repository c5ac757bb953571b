// What a search evaluated, in order, from its search.jsonl (trainer/search/search_log.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ropeway::page {

struct SearchEvaluation {
  std::string phase = "", origin = "";  // "seeds", "gradient", ...; "yarn(4,1)"
  int64_t length = 0;                   // tokens scored of each document
  std::vector<int64_t> documents = {};  // of a candidate's score; empty for a gradient
  bool held_out = false;                // a finalist on a document that ranked no candidate
  double loss = 0;                      // mean, nats per token
  double tail = 0, needle = 0;          // of a finalist: last quarter of the text; a passkey's digits
  double temperature = 0;
  double spent = 0;  // forward equivalents up to and with this one
};

struct SearchTrace {
  std::string stage = "";
  std::vector<SearchEvaluation> evaluations = {};
};

SearchTrace read_search_trace(const std::filesystem::path& file, const std::string& stage);

}  // namespace ropeway::page
