// Cross-entropy rows as a team kernel (base/team.h): a block reads a row once for the denominator, and
// once more for the gradient.
#pragma once

#include <cmath>
#include <type_traits>

#include "kernels/base/team.h"
#include "kernels/base/visit_packs.h"
#include "kernels/loss/cross_entropy.h"
#include "kernels/loss/softmax_state.h"

namespace ropeway {

template <typename Acc, typename G, int N>
struct CrossEntropyBlocks {
  CrossEntropyRows<Acc, G> call;
  static constexpr int kAtOnce = N > 1 ? 2 : 4;  // packs a thread has in flight

  template <typename Team>
  ROPEWAY_TEAM_BODY void operator()(Team& team) const {
    for (int64_t row = team.index(); row < call.rows; row += team.count()) {
      if (call.labels[row] == kIgnoredLabel) {
        skip_row(team, row);
      } else {
        score_row(team, row);
      }
    }
  }

  template <typename Team>
  ROPEWAY_TEAM_BODY void skip_row(Team& team, int64_t row) const {
    team.each([&](int thread) {
      if (thread == 0) {
        call.nll[row] = 0;
        call.correct[row] = false;
      }
      if (!call.gradient) return;
      const accumulation_t<G> zeros[N] = {};
      for (int64_t i = thread; i < call.vocab / N; i += team.size())
        store_pack<N>(row_pointer(call.gradient, row, call.vocab) + i * N, zeros);
    });
  }

  template <typename Team>
  ROPEWAY_TEAM_BODY void score_row(Team& team, int64_t row) const {
    const Acc* const logits = row_pointer(call.logits, row, call.vocab);
    const int64_t label = call.labels[row];
    typename Team::template PerThread<SoftmaxState<Acc>> states;
    typename Team::template PerThread<Acc> label_logit;  // read before the gradient may be written over it
    team.each([&](int thread) {
      label_logit[thread] = logits[label];
      SoftmaxState<Acc> state = empty_softmax<Acc>();
      visit_packs<N, kAtOnce>(logits, thread, call.vocab / N, team.size(),
                              [&](int64_t i, const Acc(&z)[N]) { add_logits<N>(state, z, i * N); });
      states[thread] = state;
    });
    const SoftmaxState<Acc> softmax = team.reduce(states, JoinSoftmax{});
    const Acc factor = static_cast<Acc>(call.scale) * (call.weights ? call.weights[row] : Acc(1));
    const Acc share = static_cast<Acc>(factor / softmax.sum);
    team.each([&](int thread) {
      if (thread == 0) {
        call.nll[row] = static_cast<Acc>(std::log(softmax.sum) + (static_cast<double>(softmax.top) -
                                                                  static_cast<double>(label_logit[thread])));
        call.correct[row] = softmax.first == label;
      }
      if (!call.gradient) return;
      visit_packs<N, kAtOnce>(logits, thread, call.vocab / N, team.size(), [&](int64_t i, Acc(&z)[N]) {
        for (int k = 0; k < N; ++k) {
          z[k] = bounded_exp(z[k] - softmax.top) * share;
          if (i * N + k == label) z[k] -= factor;
        }
        store_pack<N>(row_pointer(call.gradient, row, call.vocab) + i * N, z);
      });
    });
  }
};

template <typename Acc, typename G, typename Launcher>
void launch_cross_entropy(const Launcher& launcher, const CrossEntropyRows<Acc, G>& call) {
  constexpr int kPack = kPackOf<Acc>;
  const bool fits = call.vocab % kPack == 0 && fits_packs(kPack, call.logits, call.vocab) &&
                    fits_packs(kPack, call.gradient, call.vocab);
  with_pack<kPack>(fits, [&]<int N>(std::integral_constant<int, N>) {
    launcher.blocks("cross_entropy", CrossEntropyBlocks<Acc, G, N>{call}, std::min(call.rows, kMaxBlocks),
                    threads_for_row(call.vocab / N), 0);
  });
}

}  // namespace ropeway
