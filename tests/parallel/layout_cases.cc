#include "tests/parallel/layout_cases.h"

#include "tests/parallel/mesh_attention.h"
#include "tests/parallel/reference_attention.h"

namespace ropeway::testing {

std::ostream& operator<<(std::ostream& out, const LayoutCase& c) { return out << c.name; }

std::vector<LayoutCase> layout_cases() {
  std::vector<LayoutCase> cases;
  const std::pair<Placement, std::string> placements[] = {{Placement::kZigzag, "Zigzag"},
                                                          {Placement::kContiguous, "Contiguous"},
                                                          {Placement::kBalanced, "Balanced"}};
  for (const auto& [placement, how] : placements) {
    cases.push_back({"Even" + how, {{.length = 24}, {.length = 24}}, placement});
    cases.push_back({"Padded" + how, {{.length = 19}, {.length = 19}}, placement, 3});
    cases.push_back({"DifferentLengths" + how, {{.length = 24}, {.length = 5}, {.length = 17}}, placement});
    cases.push_back({"Documents" + how,
                     {{.length = 24, .documents = {0, 5, 16}},
                      {.length = 24, .documents = {0, 5, 16}},
                      {.length = 22, .documents = {0, 1, 12, 13}},
                      {.length = 24}},
                     placement});
  }
  return cases;
}

RingErrors ring_errors(Communicator& comm, const LayoutCase& c) {
  MeshAttention ring(comm, c.heads, c.placement, c.chunk_multiple, c.head_groups);
  ReferenceAttention reference(comm, ring.split());
  const SequenceLayout layout(ring.split(), c.sequences);
  const int64_t batch = layout.num_sequences(), n = layout.local_length();
  // Every rank its own rows: which they are of the sequence, the layouts of both say.
  const auto rows = [&](int64_t heads, uint64_t which) {
    return normal({batch, n, heads, 8}, at::kDouble, 10 * which + static_cast<uint64_t>(comm.rank()));
  };
  const at::Tensor q = rows(c.query_heads, 1), d_out = rows(c.query_heads, 4);
  const at::Tensor k = rows(c.key_heads, 2), v = rows(c.key_heads, 3);
  const ScoreForm score{0.4, c.softcap};
  const auto results_of = [&](SequenceAttention& attention) -> AttentionResults {
    const auto result = attention.forward(layout, q, k, v, score);
    const auto grads = attention.backward(layout, d_out, q, k, v, result.out, result.lse, score);
    return {result.out, result.lse, grads.dq, grads.dk, grads.dv};
  };
  AttentionResults found = results_of(ring);
  const AttentionResults expected = results_of(reference);
  if (c.heads > 1) found.lse = expected.lse;
  return relative_errors(comm, found, expected);
}

}  // namespace ropeway::testing
