// The pretend GPU tells what no GPU would stand, and answers as a GPU where the answer is an error.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "kernels/mlp/swiglu_cuda.h"
#include "tests/pretend_gpu/pretend_gpu.h"

namespace ropeway::pretend {
namespace {

char* device_memory(size_t bytes) {
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, bytes), cudaSuccess);
  return static_cast<char*>(memory);
}

constexpr size_t kBytes = 2 << 20;
const auto kComplains = ::testing::ExitedWithCode(kComplaintExit);

TEST(PretendGpuDeathTest, HostMemoryWhereDeviceMemoryIsWanted) {
  char host[16], *device = device_memory(kBytes);
  EXPECT_EXIT(cudaMemcpy(host, device, 16, cudaMemcpyDeviceToDevice), kComplains, "host memory");
  EXPECT_EXIT(cudaMemcpy(device, device, 16, cudaMemcpyHostToDevice), kComplains, "device memory");
  EXPECT_EXIT(cudaMemset(host, 0, 16), kComplains, "is not device memory");
}

TEST(PretendGpuDeathTest, BeyondAnAllocation) {
  char* device = device_memory(kBytes);
  EXPECT_EXIT(cudaMemset(device + 100, 0, kBytes), kComplains, "the last 100 are in no allocation");
}

TEST(PretendGpuDeathTest, UseAfterFree) {
  char* device = device_memory(kBytes);
  cudaFree(device);
  EXPECT_EXIT(cudaMemset(device, 0, 1), kComplains, "in no allocation");
  EXPECT_EXIT(cudaFree(device), kComplains, "no allocation begins");
}

TEST(PretendGpuDeathTest, HostCodeReadsDeviceMemory) {
  const volatile char* device = device_memory(kBytes);
  EXPECT_DEATH(static_cast<void>(*device), "");
}

TEST(PretendGpuDeathTest, StreamsAndEventsThatAreGone) {
  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  EXPECT_EQ(cudaEventRecord(event, stream), cudaSuccess);
  cudaStreamDestroy(stream);
  EXPECT_EXIT(cudaEventRecord(event, stream), kComplains, "is no stream");
  cudaEventDestroy(event);
  EXPECT_EXIT(cudaEventQuery(event), kComplains, "is no event");
}

TEST(PretendGpuDeathTest, WhatIsNoKernelIsNotLaunched) {
  EXPECT_EXIT(cudaLaunchKernel(reinterpret_cast<void*>(&device_memory), {1}, {32}, nullptr, 0, nullptr),
              kComplains, "is no kernel");
}

// A kernel of this program, over memory of the wrong side, at an address that cannot be taken for a number
// (launches.cc, is_address).
TEST(PretendGpuDeathTest, HostMemoryInAKernelsArguments) {
  void* const wish = reinterpret_cast<void*>(0x123456780000);
  void* const memory = mmap(wish, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto* const host = static_cast<float*>(memory);
  char* device = device_memory(kBytes);
  const auto call = [&](float* written) {
    cuda::swiglu_forward<float>({.gate_up = reinterpret_cast<float*>(device) + 16,
                                 .gate_up_stride = 64,
                                 .rows = 1,
                                 .width = 32,
                                 .out = written,
                                 .out_stride = 32},
                                nullptr);
  };
  call(reinterpret_cast<float*>(device) + 1024);
  EXPECT_EXIT(call(host + 16), kComplains, "is host memory");
  munmap(memory, kBytes);
  cudaFree(device);
  EXPECT_EXIT(call(reinterpret_cast<float*>(device) + 1024), kComplains, "in no allocation");
}

TEST(PretendGpu, KeepsWhatIsCopied) {
  char there[] = "to the device", back[sizeof there] = "";
  char* device = device_memory(kBytes);
  cudaMemcpy(device + 7, there, sizeof there, cudaMemcpyHostToDevice);
  cudaMemcpy(device + 1000, device + 7, sizeof there, cudaMemcpyDeviceToDevice);
  cudaMemcpy(back, device + 1000, sizeof there, cudaMemcpyDefault);
  EXPECT_STREQ(back, there);
  cudaFree(device);
}

// Large copies of memory that was never written leave zeros where they go.
TEST(PretendGpu, KeepsWhatIsCopiedSparsely) {
  constexpr size_t kLarge = 64 << 20;
  char *device = device_memory(kLarge), *other = device_memory(kLarge);
  void* pinned = nullptr;
  ASSERT_EQ(cudaHostAlloc(&pinned, kLarge, 0), cudaSuccess);
  auto* host = static_cast<char*>(pinned);
  host[kLarge - 1] = 5;
  cudaMemcpy(device, host, kLarge, cudaMemcpyHostToDevice);
  cudaMemcpy(host, other, kLarge, cudaMemcpyDeviceToHost);
  EXPECT_EQ(host[kLarge - 1], 0);
  cudaMemcpy(host, device, kLarge, cudaMemcpyDeviceToHost);
  EXPECT_EQ(host[kLarge - 1], 5);
  cudaMemcpy(device, other, kLarge, cudaMemcpyDeviceToDevice);
  cudaMemcpy(host, device, kLarge, cudaMemcpyDeviceToHost);
  EXPECT_EQ(host[kLarge - 1], 0);
  cudaFreeHost(pinned);
  cudaFree(device);
  cudaFree(other);
}

TEST(PretendGpu, ErrorsAreMetOnce) {
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, size_t{1} << 40), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST(PretendGpu, CountsWaits) {
  cudaStream_t stream = nullptr;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  char *device = device_memory(kBytes), host[16] = {};
  void* pinned = nullptr;
  cudaHostAlloc(&pinned, kBytes, 0);
  const auto waits_of = [](const auto& call) {
    const int64_t before = counts().waits;
    call();
    return counts().waits - before;
  };
  EXPECT_EQ(waits_of([&] { cudaMemcpyAsync(device, pinned, kBytes, cudaMemcpyDefault, stream); }), 0);
  EXPECT_EQ(waits_of([&] { cudaMemcpyAsync(pinned, device, kBytes, cudaMemcpyDefault, stream); }), 0);
  EXPECT_EQ(waits_of([&] { cudaMemcpyAsync(device, host, 16, cudaMemcpyDefault, stream); }), 0);
  EXPECT_EQ(waits_of([&] { cudaMemcpyAsync(host, device, 16, cudaMemcpyDefault, stream); }), 1);
  EXPECT_EQ(waits_of([&] { cudaMemcpy(device, pinned, 16, cudaMemcpyDefault); }), 1);
  EXPECT_EQ(waits_of([&] { cudaStreamSynchronize(stream); }), 1);
  EXPECT_EQ(waits_of([&] { cudaDeviceSynchronize(); }), 1);
}

}  // namespace
}  // namespace ropeway::pretend
