#include "parallel/attention/grouped_attention.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <vector>

#include "kernels/base/error.h"

namespace ropeway {

GroupedAttention::GroupedAttention(std::unique_ptr<SequenceAttention> attention, int groups)
    : attention_(std::move(attention)), groups_(groups) {
  ROPEWAY_CHECK(groups_ >= 1, "attention in {} groups", groups_);
}
GroupedAttention::~GroupedAttention() = default;

at::Tensor GroupedAttention::part(const at::Tensor& t, int dim, int group) const {
  const int64_t count = t.size(dim) / groups_;
  return t.narrow(dim, group * count, count);
}

GroupedAttention::Output GroupedAttention::forward(const SequenceLayout& layout, const at::Tensor& q,
                                                   const at::Tensor& k, const at::Tensor& v,
                                                   const ScoreForm& score) {
  if (k.size(2) % groups_ != 0) {
    fail(ErrorKind::kConfig, "{} key heads cannot be divided into {} groups", k.size(2), groups_);
  }
  const at::Tensor out = at::empty(q.sizes(), q.options());
  std::vector<at::Tensor> lse;
  for (int group = 0; group < groups_; ++group) {
    Output of_group =
        attention_->forward(layout, part(q, 2, group), part(k, 2, group), part(v, 2, group), score);
    part(out, 2, group).copy_(of_group.out);
    lse.push_back(std::move(of_group.lse));
  }
  return {out, at::cat(lse, 1)};
}

GroupedAttention::Gradients GroupedAttention::backward(const SequenceLayout& layout, const at::Tensor& d_out,
                                                       const at::Tensor& q, const at::Tensor& k,
                                                       const at::Tensor& v, const at::Tensor& out,
                                                       const at::Tensor& lse, const ScoreForm& score) {
  Gradients all;
  const auto put = [&](at::Tensor& whole, const at::Tensor& like, const at::Tensor& of_group, int group) {
    if (!whole.defined()) whole = at::empty(like.sizes(), of_group.options());
    part(whole, 2, group).copy_(of_group);
  };
  for (int group = 0; group < groups_; ++group) {
    const auto own = [&](const at::Tensor& t) { return part(t, 2, group); };
    const Gradients of_group = attention_->backward(layout, own(d_out), own(q), own(k), own(v), own(out),
                                                    part(lse, 1, group).contiguous(), score);
    put(all.dq, q, of_group.dq, group);
    put(all.dk, k, of_group.dk, group);
    put(all.dv, v, of_group.dv, group);
  }
  return all;
}

}  // namespace ropeway
