// cuDNN's graphs, which libtorch makes through NVIDIA's cudnn_frontend: descriptors that keep what they are
// given, one engine that takes every graph and needs no workspace of its own, and plans whose execution
// checks that every tensor of the graph is given in full, in device memory. What the frontend and libtorch
// refuse, they refuse.
#include <cudnn.h>

#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "tests/pretend_gpu/device_memory.h"
#include "tests/pretend_gpu/record.h"
#include "tests/pretend_gpu/streams.h"

using namespace ropeway::pretend;

struct cudnnContext {
  cudaStream_t stream = nullptr;
};

namespace {

struct Descriptor {
  cudnnBackendDescriptorType_t kind;
  struct Attribute {
    cudnnBackendAttributeType_t type;
    int64_t count;
    std::vector<char> bytes;
    std::vector<std::shared_ptr<Descriptor>> descriptors;  // instead of bytes
  };
  std::map<cudnnBackendAttributeName_t, Attribute> attributes;
  bool finalized = false;

  template <typename T>
  std::vector<T> all(cudnnBackendAttributeName_t name) const {
    const auto found = attributes.find(name);
    if (found == attributes.end()) return {};
    std::vector<T> values(static_cast<size_t>(found->second.count));
    std::memcpy(values.data(), found->second.bytes.data(),
                std::min(values.size() * sizeof(T), found->second.bytes.size()));
    return values;
  }
  template <typename T>
  T one(cudnnBackendAttributeName_t name, T otherwise) const {
    const auto found = attributes.find(name);
    if (found != attributes.end() && found->second.bytes.size() >= sizeof(T)) {
      std::memcpy(&otherwise, found->second.bytes.data(), sizeof(T));
    }
    return otherwise;
  }
};
using Shared = std::shared_ptr<Descriptor>;

// What the program holds is the address of a shared pointer: a descriptor may outlive its name in others.
Shared& held(cudnnBackendDescriptor_t descriptor) { return *static_cast<Shared*>(descriptor); }

size_t bytes_of(cudnnBackendAttributeType_t type) {
  switch (type) {
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_DOUBLE:
    case CUDNN_TYPE_VOID_PTR:
      return 8;
    case CUDNN_TYPE_BOOLEAN:
    case CUDNN_TYPE_CHAR:
      return 1;
    case CUDNN_TYPE_FRACTION:
      return 16;
    default:
      return 4;  // numbers of 32 bits and enumerations
  }
}

int64_t element_bytes(cudnnDataType_t type) {
  switch (type) {
    case CUDNN_DATA_HALF:
    case CUDNN_DATA_BFLOAT16:
      return 2;
    case CUDNN_DATA_FLOAT:
    case CUDNN_DATA_INT32:
      return 4;
    case CUDNN_DATA_DOUBLE:
    case CUDNN_DATA_INT64:
      return 8;
    default:
      complain(fmt::format("cuDNN: elements of type {}", static_cast<int>(type)));
  }
}

// All tensors that hang from a descriptor, by their unique number.
void collect_tensors(const Shared& from, std::map<int64_t, Shared>& tensors) {
  if (from->kind == CUDNN_BACKEND_TENSOR_DESCRIPTOR)
    tensors[from->one<int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID, 0)] = from;
  for (const auto& [name, attribute] : from->attributes) {
    for (const Shared& next : attribute.descriptors) collect_tensors(next, tensors);
  }
}

void expect_tensor(const Descriptor& tensor, int64_t id, const void* data) {
  const auto sizes = tensor.all<int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS);
  const auto strides = tensor.all<int64_t>(CUDNN_ATTR_TENSOR_STRIDES);
  int64_t elements = 1;
  std::string shape;
  for (size_t i = 0; i < sizes.size(); ++i) {
    elements += (sizes[i] - 1) * strides[i];
    shape += fmt::format(" {} ({} apart)", sizes[i], strides[i]);
  }
  const std::string what = fmt::format("cuDNN's tensor {},{}", id, shape);
  const auto alignment = static_cast<uintptr_t>(tensor.one<int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, 1));
  expect(reinterpret_cast<uintptr_t>(data) % alignment == 0, "{} at {}: it was declared aligned to {}", what,
         data, alignment);
  expect_device_memory(what.c_str(), data,
                       elements * element_bytes(tensor.one(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_DATA_FLOAT)));
}

template <typename T>
void give(T value, int64_t* count, void* to) {
  if (count != nullptr) *count = 1;
  if (to != nullptr) std::memcpy(to, &value, sizeof value);
}

// The one engine for the graph that a heuristic was asked about, in the configuration the caller made for it.
void give_engine(const Descriptor& heuristic, int64_t wanted, int64_t* count, void* to) {
  *count = 1;
  if (wanted < 1 || to == nullptr) return;
  Shared engine = std::make_shared<Descriptor>(Descriptor{CUDNN_BACKEND_ENGINE_DESCRIPTOR, {}, true});
  const auto graph = heuristic.attributes.find(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
  expect(graph != heuristic.attributes.end(), "cuDNN: a heuristic without a graph");
  engine->attributes[CUDNN_ATTR_ENGINE_OPERATION_GRAPH] = graph->second;
  Descriptor& configuration = *held(*static_cast<cudnnBackendDescriptor_t*>(to));
  configuration.attributes[CUDNN_ATTR_ENGINECFG_ENGINE] = {CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, {}, {engine}};
  configuration.finalized = true;
}

}  // namespace

extern "C" {

size_t cudnnGetVersion() { return static_cast<size_t>(setting("PRETEND_GPU_CUDNN", CUDNN_VERSION)); }

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  *handle = new cudnnContext;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  delete handle;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  expect_stream("cudnnSetStream", stream);
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnGetStream(cudnnHandle_t handle, cudaStream_t* stream) {
  *stream = handle->stream;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t kind,
                                           cudnnBackendDescriptor_t* descriptor) {
  *descriptor = new Shared(std::make_shared<Descriptor>(Descriptor{kind, {}, false}));
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) {
  delete static_cast<Shared*>(descriptor);
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor) {
  held(descriptor)->finalized = true;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count,
                                       const void* elements) {
  Descriptor::Attribute attribute{type, count, {}, {}};
  if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
    const auto* others = static_cast<const cudnnBackendDescriptor_t*>(elements);
    for (int64_t i = 0; i < count; ++i) attribute.descriptors.push_back(held(others[i]));
  } else if (count > 0) {
    const auto* bytes = static_cast<const char*>(elements);
    attribute.bytes.assign(bytes, bytes + static_cast<size_t>(count) * bytes_of(type));
  }
  held(descriptor)->attributes[name] = std::move(attribute);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t wanted, int64_t* count,
                                       void* elements) {
  const Descriptor& of = *held(descriptor);
  const auto found = of.attributes.find(name);
  if (name == CUDNN_ATTR_ENGINEHEUR_RESULTS) {
    give_engine(of, wanted, count, elements);
  } else if (found != of.attributes.end() && type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
    if (count != nullptr) *count = found->second.count;
    for (int64_t i = 0; elements != nullptr && i < std::min(wanted, found->second.count); ++i) {
      *held(static_cast<cudnnBackendDescriptor_t*>(elements)[i]) =
          *found->second.descriptors[static_cast<size_t>(i)];
    }
  } else if (found != of.attributes.end()) {
    if (count != nullptr) *count = found->second.count;
    const size_t bytes = static_cast<size_t>(std::min(wanted, found->second.count)) * bytes_of(type);
    if (elements != nullptr) std::memcpy(elements, found->second.bytes.data(), bytes);
  } else if (name == CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE || name == CUDNN_ATTR_ENGINE_GLOBAL_INDEX) {
    give<int64_t>(0, count, elements);
  } else if (name == CUDNN_ATTR_ENGINECFG_WORKSPACE_SIZE || name == CUDNN_ATTR_ENGINECFG_SHARED_MEMORY_USED) {
    give<int32_t>(0, count, elements);
  } else if (count != nullptr) {
    *count = 0;
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
                                  cudnnBackendDescriptor_t pack) {
  expect_stream("cuDNN", handle->stream);
  expect(held(plan)->finalized, "cuDNN: a plan is executed that was not finalized");
  std::map<int64_t, Shared> tensors;
  collect_tensors(held(plan), tensors);
  const auto ids = held(pack)->all<int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  const auto data = held(pack)->all<void*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  expect(ids.size() == data.size(), "cuDNN: {} numbers of tensors and {} addresses", ids.size(), data.size());
  std::map<int64_t, void*> given;
  for (size_t i = 0; i < ids.size(); ++i) given[ids[i]] = data[i];
  for (const auto& [id, tensor] : tensors) {
    if (tensor->one<bool>(CUDNN_ATTR_TENSOR_IS_VIRTUAL, false)) continue;
    const auto found = given.find(id);
    expect(found != given.end(), "cuDNN: tensor {} of the graph is not given", id);
    if (!tensor->one<bool>(CUDNN_ATTR_TENSOR_IS_BY_VALUE, false)) expect_tensor(*tensor, id, found->second);
  }
  ++record().launches;
  return CUDNN_STATUS_SUCCESS;
}

}  // extern "C"
