// Linear + cross-entropy in tiles of tokens. One buffer of tile_tokens x V logits is all that exists at a
// time; the gradient takes the place of the logits in it.
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "kernels/loss/cross_entropy.h"
#include "kernels/ops/matmul.h"
#include "kernels/ops/ops.h"
#include "kernels/ops/tensor_access.h"

namespace ropeway::ops {
namespace {

// Rows of the output layer that are widened to acc type at a time when the weights are narrower.
constexpr int64_t kWidenedRows = 4096;

struct Problem {
  const char* name;
  const at::Tensor &hidden, &head, &labels;
  int64_t tile_tokens;
  at::ScalarType acc;

  int64_t tokens() const { return hidden.size(0); }
  int64_t channels() const { return hidden.size(1); }
  int64_t vocab() const { return head.size(0); }
};

Problem checked(const char* name, const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& labels,
                int64_t tile_tokens) {
  ROPEWAY_CHECK(hidden.dim() == 2 && head.dim() == 2, "{}: hidden [T, C] and head [V, C] wanted", name);
  const at::ScalarType type = hidden.scalar_type();
  check_rows(name, "hidden", hidden, type, hidden.size(0), hidden.size(1));
  check_rows(name, "head", head, type, head.size(0), hidden.size(1));
  check_flat(name, "labels", labels, at::kLong, hidden.size(0));
  ROPEWAY_CHECK(tile_tokens > 0, "{}: tile_tokens must be positive, is {}", name, tile_tokens);
  const int64_t* const label = data_of<const int64_t>(labels);
  for (int64_t t = 0; t < hidden.size(0); ++t) {
    if (label[t] != kIgnoredLabel && (label[t] < 0 || label[t] >= head.size(0))) {
      fail(ErrorKind::kBadData, "label {} at token {} is outside the vocabulary of {} (or {}: not scored)",
           label[t], t, head.size(0), kIgnoredLabel);
    }
  }
  return {name, hidden, head, labels, tile_tokens, accumulation_type(type)};
}

// Calls body(first row, rows of the output layer in acc type) over the whole output layer.
template <typename Body>
void for_each_head_part(const Problem& p, const Body& body) {
  const int64_t step = p.head.scalar_type() == p.acc ? p.vocab() : kWidenedRows;
  for (int64_t begin = 0; begin < p.vocab(); begin += step) {
    body(begin, p.head.narrow(0, begin, std::min(step, p.vocab() - begin)).to(p.acc));
  }
}

// Calls body(first token, tokens in tile, logits [tokens in tile, V]) for every tile with a scored token.
// Results of the others must be set beforehand.
template <typename Body>
void for_each_scored_tile(const Problem& p, const Body& body) {
  const at::Tensor buffer =
      at::empty({std::min(p.tile_tokens, p.tokens()), p.vocab()}, p.hidden.options().dtype(p.acc));
  const int64_t* const labels = data_of<const int64_t>(p.labels);
  for (int64_t begin = 0; begin < p.tokens(); begin += p.tile_tokens) {
    const int64_t count = std::min(p.tile_tokens, p.tokens() - begin);
    if (std::all_of(labels + begin, labels + begin + count,
                    [](int64_t label) { return label == kIgnoredLabel; })) {
      continue;
    }
    const at::Tensor hidden = p.hidden.narrow(0, begin, count).to(p.acc);
    at::Tensor logits = buffer.narrow(0, 0, count);
    for_each_head_part(p, [&](int64_t row, const at::Tensor& head) {
      at::Tensor columns = logits.narrow(1, row, head.size(0));
      matmul(hidden, head.t(), columns);
    });
    body(begin, hidden, logits);
  }
}

CrossEntropyOutput empty_output(const Problem& p) {
  CrossEntropyOutput output{at::empty({p.tokens()}, p.hidden.options().dtype(p.acc)),
                            at::empty({p.tokens()}, p.hidden.options().dtype(at::kBool))};
  output.nll.zero_();
  output.correct.zero_();
  return output;
}

struct GradientRequest {
  at::Tensor weights;
  double scale = 1.0;
  bool wanted = false;
};

void score_tile(const Problem& p, int64_t begin, const at::Tensor& logits, const GradientRequest& gradient,
                const CrossEntropyOutput& output) {
  const auto run = [&]<typename Acc>(Acc) {
    cross_entropy_rows<Acc>(
        {.logits = data_of<Acc>(logits),
         .rows = logits.size(0),
         .vocab = p.vocab(),
         .labels = data_of<const int64_t>(p.labels) + begin,
         .weights = gradient.weights.defined() ? data_of<const Acc>(gradient.weights) + begin : nullptr,
         .scale = gradient.scale,
         .want_gradient = gradient.wanted,
         .nll = data_of<Acc>(output.nll) + begin,
         .correct = data_of<bool>(output.correct) + begin});
  };
  p.acc == at::kDouble ? run(double{}) : run(float{});
}

}  // namespace

CrossEntropyOutput linear_cross_entropy(const at::Tensor& hidden, const at::Tensor& head,
                                        const at::Tensor& labels, int64_t tile_tokens) {
  const Problem p = checked("linear_cross_entropy", hidden, head, labels, tile_tokens);
  const CrossEntropyOutput output = empty_output(p);
  for_each_scored_tile(p, [&](int64_t begin, const at::Tensor&, const at::Tensor& logits) {
    score_tile(p, begin, logits, {}, output);
  });
  return output;
}

CrossEntropyOutput linear_cross_entropy_backward(const at::Tensor& hidden, const at::Tensor& head,
                                                 const at::Tensor& labels, const at::Tensor& weights,
                                                 double scale, int64_t tile_tokens,
                                                 const at::Tensor& d_hidden, const at::Tensor& grad_head) {
  constexpr const char* kName = "linear_cross_entropy_backward";
  const Problem p = checked(kName, hidden, head, labels, tile_tokens);
  check_rows(kName, "d_hidden", d_hidden, hidden.scalar_type(), p.tokens(), p.channels());
  if (grad_head.defined()) check_flat(kName, "grad_head", grad_head, p.acc, p.vocab() * p.channels());
  if (weights.defined()) check_flat(kName, "weights", weights, p.acc, p.tokens());
  const CrossEntropyOutput output = empty_output(p);
  d_hidden.zero_();
  for_each_scored_tile(p, [&](int64_t begin, const at::Tensor& hidden_tile, const at::Tensor& logits) {
    score_tile(p, begin, logits, {weights, scale, true}, output);
    at::Tensor d_tile = d_hidden.narrow(0, begin, logits.size(0));
    if (p.hidden.scalar_type() == p.acc) {
      matmul(logits, p.head, d_tile);
    } else {
      at::Tensor wide = at::zeros(d_tile.sizes(), d_tile.options().dtype(p.acc));
      for_each_head_part(p, [&](int64_t row, const at::Tensor& head_part) {
        matmul_add(logits.narrow(1, row, head_part.size(0)), head_part, wide);
      });
      d_tile.copy_(wide);
    }
    if (grad_head.defined()) {
      matmul_add(logits.t(), hidden_tile, grad_head.view({p.vocab(), p.channels()}));
    }
  });
  return output;
}

}  // namespace ropeway::ops
