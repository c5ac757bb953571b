#include "kernels/ops/optim_ops.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "kernels/ops/cuda_backend.h"
#include "kernels/ops/tensor_access.h"
#include "kernels/optim/adamw.h"
#include "kernels/optim/adamw_cuda.h"

namespace ropeway::ops {

void adamw_step(const at::Tensor& master, const at::Tensor& moment1, const at::Tensor& moment2,
                const at::Tensor& gradient, const at::Tensor& weight, const AdamWOptions& options,
                double gradient_scale, int64_t step) {
  constexpr const char* kName = "adamw_step";
  const at::ScalarType acc = master.scalar_type();
  const int64_t count = master.numel();
  ROPEWAY_CHECK(acc == at::kDouble || acc == at::kFloat, "{}: master must be F64 or F32, is {}", kName,
                c10::toString(acc));
  ROPEWAY_CHECK(step >= 1, "{}: steps count from 1, got {}", kName, step);
  const c10::Device device = master.device();
  const at::ScalarType moments = moment1.scalar_type();
  check_flat(kName, "master", master, device, acc, count);
  check_flat(kName, "moment1", moment1, device, moments, count);
  check_flat(kName, "moment2", moment2, device, moments, count);
  check_flat(kName, "gradient", gradient, device, acc, count);
  check_flat(kName, "weight", weight, device, weight.scalar_type(), count);
  const AdamWStep call{.learning_rate = options.learning_rate,
                       .beta1 = options.beta1,
                       .beta2 = options.beta2,
                       .eps = options.eps,
                       .weight_decay = options.weight_decay,
                       .gradient_scale = gradient_scale,
                       .step = step};
  const bool gpu = on_cuda(kName, device);
  const auto run = [&]<typename T, typename Acc, typename M>(T, Acc, M) {
    Acc* const p = data_of<Acc>(master);
    M *const m = data_of<M>(moment1), *const v = data_of<M>(moment2);
    const Acc* const g = data_of<const Acc>(gradient);
    if (!gpu) return adamw<T, Acc, M>(p, m, v, g, data_of<T>(weight), count, call);
    if constexpr (std::is_same_v<Acc, double> == std::is_same_v<T, double>) {
      cuda::adamw<T, Acc, M>({p, m, v, g, data_of<T>(weight), count}, call, current_cuda_stream(device));
    } else {
      fail(ErrorKind::kInternal, "{}: on CUDA, F64 masters go with F64 weights only", kName);
    }
  };
  for_activation_type(weight.scalar_type(), kName, [&]<typename T>(T) {
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

}  // namespace ropeway::ops
