// SwiGLU's device kernels, run on the host, against the CPU kernels.
#include <ATen/ops/empty.h>

#include "kernels/mlp/swiglu_team.h"
#include "kernels/ops/mlp_ops.h"
#include "kernels/ops/tensor_access.h"
#include "tests/kernels/host_team.h"
#include "tests/kernels/tensors.h"

namespace ropeway {
namespace {

using ops::data_of;
using namespace testing;

struct Shape {
  int64_t rows, width, stride;  // stride of gate_up
};
const Shape kShapes[] = {{5, 64, 128}, {5, 64, 136}, {3, 7, 14}, {3, 8, 17}, {2, 3000, 6000}, {700, 8, 16}};

class SwigluTeam : public ::testing::TestWithParam<Shape> {};
INSTANTIATE_TEST_SUITE_P(Shapes, SwigluTeam, ::testing::ValuesIn(kShapes));

TEST_P(SwigluTeam, ForwardAndBackwardAsTheCPU) {
  const Shape s = GetParam();
  using enum GateActivation;
  for (const auto& [type, activation] : {std::pair{at::kDouble, kSilu},
                                         {at::kFloat, kSilu},
                                         {at::kBFloat16, kSilu},
                                         {at::kDouble, kGeluTanh},
                                         {at::kFloat, kGeluTanh},
                                         {at::kBFloat16, kGeluTanh}}) {
    const double tolerance = type == at::kDouble ? 1e-15 : type == at::kFloat ? 1e-6 : 0x1p-9;
    const at::Tensor gate_up = random_tensor({s.rows, s.stride}, type, 1, 3.0).narrow(1, 0, 2 * s.width);
    const at::Tensor d_out = random_tensor({s.rows, s.width}, type, 2);
    const at::Tensor out = at::empty({s.rows, s.width}, type), cpu_out = out.clone();
    const at::Tensor d_gate_up = at::empty({s.rows, 2 * s.width}, type), cpu_d_gate_up = d_gate_up.clone();
    ops::swiglu(gate_up, cpu_out, activation);
    ops::swiglu_backward(d_out, gate_up, cpu_d_gate_up, activation);
    ops::for_activation_type(type, "", [&, activation = activation]<typename T>(T) {
      launch_swiglu_forward<T>(HostLauncher(), {.gate_up = data_of<const T>(gate_up),
                                                .gate_up_stride = s.stride,
                                                .rows = s.rows,
                                                .width = s.width,
                                                .out = data_of<T>(out),
                                                .out_stride = s.width,
                                                .activation = activation});
      launch_swiglu_backward<T>(HostLauncher(), {.d_out = data_of<const T>(d_out),
                                                 .d_out_stride = s.width,
                                                 .gate_up = data_of<const T>(gate_up),
                                                 .gate_up_stride = s.stride,
                                                 .rows = s.rows,
                                                 .width = s.width,
                                                 .d_gate_up = data_of<T>(d_gate_up),
                                                 .d_gate_up_stride = 2 * s.width,
                                                 .activation = activation});
    });
    EXPECT_LE(relative_error(out, cpu_out), tolerance);
    EXPECT_LE(relative_error(d_gate_up, cpu_d_gate_up), tolerance);
  }
}

}  // namespace
}  // namespace ropeway
