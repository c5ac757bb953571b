#include "launch/source_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <limits>
#include <map>
#include <numeric>
#include <span>
#include <tuple>
#include <utility>

#include "trainer/config/lengths.h"
#include "trainer/data/documents.h"
#include "trainer/data/file_pattern.h"
#include "trainer/data/text_file.h"
#include "trainer/data/token_ids.h"

namespace ropeway {
namespace {

constexpr int64_t kBarWidth = 40;

std::string counted(int64_t number, const char* what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

// "    1K to 2K    12  ####       3 % of the tokens"
std::string histogram(const std::vector<int64_t>& lengths, const char* unit) {
  struct Bin {
    int64_t documents = 0, length = 0;
  };
  std::map<int, Bin> bins;  // by the power of two that a length reaches
  for (const int64_t length : lengths) {
    Bin& bin = bins[std::bit_width(static_cast<uint64_t>(length)) - 1];
    ++bin.documents;
    bin.length += length;
  }
  int64_t highest = 1, total = 0;
  for (const auto& [power, bin] : bins) {
    highest = std::max(highest, bin.documents);
    total += bin.length;
  }
  std::string text;
  for (int power = bins.empty() ? 0 : bins.begin()->first; !bins.empty() && power <= bins.rbegin()->first;
       ++power) {
    const Bin bin = bins.contains(power) ? bins.at(power) : Bin();
    const auto bar = static_cast<size_t>((bin.documents * kBarWidth + highest - 1) / highest);
    text += fmt::format(
        "  {:>6} to {:<6}{:>10}  {:<{}}{:>6.1f} % of the {}s\n", format_length(int64_t{1} << power),
        format_length(int64_t{2} << power), bin.documents, std::string(bar, '#'), kBarWidth,
        100.0 * static_cast<double>(bin.length) / static_cast<double>(std::max<int64_t>(total, 1)), unit);
  }
  return text;
}

std::string counts_text(const ReadCounts& counts) {
  std::string text;
  const auto add = [&](int64_t number, const char* what) {
    if (number > 0) text += fmt::format("{}{}", text.empty() ? "  " : ", ", counted(number, what));
  };
  add(counts.replaced_bytes, "replaced byte");
  add(counts.lone_surrogates, "lone surrogate");
  add(counts.null_texts, "null text");
  add(counts.empty_texts, "empty text");
  add(counts.unscored_examples, "unscored example");
  return text.empty() ? "" : text + "\n";
}

int64_t text_bytes_of(const Example& example) {
  int64_t bytes = std::ssize(example.prompt) + std::ssize(example.completion);
  for (const ChatTurn& turn : example.turns) bytes += std::ssize(turn.content);
  return bytes;
}

}  // namespace

void SourceReport::add(int64_t length, const std::string& name) {
  if (lengths.empty() || length < least) std::tie(least, shortest) = std::pair(length, name);
  if (lengths.empty() || length > most) std::tie(most, longest) = std::pair(length, name);
  lengths.push_back(length);
}

SourceReport report_of(const Documents& documents, size_t index) {
  SourceReport report;
  for (const SourceFacts& facts : documents.sources()) {
    if (facts.pattern != index) continue;
    ++report.files;
    report.kinds.insert(facts.kind);
    report.counts.replaced_bytes += facts.counts.replaced_bytes;
    report.counts.lone_surrogates += facts.counts.lone_surrogates;
    report.counts.null_texts += facts.counts.null_texts;
    report.counts.empty_texts += facts.counts.empty_texts;
    report.counts.unscored_examples += facts.counts.unscored_examples;
  }
  for (size_t d = 0; d < documents.count(); ++d) {
    if (documents.sources()[documents.source(d)].pattern != index) continue;
    report.add(std::ssize(documents.tokens(d)), documents.name(d));
    report.bytes += documents.bytes(d);
  }
  return report;
}

SourceReport report_of_text(const std::string& pattern, const TextFileLimits& limits) {
  SourceReport report;
  report.in_tokens = false;
  for (const std::filesystem::path& file : expand_file_pattern(token_id_file(pattern).string())) {
    ++report.files;
    const auto name = [&](int64_t number) {
      return number == 0 ? file.string() : fmt::format("{}:{}", file.string(), number);
    };
    if (const std::string kind = token_id_kind(file); !kind.empty()) {
      report.kinds.insert(kind);
      report.in_tokens = true;
      int64_t tokens = 0;
      read_token_ids(file, std::numeric_limits<int32_t>::max(),
                     [&](std::span<const int32_t> ids, int64_t document, bool last) {
                       tokens += std::ssize(ids);
                       if (last) report.add(std::exchange(tokens, 0), name(document));
                     });
      continue;
    }
    report.kinds.insert(text_file_kind(file, limits).words);
    const auto take = [&](int64_t bytes, int64_t line) {
      report.add(bytes, name(line));
      report.bytes += bytes;
    };
    const auto take_example = [&](const Example& example, int64_t line) {
      if (example.kind != RecordKind::kIds) {
        take(text_bytes_of(example), line);
      } else {
        report.in_tokens = true;
        report.add(std::ssize(example.ids), name(line));
      }
    };
    read_text_documents(
        file, limits,
        {[&](std::string_view text, int64_t line) { take(std::ssize(text), line); }, take_example});
  }
  return report;
}

std::string text_of(const SourceReport& report) {
  const char* unit = report.in_tokens ? "token" : "byte";
  const auto total =
      static_cast<double>(std::accumulate(report.lengths.begin(), report.lengths.end(), int64_t{0}));
  std::string text = fmt::format("{}: {}{}\n  {} ({}), {}, ", report.key, report.pattern,
                                 report.weight == 1 ? "" : fmt::format(", weight {}", report.weight),
                                 counted(report.files, "file"), fmt::join(report.kinds, ", "),
                                 counted(std::ssize(report.lengths), "document"));
  text += report.in_tokens ? fmt::format("{} tokens, {} bytes of text, {:.2f} bytes per token\n",
                                         format_count(total), format_count(static_cast<double>(report.bytes)),
                                         static_cast<double>(report.bytes) / std::max(total, 1.0))
                           : fmt::format("{} bytes of text\n", format_count(total));
  text += counts_text(report.counts);
  if (report.lengths.empty()) return text;
  text += fmt::format("  shortest: {} ({})\n  longest: {} ({})\n", counted(report.least, unit),
                      report.shortest, counted(report.most, unit), report.longest);
  return text + histogram(report.lengths, unit);
}

}  // namespace ropeway
