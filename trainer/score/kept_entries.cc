#include "trainer/score/kept_entries.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "parallel/comm/exchange_values.h"
#include "trainer/files/files.h"

namespace ropeway {

using Json = nlohmann::json;  // sorted keys: equal objects have equal texts

KeptEntries::KeptEntries(std::filesystem::path file, Communicator& world, Form form)
    : file_(std::move(file)), writes_(world.rank() == 0), form_(std::move(form)) {
  std::string text;
  if (writes_ && std::filesystem::exists(file_)) {
    try {
      text = read_text_file(file_);
    } catch (const Error& error) {
      log_warning("{}; what it held is evaluated again", error.what());
    }
  }
  text = broadcast_string(world, text);
  if (text.empty()) return;
  try {
    read(text);
  } catch (const Json::exception&) {
    entries_.clear();
    if (writes_) log_warning("{}: is damaged; what it held is evaluated again", file_.string());
  }
}

void KeptEntries::read(const std::string& text) {
  const Json document = Json::parse(text);
  if (document.at("format") != form_.format || document.at("version") != form_.version) return;
  for (const Json& entry : document.at("evaluations")) {
    const auto& [of, figures] = entries_.emplace_back(entry.at("of").dump(), entry.at("figures").dump());
    if (form_.check) form_.check(of, figures);
  }
}

const std::string* KeptEntries::find(const std::string& of) const {
  const auto entry = std::ranges::find(entries_, of, &std::pair<std::string, std::string>::first);
  return entry == entries_.end() ? nullptr : &entry->second;
}

void KeptEntries::add(const std::string& of, const std::string& figures) {
  std::erase_if(entries_, [&](const auto& entry) { return entry.first == of; });
  entries_.emplace_back(of, figures);
  if (!writes_) return;
  try {
    write();
  } catch (const Error& error) {
    log_warning("{}; the evaluation goes on without it", error.what());
  }
}

void KeptEntries::write() const {
  Json document{{"format", form_.format}, {"version", form_.version}, {"evaluations", Json::array()}};
  for (const auto& [of, figures] : entries_) {
    document["evaluations"].push_back({{"of", Json::parse(of)}, {"figures", Json::parse(figures)}});
  }
  write_file_atomically(file_, document.dump(2) + "\n");
}

}  // namespace ropeway
