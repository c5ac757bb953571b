#include "launch/plan_json.h"

#include <nlohmann/json.hpp>

#include "launch/plan_result.h"

namespace ropeway {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const PlanTotals& totals) {
  return {{"tokens", totals.tokens},
          {"flops", totals.flops},
          {"seconds", totals.seconds},
          {"memory_bytes", totals.memory},
          {"fits", totals.fits}};
}

Json json_of(const MeshShape& mesh) {
  return {{"data", mesh.data}, {"sequence", mesh.sequence}, {"ring", mesh.ring()}, {"heads", mesh.heads}};
}

Json json_of(const PlannedPass& pass) {
  return {{"pass", pass.pass == Pass::kTrain      ? "train"
                   : pass.pass == Pass::kEvaluate ? "forward"
                                                  : "gradient"},
          {"length", pass.length},
          {"sequences", pass.sequences},
          {"short_share", pass.short_share},
          {"count", pass.count},
          {"at_most", pass.at_most},
          {"flops", pass.work.total()},
          {"seconds", pass.seconds},
          {"seconds_waiting", pass.exposed},
          {"bytes_sent_per_rank", pass.sent}};
}

Json json_of(const StagePlan& stage, const PlanResult& plan) {
  Json json = {{"name", stage.name}, {"kind", word_of(stage.kind)}, {"open_ended", stage.open_ended}};
  json.update(json_of(totals_of(stage, plan.settings.memory_limit)));
  json["passes"] = Json::array();
  for (const PlannedPass& pass : stage.passes) json["passes"].push_back(json_of(pass));
  for (const auto& [part, bytes] : stage.memory.parts.parts()) json["memory_parts"][part] = bytes;
  json["host_memory_bytes"] = stage.memory.parts.host;
  if (const auto found = plan.measured.stages.find(stage.name); found != plan.measured.stages.end()) {
    json["measured"] = {{"seconds", found->second.seconds}, {"memory_bytes", found->second.memory}};
  }
  return json;
}

}  // namespace

std::string plan_json(const PlanResult& plan) {
  const DeviceRates& device = plan.settings.device;
  Json json = {{"recipe", plan.recipe.name},
               {"parameters", plan.config.num_parameters()},
               {"ranks", plan.ranks},
               {"device",
                {{"name", device.name},
                 {"source", device.source},
                 {"product_tflops", device.product},
                 {"memory_limit_bytes", plan.settings.memory_limit}}},
               {"mesh", json_of(plan.settings.mesh)},
               {"notes", plan.notes},
               {"stages", Json::array()},
               {"total", json_of(plan.totals())},
               {"meshes", Json::array()},
               {"searches", Json::array()}};
  for (const StagePlan& stage : plan.stages) json["stages"].push_back(json_of(stage, plan));
  for (const MeshChoice& choice : plan.meshes) {
    Json one = {{"mesh", json_of(choice.mesh)}};
    if (choice.refused.empty()) {
      one.update(json_of(choice.totals));
    } else {
      one["refused"] = choice.refused;
    }
    json["meshes"].push_back(one);
  }
  if (const MeshChoice* best = cheapest(plan.meshes)) json["cheapest_mesh"] = json_of(best->mesh);
  for (const SearchChoice& choice : plan.searches) {
    json["searches"].push_back({{"seeds", word_of(choice.seeds)},
                                {"refine", word_of(choice.refine)},
                                {"as_in_recipe", choice.is_chosen},
                                {"passes", choice.passes},
                                {"seconds", choice.seconds}});
  }
  return json.dump(2) + "\n";
}

}  // namespace ropeway
