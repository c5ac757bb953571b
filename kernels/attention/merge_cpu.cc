// Merge of partial attention results on the CPU.
#include "kernels/attention/merge.h"

#include "kernels/attention/merge_weights.h"
#include "kernels/base/vector_dispatch.h"

namespace ropeway {
namespace {

template <typename T, typename Acc>
ROPEWAY_HOST_DEVICE void merge_row(Acc* acc, const T* block, Acc weight_acc, Acc weight_block,
                                   int64_t head_dim) {
#pragma omp simd
  for (int64_t d = 0; d < head_dim; ++d)
    acc[d] = acc[d] * weight_acc + load_element(block + d) * weight_block;
}

template <typename T, typename Acc>
ROPEWAY_HOST_DEVICE void copy_row(Acc* acc, const T* block, int64_t head_dim) {
#pragma omp simd
  for (int64_t d = 0; d < head_dim; ++d) acc[d] = load_element(block + d);
}

template <typename T>
ROPEWAY_HOST_DEVICE void merge_rows(const AttentionMerge<T>& call) {
  for (int64_t b = 0; b < call.batch; ++b) {
    for (int64_t n = 0; n < call.tokens; ++n) {
      for (int64_t h = 0; h < call.heads; ++h) {
        auto* const lse = call.lse_acc + call.lse_acc_strides.offset(b, h, n);
        auto* const out = call.out_acc + call.out_acc_strides.offset(b, h, n);
        const T* const block = call.out_block + call.out_block_strides.offset(b, h, n);
        const auto merged = merge_weights(*lse, call.lse_block[call.lse_block_strides.offset(b, h, n)]);
        *lse = merged.lse;
        // A side of weight 0 may hold anything, NaN included: it must not be multiplied.
        if (merged.weight_b == 0) continue;
        if (merged.weight_a == 0) {
          copy_row(out, block, call.head_dim);
        } else {
          merge_row(out, block, merged.weight_a, merged.weight_b, call.head_dim);
        }
      }
    }
  }
}

}  // namespace

template <typename T>
void merge_attention(const AttentionMerge<T>& call) {
  const AttentionMerge<T>* const c = &call;
  with_widest_vectors([=](auto) ROPEWAY_VECTOR_BODY { merge_rows(*c); });
}

template void merge_attention<double>(const AttentionMerge<double>&);
template void merge_attention<float>(const AttentionMerge<float>&);
template void merge_attention<bfloat16>(const AttentionMerge<bfloat16>&);

}  // namespace ropeway
