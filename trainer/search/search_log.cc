#include "trainer/search/search_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "parallel/comm/communicator.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/run_on_rank.h"
#include "trainer/files/files.h"
#include "trainer/files/strict_json.h"

namespace ropeway {
namespace {

constexpr const char* kSeconds = ",\"seconds\":";

const char* results_key(SearchLine::Kind kind) {
  return kind == SearchLine::Kind::kGradient   ? "draw"
         : kind == SearchLine::Kind::kFinalist ? "held_out"
                                               : "documents";
}

// Everything that is known before the evaluation: a recorded line that begins with it is the same evaluation.
std::string question(const SearchLine& line, const std::string& identity) {
  nlohmann::ordered_json json;
  json["search"] = identity;
  json["step"] = line.step;
  json["phase"] = line.phase;
  json["origin"] = line.candidate.origin;
  json["factors"] = line.candidate.factors;
  json["temperature"] = line.candidate.temperature;
  json["start_tokens"] = line.candidate.start_tokens;
  json["length"] = line.length;
  json[results_key(line.kind)] = line.documents;
  std::string text = json.dump();
  text.pop_back();  // the closing brace
  return text;
}

// The line up to its seconds.
std::string canonical_text(const SearchLine& line, const std::string& identity) {
  // nlohmann writes the shortest digits that read back to the same double, and infinity as null.
  nlohmann::ordered_json json;
  double sum = 0;
  for (const double score : line.scores) sum += score;
  json["fitness"] = sum / static_cast<double>(line.scores.size());
  json["scores"] = line.scores;
  if (line.kind == SearchLine::Kind::kFinalist) {
    json["tail"] = line.tail;
    json["needle"] = line.needle;
    json["blocks"] = line.blocks;
    if (!line.needles.empty()) json["needles"] = line.needles;
  }
  if (line.kind == SearchLine::Kind::kGradient) {
    json["log_factor_gradient"] = line.gradient.log_factors;
    json["log_temperature_gradient"] = line.gradient.log_temperature;
  }
  json["forward_equivalents"] = line.forward_equivalents;
  std::string text = json.dump();
  text.pop_back();
  text.front() = ',';
  return question(line, identity) + text;
}

double read_number(const JsonValue& value) {
  return value.is_null() ? std::numeric_limits<double>::infinity() : value.number();
}

std::vector<double> read_numbers(const JsonValue& values) {
  std::vector<double> result;
  for (int64_t i = 0; i < values.size(); ++i) result.push_back(read_number(values.at(i)));
  return result;
}

bool parses(const std::string& line) { return nlohmann::json::accept(line); }

[[noreturn]] void fail_to_write(const std::filesystem::path& path, const char* action) {
  fail(ErrorKind::kIo, "{}: {}: {}", path.string(), action, std::strerror(errno));
}

std::vector<std::string> split_lines(const std::string& content) {
  std::vector<std::string> lines;
  size_t begin = 0;
  for (size_t end = content.find('\n'); end != std::string::npos; end = content.find('\n', begin)) {
    lines.push_back(content.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace

void SearchLog::read_on_rank_0(std::string& content) {
  if (path_.has_parent_path()) {
    std::error_code error;
    std::filesystem::create_directories(path_.parent_path(), error);
    if (error) fail(ErrorKind::kCannotCreate, "{}: {}", path_.parent_path().string(), error.message());
  }
  const bool existed = std::filesystem::exists(path_);
  if (existed) content = read_text_file(path_);
  // A write that was cut short leaves a line without its end, or (after a power failure) one of rubbish.
  content.erase(content.rfind('\n') == std::string::npos ? 0 : content.rfind('\n') + 1);
  const std::vector<std::string> lines = split_lines(content);
  if (!lines.empty() && !parses(lines.back())) content.erase(content.size() - lines.back().size() - 1);

  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail(ErrorKind::kCannotCreate, "{}: {}", path_.string(), std::strerror(errno));
  if (existed) {
    if (::ftruncate(descriptor_, static_cast<off_t>(content.size())) != 0) fail_to_write(path_, "truncating");
  } else {
    fsync_path(path_.has_parent_path() ? path_.parent_path() : std::filesystem::path("."));
  }
}

SearchLog::SearchLog(Communicator& world, const std::filesystem::path& path, const std::string& identity)
    : world_(world), path_(path), identity_(identity) {
  std::string content;
  try {
    run_on_rank(world, 0, [&] { read_on_rank_0(content); });
  } catch (...) {
    if (descriptor_ >= 0) ::close(descriptor_);
    throw;
  }
  recorded_ = split_lines(broadcast_string(world, content));
}

SearchLog::~SearchLog() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void SearchLog::replay(SearchLine& line) {
  line.step = next_;
  const std::string& text = recorded_[next_];
  const std::string where = fmt::format("{}: line {}", path_.string(), next_ + 1);
  if (!parses(text)) {
    fail(ErrorKind::kBadData, "{} is damaged: remove it and what follows, and the search goes on from there",
         where);
  }
  const std::string expected = question(line, identity_);
  if (!text.starts_with(expected)) {
    const JsonValue json = parse_strict_json(text, where);
    const std::string found = json.at("search").string();
    if (found != identity_) {
      fail(ErrorKind::kCannotCreate, WayOut::kOtherRun,
           "{} belongs to another search ({}, this one is {}): the recipe, the data or the model's factors "
           "differ",
           where, found, identity_);
    }
    fail(ErrorKind::kBadData,
         "{} holds \"{}\" in phase {}, where this program evaluates \"{}\" in phase {}: written by another "
         "version; remove the file to search again",
         where, json.at("origin").string(), json.at("phase").string(), line.candidate.origin, line.phase);
  }
  const JsonValue json = parse_strict_json(text, where);
  line.scores = read_numbers(json.at("scores"));
  line.forward_equivalents = json.at("forward_equivalents").number();
  if (line.kind == SearchLine::Kind::kFinalist) {
    line.tail = read_number(json.at("tail"));
    line.needle = read_number(json.at("needle"));
    line.blocks = read_numbers(json.at("blocks"));
    if (const auto needles = json.find("needles")) line.needles = read_numbers(*needles);
    if (line.blocks.size() != kScoreBlocks) {
      fail(ErrorKind::kBadData, "{}: {} blocks, wanted {}", where, line.blocks.size(), kScoreBlocks);
    }
  }
  if (line.kind == SearchLine::Kind::kGradient) {
    line.gradient.nll = line.scores.at(0);
    line.gradient.log_factors = read_numbers(json.at("log_factor_gradient"));
    line.gradient.log_temperature = read_number(json.at("log_temperature_gradient"));
  }
  const size_t wanted = line.kind == SearchLine::Kind::kScore ? line.documents.size() : 1;
  if (line.scores.size() != wanted) {
    fail(ErrorKind::kBadData, "{}: {} scores, wanted {}", where, line.scores.size(), wanted);
  }
  canonical_ += canonical_text(line, identity_) + '\n';
  ++next_;
}

void SearchLog::append(const std::vector<SearchLine>& lines) {
  std::string text;
  for (SearchLine line : lines) {
    line.step = next_++;
    const std::string canonical = canonical_text(line, identity_);
    canonical_ += canonical + '\n';
    recorded_.push_back(canonical);
    text += canonical + kSeconds + nlohmann::json(line.seconds).dump() + "}\n";
  }
  run_on_rank(world_, 0, [&] {
    for (size_t written = 0; written < text.size();) {
      const ssize_t count = ::write(descriptor_, text.data() + written, text.size() - written);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail_to_write(path_, "writing");
      written += static_cast<size_t>(count);
    }
    if (::fsync(descriptor_) != 0) fail_to_write(path_, "fsync");
  });
}

std::string SearchLog::sha256() const { return sha256_of(canonical_); }

}  // namespace ropeway
