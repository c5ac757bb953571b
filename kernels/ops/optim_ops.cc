#include "kernels/ops/optim_ops.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "kernels/ops/cuda_backend.h"
#include "kernels/ops/tensor_access.h"
#include "kernels/optim/adamw.h"
#include "kernels/optim/adamw_cuda.h"

namespace ropeway::ops {

void adamw_step(const AdamWCall& c) {
  constexpr const char* kName = "adamw_step";
  const at::ScalarType acc = c.master.scalar_type(), moments = c.moment1.scalar_type();
  const int64_t count = c.master.numel();
  const c10::Device device = c.master.device();
  ROPEWAY_CHECK(acc == at::kDouble || acc == at::kFloat, "{}: master must be F64 or F32, is {}", kName,
                c10::toString(acc));
  ROPEWAY_CHECK(c.step >= 1, "{}: steps count from 1, got {}", kName, c.step);
  check_flat(kName, "master", c.master, device, acc, count);
  check_flat(kName, "moment1", c.moment1, device, moments, count);
  check_flat(kName, "moment2", c.moment2, device, moments, count);
  check_flat(kName, "gradient", c.gradient, device, acc, count);
  check_flat(kName, "weight", c.weight, device, c.weight.scalar_type(), count);
  const AdamWStep step{.learning_rate = c.options.learning_rate,
                       .beta1 = c.options.beta1,
                       .beta2 = c.options.beta2,
                       .eps = c.options.eps,
                       .weight_decay = c.options.weight_decay,
                       .gradient_scale = c.gradient_scale,
                       .step = c.step};
  const bool gpu = on_cuda(kName, device);
  const auto run = [&]<typename T, typename Acc, typename M>(T, Acc, M) {
    const AdamWArrays<T, Acc, M> arrays{.master = data_of<Acc>(c.master),
                                        .moment1 = data_of<M>(c.moment1),
                                        .moment2 = data_of<M>(c.moment2),
                                        .gradient = data_of<const Acc>(c.gradient),
                                        .weight = data_of<T>(c.weight),
                                        .count = count};
    if (!gpu) return adamw(arrays, step);
    if constexpr (std::is_same_v<Acc, double> == std::is_same_v<T, double>) {
      cuda::adamw(arrays, step, current_cuda_stream(device));
    } else {
      fail(ErrorKind::kInternal, "{}: on CUDA, F64 masters go with F64 weights only", kName);
    }
  };
  for_activation_type(c.weight.scalar_type(), kName, [&]<typename T>(T) {
    if (moments == acc) return acc == at::kDouble ? run(T{}, double{}, double{}) : run(T{}, float{}, float{});
    if constexpr (!std::is_same_v<T, double>) {
      if (moments == at::kBFloat16 && acc == at::kFloat) return run(T{}, float{}, bfloat16{});
    }
    fail(ErrorKind::kInternal,
         "{}: moments are {}, wanted {}, or BF16 next to F32 masters and weights of F32 or BF16", kName,
         c10::toString(moments), c10::toString(acc));
  });
}

double sum_of_squares(const at::Tensor& flat) {
  constexpr const char* kName = "sum_of_squares";
  check_flat(kName, "flat", flat, flat.device(), flat.scalar_type(), flat.numel());
  const bool gpu = on_cuda(kName, flat.device());
  return for_activation_type(flat.scalar_type(), kName, [&]<typename T>(T) {
    if (!gpu) return ropeway::sum_of_squares<T>(data_of<const T>(flat), flat.numel());
    const auto options = flat.options().dtype(at::kDouble);
    const at::Tensor workspace = at::empty({cuda::kSumOfSquaresTiles}, options),
                     sum = at::zeros({1}, options);
    cuda::add_sum_of_squares<T>(data_of<const T>(flat), flat.numel(), data_of<double>(workspace),
                                data_of<double>(sum), current_cuda_stream(flat.device()));
    return sum.item<double>();
  });
}

NonFinite find_non_finite(const at::Tensor& flat) {
  NonFinite found;
  if (std::isfinite(sum_of_squares(flat))) return found;
  constexpr int64_t kChunk = int64_t{1} << 22;  // what is formed on the way stays small beside the tensor
  for (int64_t begin = 0; begin < flat.numel(); begin += kChunk) {
    const at::Tensor chunk = flat.narrow(0, begin, std::min(kChunk, flat.numel() - begin));
    const at::Tensor at = at::nonzero(at::isfinite(chunk).logical_not()).flatten();
    if (at.numel() == 0) continue;
    if (found.count == 0) found.first = begin + at[0].item<int64_t>();
    found.last = begin + at[-1].item<int64_t>();
    found.count += at.numel();
  }
  return found;
}

}  // namespace ropeway::ops
