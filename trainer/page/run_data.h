// All that the page of a run shows, read once from the run's folder; a run that is going on is read as far as it
// is. Nothing is computed here that another file holds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "trainer/page/depth_shares.h"
#include "trainer/page/sample_texts.h"
#include "trainer/page/search_trace.h"
#include "trainer/page/step_records.h"
#include "trainer/report/reporter.h"
#include "trainer/rope/factor_set.h"

namespace ropeway::page {

// A stage of the recipe and what is known of its run. Without a readable recipe: the stages that are over.
struct PageStage {
  std::string name = "", kind = "";  // "search", "finetune", ...
  std::string from = "", makes = "";
  std::vector<int64_t> lengths = {};
  bool finished = false;
  double seconds = 0;  // of a finished one
  double started = 0;  // seconds since 1970; 0: not known
  int ranks = 0;
  std::vector<std::pair<std::string, double>> numbers = {};
};

struct RunData {
  std::string name = "";   // the recipe's; of an unreadable recipe the folder's
  std::string label = "";  // how pictures call it, where there are several; empty: alone
  std::filesystem::path folder = {};
  std::string recipe = "";  // the text of recipe.yaml
  std::string base = "";    // the model it starts from; empty: pretrained in the run
  RunReport report = {};
  std::vector<std::pair<std::string, std::string>> environment = {};  // versions and machine, in words
  std::vector<PageStage> stages = {};                                 // in the recipe's order
  Metrics metrics;
  std::vector<SearchTrace> searches = {};
  std::vector<FactorSet> sets = {};  // of the newest model, and those found since
  std::vector<DepthShares> depths = {};
  std::vector<SampleText> samples = {};
  std::vector<std::string> left_out = {};  // of each part that could not be read: its file and what is wrong

  bool finished() const;
};

// Throws kMissingInput when the folder holds no run. Parts that are not there, or cannot be read, are left out.
RunData read_run_data(const std::filesystem::path& folder);

}  // namespace ropeway::page
