#include "kernels/ops/matmul.h"

#include <ATen/ops/full.h>

#include "kernels/base/error.h"
#include "tests/kernels/tensors.h"

namespace ropeway {
namespace {

using namespace testing;

struct Shape {
  int64_t rows, inner, columns;
};
void PrintTo(const Shape& s, std::ostream* stream) {
  *stream << s.rows << "x" << s.inner << "x" << s.columns;
}

// Three nested loops in double.
at::Tensor naive(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor wide_a = a.to(at::kDouble).contiguous(), wide_b = b.to(at::kDouble).contiguous();
  const at::Tensor out = at::full({a.size(0), b.size(1)}, 0.0, at::kDouble);
  auto x = wide_a.accessor<double, 2>(), y = wide_b.accessor<double, 2>(), z = out.accessor<double, 2>();
  for (int64_t i = 0; i < a.size(0); ++i) {
    for (int64_t k = 0; k < a.size(1); ++k) {
      for (int64_t j = 0; j < b.size(1); ++j) z[i][j] += x[i][k] * y[k][j];
    }
  }
  return out;
}

// Rounding errors are relative to the sum of absolute products; chains of additions are much shorter than
// `inner`.
void expect_product(const at::Tensor& out, const at::Tensor& start, const at::Tensor& a,
                    const at::Tensor& b) {
  const at::Tensor exact = start.to(at::kDouble) + naive(a, b);
  const at::Tensor magnitude = start.to(at::kDouble).abs() + naive(a.abs(), b.abs());
  const double unit = out.scalar_type() == at::kDouble ? 0x1p-53 : 0x1p-24;
  at::Tensor allowed = magnitude * (32 * unit);
  if (out.scalar_type() == at::kBFloat16) allowed = allowed + exact.abs() * kBF16Roundoff;
  EXPECT_LE(((out.to(at::kDouble) - exact).abs() - allowed).max().item<double>(), 0.0);
}

class Matmul : public ::testing::TestWithParam<std::tuple<at::ScalarType, Shape>> {
 protected:
  at::ScalarType type() const { return std::get<0>(GetParam()); }
  Shape shape() const { return std::get<1>(GetParam()); }
  // [rows, columns] as a view of a wider buffer, transposed or not.
  at::Tensor operand(int64_t rows, int64_t columns, bool transposed, uint64_t seed) const {
    if (transposed) return operand(columns, rows, false, seed).t();
    const at::Tensor buffer = at::full({rows, columns + 8}, NAN, at::TensorOptions(type()));
    const at::Tensor view = buffer.narrow(1, 4, columns);
    view.copy_(random_tensor({rows, columns}, type(), seed));
    return view;
  }
};
// The products of a small block, one row, one column, one product, and sizes that are no multiple of
// anything.
INSTANTIATE_TEST_SUITE_P(TypesAndShapes, Matmul,
                         ::testing::Combine(::testing::Values(at::kDouble, at::kFloat, at::kBFloat16),
                                            ::testing::Values(Shape{64, 192, 96}, Shape{1, 64, 260},
                                                              Shape{33, 17, 1}, Shape{7, 1, 9})));

TEST_P(Matmul, WritesTheProductWhateverTheOperandsLayout) {
  for (const bool a_transposed : {false, true}) {
    for (const bool b_transposed : {false, true}) {
      const at::Tensor a = operand(shape().rows, shape().inner, a_transposed, 1);
      const at::Tensor b = operand(shape().inner, shape().columns, b_transposed, 2);
      const at::Tensor out = at::full({shape().rows, shape().columns}, NAN, a.options());
      ops::matmul(a, b, out);
      expect_product(out, at::full(out.sizes(), 0.0, at::kDouble), a, b);
    }
  }
}

TEST_P(Matmul, AddsTheProductToWhatIsThere) {
  for (const bool a_transposed : {false, true}) {
    const at::Tensor a = operand(shape().rows, shape().inner, a_transposed, 1);
    const at::Tensor b = operand(shape().inner, shape().columns, false, 2);
    const at::Tensor start = random_tensor({shape().rows, shape().columns}, type(), 3), out = start.clone();
    ops::matmul_add(a, b, out);
    expect_product(out, start, a, b);
  }
}

TEST_P(Matmul, WritesColumnsOfAWiderMatrixAndNothingElse) {
  const at::Tensor a = operand(shape().rows, shape().inner, false, 1);
  const at::Tensor b = operand(shape().inner, shape().columns, true, 2);
  const at::Tensor buffer = at::full({shape().rows, shape().columns + 10}, 7.0, a.options());
  const at::Tensor out = buffer.narrow(1, 5, shape().columns);
  ops::matmul(a, b, out);
  expect_product(out, at::full(out.sizes(), 0.0, at::kDouble), a, b);
  EXPECT_EQ(max_difference(buffer.narrow(1, 0, 5), at::full({shape().rows, 5}, 7.0, at::kDouble)), 0.0);
  EXPECT_EQ(
      max_difference(buffer.narrow(1, shape().columns + 5, 5), at::full({shape().rows, 5}, 7.0, at::kDouble)),
      0.0);
}

TEST(MatmulEdge, NoInnerDimensionWritesZerosAndAddsNothing) {
  const at::Tensor a = at::full({3, 0}, 1.0, at::kFloat), b = at::full({0, 4}, 1.0, at::kFloat);
  const at::Tensor out = at::full({3, 4}, 5.0, at::kFloat);
  ops::matmul_add(a, b, out);
  EXPECT_EQ(max_difference(out, at::full({3, 4}, 5.0, at::kFloat)), 0.0);
  ops::matmul(a, b, out);
  EXPECT_EQ(out.abs().max().item<double>(), 0.0);
}

TEST(MatmulEdge, ShapesOrTypesThatDoNotFitAreRefused) {
  const at::Tensor out = at::full({2, 4}, 0.0, at::kFloat);
  EXPECT_THROW(ops::matmul(at::full({2, 3}, 1.0, at::kFloat), at::full({2, 4}, 1.0, at::kFloat), out), Error);
  EXPECT_THROW(ops::matmul(at::full({2, 3}, 1.0, at::kDouble), at::full({3, 4}, 1.0, at::kFloat), out),
               Error);
}

TEST(MatmulSymbol, IsInTheLoadedLibtorch) { EXPECT_NO_THROW(ops::require_matmul()); }

TEST(MatmulSymbol, IsAskedForByNameWhenItIsMissing) {
  try {
    ops::require_symbol(nullptr);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kLauncher);
    EXPECT_NE(std::string(error.what()).find("mkldnn_matmul"), std::string::npos);
  }
}

}  // namespace
}  // namespace ropeway
