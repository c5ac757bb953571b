// Linear + cross-entropy in tiles of tokens. One buffer of tile_tokens x V logits is all that exists at a
// time; the gradient takes the place of the logits in it.
#include "kernels/ops/loss_ops.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "kernels/loss/cross_entropy.h"
#include "kernels/loss/cross_entropy_cuda.h"
#include "kernels/ops/accumulation_type.h"
#include "kernels/ops/cuda_backend.h"
#include "kernels/ops/matmul.h"
#include "kernels/ops/tensor_access.h"

namespace ropeway::ops {
namespace {

// Rows of the output layer that are widened to acc type at a time, where products of narrow
// weights need that.
constexpr int64_t kWidenedRows = 4096;

struct Problem {
  const char* name;
  const at::Tensor &hidden, &head;
  at::Tensor labels;  // where hidden is
  int64_t tile_tokens;
  LogitForm form;
  at::ScalarType acc;
  at::ScalarType factor;      // what products are taken of: acc on the CPU; on CUDA the weights' own type,
                              // because tensor cores sum products of BF16 in F32
  at::Tensor labels_on_host;  // for checks and to pass over tiles without a scored token

  bool on_gpu() const { return hidden.is_cuda(); }
  int64_t tokens() const { return hidden.size(0); }
  int64_t channels() const { return hidden.size(1); }
  int64_t vocab() const { return head.size(0); }
};

Problem checked(const char* name, const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& labels,
                int64_t tile_tokens, const LogitForm& form) {
  ROPEWAY_CHECK(hidden.dim() == 2 && head.dim() == 2, "{}: hidden [T, C] and head [V, C] wanted", name);
  const at::ScalarType type = hidden.scalar_type();
  const c10::Device device = hidden.device();
  check_rows(name, "hidden", hidden, device, type, hidden.size(0), hidden.size(1));
  check_rows(name, "head", head, device, type, head.size(0), hidden.size(1));
  check_flat(name, "labels", labels, labels.is_cpu() ? labels.device() : device, at::kLong, hidden.size(0));
  ROPEWAY_CHECK(tile_tokens > 0, "{}: tile_tokens must be positive, is {}", name, tile_tokens);
  const at::Tensor on_host = labels.to(at::kCPU);
  const int64_t* const label = data_of<const int64_t>(on_host);
  for (int64_t t = 0; t < hidden.size(0); ++t) {
    if (label[t] != kIgnoredLabel && (label[t] < 0 || label[t] >= head.size(0))) {
      fail(ErrorKind::kBadData, "label {} at token {} is outside the vocabulary of {} (or {}: not scored)",
           label[t], t, head.size(0), kIgnoredLabel);
    }
  }
  const at::ScalarType acc = accumulation_type(type);
  const at::Tensor beside = labels.to(labels.options().device(device), /*non_blocking=*/true);
  return {name, hidden, head, beside, tile_tokens, form, acc, on_cuda(name, device) ? type : acc, on_host};
}

// Calls body(first row, rows of the output layer as a factor) over the whole output layer.
template <typename Body>
void for_each_head_part(const at::Tensor& head, at::ScalarType factor, const Body& body) {
  const int64_t rows = head.size(0), step = head.scalar_type() == factor ? rows : kWidenedRows;
  for (int64_t begin = 0; begin < rows; begin += step) {
    body(begin, head.narrow(0, begin, std::min(step, rows - begin)).to(factor));
  }
}

// Products become logits.
void give_form(const LogitForm& form, at::Tensor& products) {
  if (form.divisor != 1) products.div_(form.divisor);
  if (form.softcap > 0) products.div_(form.softcap).tanh_().mul_(form.softcap);
}

// logits [T, V], written; hidden [T, C] as a factor.
void make_logits(const at::Tensor& hidden, const at::Tensor& head, const LogitForm& form,
                 at::Tensor& logits) {
  for_each_head_part(head, hidden.scalar_type(), [&](int64_t row, const at::Tensor& part) {
    matmul(hidden, part.t(), logits.narrow(1, row, part.size(0)));
  });
  give_form(form, logits);
}

// d logit / d product of every logit, where that is not the same for all; undefined otherwise. Made before
// the gradient takes the logits' place.
at::Tensor slope_of(const LogitForm& form, const at::Tensor& logits) {
  if (!(form.softcap > 0)) return {};
  return logits.div(form.softcap).square_().neg_().add_(1);
}

// d loss / d logit becomes d loss / d product.
void take_form_back(const LogitForm& form, const at::Tensor& slope, const at::Tensor& gradient) {
  if (slope.defined()) gradient.mul_(slope);
  if (form.divisor != 1) gradient.div_(form.divisor);
}

// Calls body(first token, hidden [tokens in tile, C], logits [tokens in tile, V]) for every tile with a
// scored token. Results of the others must be set beforehand.
template <typename Body>
void for_each_scored_tile(const Problem& p, const Body& body) {
  const at::Tensor buffer =
      at::empty({std::min(p.tile_tokens, p.tokens()), p.vocab()}, p.hidden.options().dtype(p.acc));
  const int64_t* const labels = data_of<const int64_t>(p.labels_on_host);
  for (int64_t begin = 0; begin < p.tokens(); begin += p.tile_tokens) {
    const int64_t count = std::min(p.tile_tokens, p.tokens() - begin);
    if (std::all_of(labels + begin, labels + begin + count,
                    [](int64_t label) { return label == kIgnoredLabel; })) {
      continue;
    }
    const at::Tensor hidden = p.hidden.narrow(0, begin, count).to(p.factor);
    at::Tensor logits = buffer.narrow(0, 0, count);
    make_logits(hidden, p.head, p.form, logits);
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

// Scores the tile; if a gradient is wanted, returns it as a factor, in place of the logits where
// they have that type.
at::Tensor score_tile(const Problem& p, int64_t begin, const at::Tensor& logits,
                      const GradientRequest& request, const CrossEntropyOutput& output) {
  const bool narrow = request.wanted && p.factor != p.acc;
  const at::Tensor gradient = narrow ? at::empty(logits.sizes(), logits.options().dtype(p.factor)) : logits;
  const auto run = [&]<typename Acc, typename G>(Acc, G) {
    const CrossEntropyRows<Acc, G> call{
        .logits = data_of<Acc>(logits),
        .rows = logits.size(0),
        .vocab = p.vocab(),
        .labels = data_of<const int64_t>(p.labels) + begin,
        .weights = request.weights.defined() ? data_of<const Acc>(request.weights) + begin : nullptr,
        .scale = request.scale,
        .gradient = request.wanted ? data_of<G>(gradient) : nullptr,
        .nll = data_of<Acc>(output.nll) + begin,
        .correct = data_of<bool>(output.correct) + begin};
    if (p.on_gpu()) return cuda::cross_entropy_rows(call, current_cuda_stream(logits.device()));
    if constexpr (std::is_same_v<Acc, G>) return cross_entropy_rows(call);
  };
  if (p.acc == at::kDouble) {
    run(double{}, double{});
  } else {
    gradient.scalar_type() == at::kBFloat16 ? run(float{}, bfloat16{}) : run(float{}, float{});
  }
  return gradient;
}

}  // namespace

at::Tensor linear_logits(const at::Tensor& hidden, const at::Tensor& head, const LogitForm& form) {
  constexpr const char* kName = "linear_logits";
  ROPEWAY_CHECK(hidden.dim() == 2 && head.dim() == 2, "{}: hidden [T, C] and head [V, C] wanted", kName);
  const at::ScalarType type = hidden.scalar_type(), acc = accumulation_type(type);
  check_rows(kName, "head", head, hidden.device(), type, head.size(0), hidden.size(1));
  at::Tensor logits = at::empty({hidden.size(0), head.size(0)}, hidden.options().dtype(acc));
  make_logits(hidden.to(on_cuda(kName, hidden.device()) ? type : acc), head, form, logits);
  return logits;
}

CrossEntropyOutput linear_cross_entropy(const at::Tensor& hidden, const at::Tensor& head,
                                        const at::Tensor& labels, int64_t tile_tokens,
                                        const LogitForm& form) {
  const Problem p = checked("linear_cross_entropy", hidden, head, labels, tile_tokens, form);
  const CrossEntropyOutput output = empty_output(p);
  for_each_scored_tile(p, [&](int64_t begin, const at::Tensor&, const at::Tensor& logits) {
    score_tile(p, begin, logits, {}, output);
  });
  return output;
}

CrossEntropyOutput linear_cross_entropy_backward(const LinearCrossEntropyCall& call) {
  constexpr const char* kName = "linear_cross_entropy_backward";
  const Problem p = checked(kName, call.hidden, call.head, call.labels, call.tile_tokens, call.form);
  const c10::Device device = call.hidden.device();
  check_rows(kName, "d_hidden", call.d_hidden, device, call.hidden.scalar_type(), p.tokens(), p.channels());
  if (call.grad_head.defined())
    check_flat(kName, "grad_head", call.grad_head, device, p.acc, p.vocab() * p.channels());
  if (call.weights.defined()) check_flat(kName, "weights", call.weights, device, p.acc, p.tokens());
  const CrossEntropyOutput output = empty_output(p);
  call.d_hidden.zero_();
  for_each_scored_tile(p, [&](int64_t begin, const at::Tensor& hidden_tile, const at::Tensor& logits) {
    const at::Tensor slope = slope_of(call.form, logits);
    const at::Tensor gradient = score_tile(p, begin, logits, {call.weights, call.scale, true}, output);
    take_form_back(call.form, slope, gradient);
    at::Tensor d_tile = call.d_hidden.narrow(0, begin, gradient.size(0));
    if (p.hidden.scalar_type() == p.factor) {
      matmul(gradient, p.head, d_tile);
    } else {
      at::Tensor wide = at::zeros(d_tile.sizes(), d_tile.options().dtype(p.acc));
      for_each_head_part(p.head, p.factor, [&](int64_t row, const at::Tensor& head_part) {
        matmul_add(gradient.narrow(1, row, head_part.size(0)), head_part, wide);
      });
      d_tile.copy_(wide);
    }
    if (call.grad_head.defined()) {
      matmul_add(gradient.t(), hidden_tile, call.grad_head.view({p.vocab(), p.channels()}));
    }
  });
  return output;
}

}  // namespace ropeway::ops
