// What a recipe says about the machine: the device, how ranks share the work, what the engine keeps in
// memory.
#pragma once

#include <cstdint>

#include "parallel/layout/placement.h"
#include "trainer/config/choices.h"

namespace ropeway {

enum class DeviceKind { kCpu, kCuda };
template <>
struct ChoiceTable<DeviceKind> {
  using enum DeviceKind;
  static constexpr Choice<DeviceKind> choices[] = {{kCpu, "cpu"}, {kCuda, "cuda"}};
};

template <>
struct ChoiceTable<Placement> {
  using enum Placement;
  static constexpr Choice<Placement> choices[] = {
      {kBalanced, "balanced"}, {kZigzag, "zigzag"}, {kContiguous, "contiguous"}};
};

struct MeshRecipe {
  int data = 1;
  int sequence = 0;  // 0: ring * heads where both are given, else all ranks / data
  int ring = 0;      // 0: sequence / heads
  int heads = 0;  // 0: sequence / ring where both are given, else by the hosts (trainer/plan/choose_mesh.h)
  Placement placement = Placement::kBalanced;
};

// Where what backward needs of each block waits. kAuto: in host memory if only that fits.
enum class ActivationsPlace { kAuto, kDevice, kHost };
template <>
struct ChoiceTable<ActivationsPlace> {
  using enum ActivationsPlace;
  static constexpr Choice<ActivationsPlace> choices[] = {
      {kAuto, "auto"}, {kDevice, "device"}, {kHost, "host"}};
};

struct EngineRecipe {
  bool save_attention = true;
  int tile_tokens = 0, loss_tile_tokens = 0;  // 0: by the memory there is
  int64_t keep_bytes = -1;      // of token-wise results kept for backward; -1: by the memory there is
  int64_t hang_seconds = 1800;  // until a transfer between GPUs that its neighbours keep waiting is given up
  ActivationsPlace activations = ActivationsPlace::kAuto;
  int compare_every = 20;  // steps from one comparison of the ranks' copies to the next; 0: never
  int head_groups = 0;     // of attention, one after the other; 0: by the memory there is
  int zero = 0;            // stage of what training ranks share out among them; 0: by the memory there is
};

}  // namespace ropeway
