#include "trainer/finetune/replica_check.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "kernels/base/error.h"
#include "kernels/base/seconds_since.h"
#include "kernels/ops/fingerprint.h"

namespace ropeway {
namespace {

std::string words_for(const std::vector<size_t>& ranks) {
  return fmt::format("{} {}", ranks.size() == 1 ? "rank" : "ranks", fmt::join(ranks, ", "));
}

// Ranks by value; values that most ranks have come first.
using Groups = std::vector<std::pair<uint64_t, std::vector<size_t>>>;
Groups grouped(std::span<const ReplicaShare> shares, size_t begin, size_t end,
               uint64_t ReplicaShare::*value) {
  std::map<uint64_t, std::vector<size_t>> by_value;
  for (size_t rank = begin; rank < end; ++rank) by_value[shares[rank].*value].push_back(rank);
  Groups groups(by_value.begin(), by_value.end());
  std::ranges::stable_sort(groups,
                           [](const auto& a, const auto& b) { return a.second.size() > b.second.size(); });
  return groups;
}

// "rank 1 (1b2e...) differs from ranks 0, 2 (77aa...)"; between two of the same size nobody can tell which is right.
std::string difference(const Groups& groups) {
  if (groups.size() < 2) return "";
  std::vector<std::string> others;
  for (size_t i = 1; i < groups.size(); ++i) {
    others.push_back(fmt::format("{} ({:016x})", words_for(groups[i].second), groups[i].first));
  }
  return fmt::format("{} {} from {} ({:016x})", fmt::join(others, "; "),
                     groups.size() == 2 && groups[1].second.size() == 1 ? "differs" : "differ",
                     words_for(groups[0].second), groups[0].first);
}

}  // namespace

std::string replica_fault(std::span<const ReplicaShare> shares, int ranks_per_sequence) {
  std::vector<size_t> changed;
  for (size_t rank = 0; rank < shares.size(); ++rank) {
    if (shares[rank].changed != 0) changed.push_back(rank);
  }
  if (!changed.empty()) {
    return fmt::format("{}: weights or moments in memory are not what the last update left there",
                       words_for(changed));
  }
  const auto group = static_cast<size_t>(ranks_per_sequence);
  for (size_t begin = 0; begin < shares.size(); begin += group) {
    const std::string tokens = difference(grouped(shares, begin, begin + group, &ReplicaShare::tokens));
    if (!tokens.empty()) return fmt::format("ranks of one sequence have read different tokens: {}", tokens);
  }
  const std::string weights = difference(grouped(shares, 0, shares.size(), &ReplicaShare::weights));
  return weights.empty() ? "" : fmt::format("the copies of the weights are not the same: {}", weights);
}

bool ReplicaCheck::compares(int64_t step) const {
  return context_.compare_every > 0 && step % context_.compare_every == 0 &&
         context_.mesh->world().size() > 1;
}

// Masters that are the weights themselves are in `weights` already.
uint64_t ReplicaCheck::with_optimizer(uint64_t weights) const {
  const bool own_masters = !optimizer_.masters_are_weights();
  const uint64_t parts[] = {weights, own_masters ? ops::fingerprint(optimizer_.master()) : 0,
                            ops::fingerprint(optimizer_.moment1()), ops::fingerprint(optimizer_.moment2())};
  return ops::fingerprint(std::as_bytes(std::span(parts)));
}

ReplicaShare ReplicaCheck::before_update(int64_t step, uint64_t tokens) {
  if (!compares(step)) return {.tokens = tokens};
  const auto begin = std::chrono::steady_clock::now();
  const uint64_t weights = context_.parameters->fingerprint();
  const bool changed = after_ == step - 1 && with_optimizer(weights) != state_;
  seconds_ += seconds_since(begin);
  // Ranks with a share each have no copies to compare.
  return {.tokens = tokens,
          .weights = context_.parameters->replicated() ? weights : 0,
          .changed = changed ? uint64_t{1} : 0};
}

void ReplicaCheck::after_update(int64_t step) {
  if (!compares(step + 1)) return;
  const auto begin = std::chrono::steady_clock::now();
  state_ = with_optimizer(context_.parameters->fingerprint());
  seconds_ += seconds_since(begin);
  after_ = step;
}

void ReplicaCheck::judge(int64_t step, std::span<const ReplicaShare> shares) const {
  if (shares.size() == 1) return;
  const std::string fault = replica_fault(shares, context_.mesh->size(Axis::kSequence));
  if (fault.empty()) return;
  fail(ErrorKind::kPeer, "{}: step {}, before its update: {}; no checkpoint is made of it",
       context_.stage_name, step, fault);
}

}  // namespace ropeway
