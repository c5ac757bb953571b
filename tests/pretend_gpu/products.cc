// cuBLAS and cuBLASLt: matrix products that are checked and not computed. Descriptors are those of the real
// cuBLASLt, which makes them without a device.
#include <cublasLt.h>
#include <cublas_v2.h>
#include <dlfcn.h>

#include "tests/pretend_gpu/device_memory.h"
#include "tests/pretend_gpu/record.h"
#include "tests/pretend_gpu/streams.h"

using namespace ropeway::pretend;

struct cublasContext {
  cudaStream_t stream = nullptr;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
  cublasPointerMode_t scalars = CUBLAS_POINTER_MODE_HOST;
};

namespace {

int64_t element_bytes(const char* call, cudaDataType type) {
  switch (type) {
    case CUDA_R_16BF:
    case CUDA_R_16F:
      return 2;
    case CUDA_R_32F:
      return 4;
    case CUDA_R_64F:
      return 8;
    default:
      complain(fmt::format("{}: elements of cudaDataType {}", call, static_cast<int>(type)));
  }
}

// Column by column, `ld` elements apart; a batch of them `stride` elements apart.
struct Matrix {
  const void* data;
  cudaDataType type;
  int64_t rows, columns, ld, stride = 0;
};

void expect_matrix(const char* call, const char* which, const Matrix& m, int64_t batch) {
  expect(m.rows > 0 && m.columns > 0 && batch > 0, "{}: {} is {} x {}, {} of them", call, which, m.rows,
         m.columns, batch);
  expect(m.ld >= m.rows, "{}: {} has {} rows and columns {} elements apart", call, which, m.rows, m.ld);
  const int64_t bytes = element_bytes(call, m.type);
  expect(reinterpret_cast<uintptr_t>(m.data) % static_cast<uintptr_t>(bytes) == 0, "{}: {} lies at {}", call,
         which, m.data);
  const int64_t elements = (m.columns - 1) * m.ld + m.rows + (batch - 1) * m.stride;
  expect_device_memory(
      fmt::format("{}, {} of {} x {} (columns {} apart)", call, which, m.rows, m.columns, m.ld).c_str(),
      m.data, elements * bytes);
}

// C [m, n] = op(A) [m, k] op(B) [k, n]
struct Product {
  cublasOperation_t a_op, b_op;
  int64_t m, n, k;
  Matrix a, b, c;  // rows and columns are filled in
  int64_t batch = 1;
};

cublasStatus_t multiply(const char* call, cublasHandle_t handle, const void* alpha, const void* beta,
                        Product p) {
  expect_stream(call, handle->stream);
  for (const void* scalar : {alpha, beta}) {
    expect(is_device_address(scalar) == (handle->scalars == CUBLAS_POINTER_MODE_DEVICE),
           "{}: a scalar on the wrong side", call);
  }
  const auto shape = [](Matrix& matrix, bool transposed, int64_t rows, int64_t columns) {
    matrix.rows = transposed ? columns : rows;
    matrix.columns = transposed ? rows : columns;
  };
  shape(p.a, p.a_op != CUBLAS_OP_N, p.m, p.k);
  shape(p.b, p.b_op != CUBLAS_OP_N, p.k, p.n);
  shape(p.c, false, p.m, p.n);
  expect_matrix(call, "A", p.a, p.batch);
  expect_matrix(call, "B", p.b, p.batch);
  expect_matrix(call, "C", p.c, p.batch);
  ++record().products;
  return CUBLAS_STATUS_SUCCESS;
}

// result = x . y
cublasStatus_t dot(const char* call, cublasHandle_t handle, cudaDataType type, int64_t n, const void* x,
                   int64_t x_step, const void* y, int64_t y_step, const void* result) {
  expect_stream(call, handle->stream);
  expect(is_device_address(result) == (handle->scalars == CUBLAS_POINTER_MODE_DEVICE),
         "{}: a result on the wrong side", call);
  // A vector is a matrix of one row.
  expect_matrix(call, "x", {x, type, 1, n, x_step}, 1);
  expect_matrix(call, "y", {y, type, 1, n, y_step}, 1);
  if (handle->scalars == CUBLAS_POINTER_MODE_HOST) host_waits();
  return CUBLAS_STATUS_SUCCESS;
}

Matrix layout_of(const char* call, const void* data, cublasLtMatrixLayout_t layout) {
  static const auto get = reinterpret_cast<decltype(&cublasLtMatrixLayoutGetAttribute)>(
      dlsym(RTLD_DEFAULT, "cublasLtMatrixLayoutGetAttribute"));
  expect(get != nullptr, "cuBLASLt is not in the process");
  Matrix m{data, CUDA_R_32F, 0, 0, 0};
  uint32_t type = 0;
  const auto read = [&](cublasLtMatrixLayoutAttribute_t attribute, auto& value) {
    size_t written = 0;
    expect(get(layout, attribute, &value, sizeof value, &written) == CUBLAS_STATUS_SUCCESS,
           "{}: a layout without attribute {}", call, static_cast<int>(attribute));
  };
  read(CUBLASLT_MATRIX_LAYOUT_TYPE, type);
  read(CUBLASLT_MATRIX_LAYOUT_ROWS, m.rows);
  read(CUBLASLT_MATRIX_LAYOUT_COLS, m.columns);
  read(CUBLASLT_MATRIX_LAYOUT_LD, m.ld);
  m.type = static_cast<cudaDataType>(type);
  return m;
}

}  // namespace

extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  *handle = new cublasContext;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  expect_stream("cublasSetStream", stream);
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t, void* workspace, size_t bytes) {
  expect_device_memory("cublasSetWorkspace", workspace, static_cast<int64_t>(bytes));
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t math) {
  handle->math = math;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t* math) {
  *math = handle->math;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t mode) {
  handle->scalars = mode;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasGetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t* mode) {
  *mode = handle->scalars;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSgemm_v2(cublasHandle_t handle, cublasOperation_t a_op, cublasOperation_t b_op, int m,
                              int n, int k, const float* alpha, const float* a, int lda, const float* b,
                              int ldb, const float* beta, float* c, int ldc) {
  return multiply("cublasSgemm", handle, alpha, beta,
                  {a_op,
                   b_op,
                   m,
                   n,
                   k,
                   {a, CUDA_R_32F, 0, 0, lda},
                   {b, CUDA_R_32F, 0, 0, ldb},
                   {c, CUDA_R_32F, 0, 0, ldc}});
}

cublasStatus_t cublasDgemm_v2(cublasHandle_t handle, cublasOperation_t a_op, cublasOperation_t b_op, int m,
                              int n, int k, const double* alpha, const double* a, int lda, const double* b,
                              int ldb, const double* beta, double* c, int ldc) {
  return multiply("cublasDgemm", handle, alpha, beta,
                  {a_op,
                   b_op,
                   m,
                   n,
                   k,
                   {a, CUDA_R_64F, 0, 0, lda},
                   {b, CUDA_R_64F, 0, 0, ldb},
                   {c, CUDA_R_64F, 0, 0, ldc}});
}

cublasStatus_t cublasSdot_v2(cublasHandle_t handle, int n, const float* x, int x_step, const float* y,
                             int y_step, float* result) {
  return dot("cublasSdot", handle, CUDA_R_32F, n, x, x_step, y, y_step, result);
}
cublasStatus_t cublasDdot_v2(cublasHandle_t handle, int n, const double* x, int x_step, const double* y,
                             int y_step, double* result) {
  return dot("cublasDdot", handle, CUDA_R_64F, n, x, x_step, y, y_step, result);
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t a_op, cublasOperation_t b_op, int m,
                            int n, int k, const void* alpha, const void* a, cudaDataType a_type, int lda,
                            const void* b, cudaDataType b_type, int ldb, const void* beta, void* c,
                            cudaDataType c_type, int ldc, cublasComputeType_t, cublasGemmAlgo_t) {
  return multiply(
      "cublasGemmEx", handle, alpha, beta,
      {a_op, b_op, m, n, k, {a, a_type, 0, 0, lda}, {b, b_type, 0, 0, ldb}, {c, c_type, 0, 0, ldc}});
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t a_op,
                                          cublasOperation_t b_op, int m, int n, int k, const void* alpha,
                                          const void* a, cudaDataType a_type, int lda, long long a_stride,
                                          const void* b, cudaDataType b_type, int ldb, long long b_stride,
                                          const void* beta, void* c, cudaDataType c_type, int ldc,
                                          long long c_stride, int batch, cublasComputeType_t,
                                          cublasGemmAlgo_t) {
  return multiply("cublasGemmStridedBatchedEx", handle, alpha, beta,
                  {a_op,
                   b_op,
                   m,
                   n,
                   k,
                   {a, a_type, 0, 0, lda, a_stride},
                   {b, b_type, 0, 0, ldb, b_stride},
                   {c, c_type, 0, 0, ldc, c_stride},
                   batch});
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatrixLayout_t, cublasLtMatmulPreference_t, int,
                                              cublasLtMatmulHeuristicResult_t results[], int* found) {
  results[0] = {};
  results[0].state = CUBLAS_STATUS_SUCCESS;
  *found = 1;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t, const void*, const void* a,
                              cublasLtMatrixLayout_t a_layout, const void* b, cublasLtMatrixLayout_t b_layout,
                              const void*, const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t*, void* workspace,
                              size_t workspace_bytes, cudaStream_t stream) {
  constexpr auto kCall = "cublasLtMatmul";
  expect_stream(kCall, stream);
  expect_device_memory(kCall, workspace, static_cast<int64_t>(workspace_bytes));
  expect_matrix(kCall, "A", layout_of(kCall, a, a_layout), 1);
  expect_matrix(kCall, "B", layout_of(kCall, b, b_layout), 1);
  if (c != nullptr) expect_matrix(kCall, "C", layout_of(kCall, c, c_layout), 1);
  expect_matrix(kCall, "D", layout_of(kCall, d, d_layout), 1);
  ++record().products;
  return CUBLAS_STATUS_SUCCESS;
}

}  // extern "C"
