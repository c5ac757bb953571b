#include "trainer/page/depth_shares.h"

#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "trainer/files/files.h"
#include "trainer/files/json_fault.h"

namespace ropeway::page {
namespace {

// Over all depths; the second version of the file called them samples.
int64_t trials_of(const nlohmann::json& passkey) {
  return passkey.at(passkey.contains("trials") ? "trials" : "samples").get<int64_t>();
}

}  // namespace

void read_depth_shares(const std::filesystem::path& file, const std::string& stage,
                       std::vector<DepthShares>& shares) {
  using Json = nlohmann::json;
  try {
    const Json figures = Json::parse(read_text_file(file));
    for (const Json& entry : figures.at("evaluations")) {
      const auto passkey = entry.at("figures").find("passkey");
      if (passkey == entry.at("figures").end() || !passkey->contains("depth_accuracy")) continue;
      const Json& of = entry.at("of");
      DepthShares cell{.stage = stage,
                       .factors = of.value("factors", ""),
                       .length = of.at("length").get<int64_t>(),
                       .depths = passkey->at("depths").get<std::vector<double>>(),
                       .shares = passkey->at("depth_accuracy").get<std::vector<double>>()};
      if (cell.depths.size() != cell.shares.size() || cell.depths.empty()) continue;
      cell.samples = trials_of(*passkey) / std::ssize(cell.depths);
      shares.push_back(std::move(cell));
    }
  } catch (const Json::exception& error) {
    fail(ErrorKind::kBadData, "{}: not as this program writes it: {}", file.string(), json_fault(error));
  }
}

}  // namespace ropeway::page
