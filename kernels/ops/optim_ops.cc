#include "kernels/ops/ops.h"
#include "kernels/ops/tensor_access.h"
#include "kernels/optim/adamw.h"

namespace ropeway::ops {

void adamw_step(const at::Tensor& master, const at::Tensor& moment1, const at::Tensor& moment2,
                const at::Tensor& gradient, const at::Tensor& weight, const at::Tensor& weight_decay_mask,
                const AdamWOptions& options, double gradient_scale, int64_t step) {
  constexpr const char* kName = "adamw_step";
  const at::ScalarType acc = master.scalar_type();
  const int64_t count = master.numel();
  ROPEWAY_CHECK(acc == at::kDouble || acc == at::kFloat, "{}: master must be F64 or F32, is {}", kName,
                c10::toString(acc));
  ROPEWAY_CHECK(step >= 1, "{}: steps count from 1, got {}", kName, step);
  check_flat(kName, "master", master, acc, count);
  check_flat(kName, "moment1", moment1, acc, count);
  check_flat(kName, "moment2", moment2, acc, count);
  check_flat(kName, "gradient", gradient, acc, count);
  check_flat(kName, "weight", weight, weight.scalar_type(), count);
  if (weight_decay_mask.defined())
    check_flat(kName, "weight_decay_mask", weight_decay_mask, at::kByte, count);
  const AdamWStep call{.learning_rate = options.learning_rate,
                       .beta1 = options.beta1,
                       .beta2 = options.beta2,
                       .eps = options.eps,
                       .weight_decay = options.weight_decay,
                       .gradient_scale = gradient_scale,
                       .step = step};
  for_activation_type(weight.scalar_type(), kName, [&]<typename T>(T) {
    const auto run = [&]<typename Acc>(Acc) {
      adamw<T, Acc>(data_of<Acc>(master), data_of<Acc>(moment1), data_of<Acc>(moment2),
                    data_of<const Acc>(gradient), data_of<T>(weight),
                    data_of<const uint8_t>(weight_decay_mask), count, call);
    };
    acc == at::kDouble ? run(double{}) : run(float{});
  });
}

double sum_of_squares(const at::Tensor& flat) {
  constexpr const char* kName = "sum_of_squares";
  check_flat(kName, "flat", flat, flat.scalar_type(), flat.numel());
  return for_activation_type(flat.scalar_type(), kName, [&]<typename T>(T) {
    return ropeway::sum_of_squares<T>(data_of<const T>(flat), flat.numel());
  });
}

}  // namespace ropeway::ops
