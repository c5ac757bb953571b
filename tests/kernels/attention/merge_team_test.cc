// The device kernel that merges partial attention results, run on the host, against the CPU kernel.
#include <ATen/ops/empty.h>

#include "kernels/attention/merge_team.h"
#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/attention_ops.h"
#include "kernels/ops/tensor_access.h"
#include "tests/kernels/host_team.h"
#include "tests/kernels/tensors.h"

namespace ropeway {
namespace {

using ops::data_of;
using namespace testing;

RowStrides strides_of(const at::Tensor& x) { return {x.stride(0), x.stride(1), x.stride(2)}; }

// Token-major results, as attention makes them: [B, N, H, D] seen as [B, H, N, D].
at::Tensor token_major(at::IntArrayRef sizes, at::ScalarType type, uint64_t seed) {
  return random_tensor({sizes[0], sizes[2], sizes[1], sizes[3]}, type, seed).transpose(1, 2);
}

template <typename T>
void merge_on_host(const at::Tensor& out, const at::Tensor& lse, const at::Tensor& block,
                   const at::Tensor& lse_block, bool backwards) {
  using Acc = accumulation_t<T>;
  launch_merge_attention<T>(HostLauncher(backwards), {.batch = out.size(0),
                                                      .heads = out.size(1),
                                                      .tokens = out.size(2),
                                                      .head_dim = out.size(3),
                                                      .out_acc = data_of<Acc>(out),
                                                      .out_acc_strides = strides_of(out),
                                                      .lse_acc = data_of<Acc>(lse),
                                                      .lse_acc_strides = strides_of(lse),
                                                      .out_block = data_of<const T>(block),
                                                      .out_block_strides = strides_of(block),
                                                      .lse_block = data_of<const Acc>(lse_block),
                                                      .lse_block_strides = strides_of(lse_block)});
}

class MergeTeam : public ::testing::TestWithParam<int64_t> {};  // head_dim
INSTANTIATE_TEST_SUITE_P(HeadDims, MergeTeam, ::testing::Values(8, 128, 160, 6, 5));

TEST_P(MergeTeam, AsTheCPU) {
  const int64_t sizes[] = {2, 3, 11, GetParam()};
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const at::ScalarType acc = ops::accumulation_type(type);
    const at::Tensor out = token_major(sizes, acc, 1), block = token_major(sizes, type, 2);
    const at::Tensor lse = random_tensor({2, 3, 11}, acc, 3, 30.0),
                     lse_block = random_tensor({2, 3, 11}, acc, 4, 30.0);
    // Rows that one side knows nothing of; what stands there must not be touched or taken.
    lse[0][1][2].fill_(-INFINITY);
    out[0][1][2].fill_(NAN);
    lse_block[1][2][3].fill_(-INFINITY);
    block[1][2][3].fill_(NAN);
    for (const bool backwards : {false, true}) {
      const at::Tensor team_out = out.clone(), team_lse = lse.clone(), cpu_out = out.clone(),
                       cpu_lse = lse.clone();
      ops::for_activation_type(type, "", [&]<typename T>(T) {
        merge_on_host<T>(team_out, team_lse, block, lse_block, backwards);
      });
      ops::merge_attention_(cpu_out, cpu_lse, block, lse_block);
      EXPECT_LE(max_difference(team_out, cpu_out), type == at::kDouble ? 1e-14 : 2e-6);
      EXPECT_LE(max_difference(team_lse, cpu_lse), type == at::kDouble ? 1e-14 : 1e-5);
    }
  }
}

}  // namespace
}  // namespace ropeway
