# CUDA is part of the build or left out, decided here. ROPEWAY_CUDA: AUTO (if nvcc, its toolkit and a libtorch with CUDA
# are found), ON (an error if they are not), OFF. No GPU is needed to build. ROPEWAY_WITH_CUDA says what came of it;
# ropeway_library() takes the sources of its CUDA list or of its NO_CUDA list by it.
set(ROPEWAY_CUDA AUTO CACHE STRING "CUDA kernels: AUTO, ON or OFF")
set_property(CACHE ROPEWAY_CUDA PROPERTY STRINGS AUTO ON OFF)
if(NOT ROPEWAY_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "ROPEWAY_CUDA is '${ROPEWAY_CUDA}': AUTO, ON or OFF wanted")
endif()
set(ROPEWAY_WITH_CUDA OFF)
if(ROPEWAY_CUDA STREQUAL "OFF")
  return()
endif()

find_program(ROPEWAY_NVCC nvcc HINTS ENV CUDA_HOME PATHS /usr/local/cuda PATH_SUFFIXES bin)
mark_as_advanced(ROPEWAY_NVCC)
find_package(CUDAToolkit 13.0 QUIET)
# NCCL comes with libtorch, its header in the wheel next to it or in the toolkit.
find_path(ROPEWAY_NCCL_INCLUDE_DIR nccl.h HINTS ${TORCH_ROOT}/../nvidia/nccl/include ${CUDAToolkit_INCLUDE_DIRS})
mark_as_advanced(ROPEWAY_NCCL_INCLUDE_DIR)
set(lacking "")
if(NOT ROPEWAY_NVCC OR NOT CUDAToolkit_FOUND)
  set(lacking "no nvcc of CUDA 13 was found (PATH, CUDA_HOME, /usr/local/cuda)")
elseif(NOT EXISTS "${TORCH_ROOT}/lib/libc10_cuda.so")
  set(lacking "libtorch at ${TORCH_ROOT} is one without CUDA")
elseif(NOT ROPEWAY_NCCL_INCLUDE_DIR)
  set(lacking "nccl.h was found neither in the toolkit nor in the wheel nvidia-nccl-cu13 next to libtorch")
endif()
if(lacking)
  if(ROPEWAY_CUDA STREQUAL "ON")
    message(FATAL_ERROR "ROPEWAY_CUDA is ON, but ${lacking}")
  endif()
  message(STATUS "CUDA left out: ${lacking}")
  return()
endif()

# Which GPUs machine code is made for: 80 A100, 90 H100 and H200, 100 B200. Several: "80-real;90-real;100-real".
set(CMAKE_CUDA_ARCHITECTURES "90-real" CACHE STRING "GPUs to make code for: 80-real, 90-real, 100-real")
set(CMAKE_CUDA_COMPILER ${ROPEWAY_NVCC})
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)  # the one libtorch uses
enable_language(CUDA)
if(CMAKE_VERSION VERSION_LESS 3.26 AND NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  # CMake 3.25 does not know that nvcc 12 and later take C++20.
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
# constexpr functions of the standard library in device code.
add_compile_options("$<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr>")

# What calls CUDA through libtorch links libc10_cuda (streams; it needs libcudart only, which libtorch_cpu needs
# anyhow). libtorch_cuda itself, with cuBLAS, cuDNN and NCCL behind it, is not linked: kernels/ops/cuda_backend.h loads
# it when a run asks for a GPU, so that a machine without one neither needs those libraries nor waits for them.
add_library(torch_c10_cuda_imported SHARED IMPORTED)
set_target_properties(torch_c10_cuda_imported PROPERTIES IMPORTED_LOCATION "${TORCH_ROOT}/lib/libc10_cuda.so")
add_library(torch_cuda INTERFACE)
add_library(torch::cuda ALIAS torch_cuda)
target_link_libraries(torch_cuda INTERFACE torch_cpu torch_c10_cuda_imported CUDA::cudart)
set(ROPEWAY_WITH_CUDA ON)
message(STATUS "CUDA ${CMAKE_CUDA_COMPILER_VERSION}, machine code for ${CMAKE_CUDA_ARCHITECTURES}")
