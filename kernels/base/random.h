// Counter-based random numbers (Philox4x32-10; Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011). A draw is a pure function of (seed, stream, a, b, draw number): neither order nor the number of
// ranks matters, and a resumed run needs no generator state beyond its own counters.
#pragma once

#include <array>
#include <cstdint>

namespace ropeway {

// One value per independent use, so that two uses never share numbers.
enum class Stream : uint32_t {
  kInit = 1,      // weight initialisation
  kWindow = 2,    // which training window
  kPasskey = 3,   // passkey digits and depths in training windows
  kMutation = 4,  // evolution
  kCrossover = 5,
  kSearchData = 6,  // documents drawn for gradient steps
  kEvaluation = 7,  // passkey evaluation samples
  kPassOrder = 8,   // the order of documents in a pass over the training text
  kPassShare = 9,   // which passes a document is in whose source has a weight that is no whole number
  kSampling = 12,   // tokens of generated text
};

// The bare block function: 4 x 32 random bits for a 128-bit counter and a 64-bit key.
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// Sequence of draws named by (seed, stream, a, b).
class Philox {
 public:
  Philox(uint64_t seed, Stream stream, uint64_t a = 0, uint32_t b = 0);

  uint32_t next_u32();
  uint64_t next_u64();
  double uniform();                // [0, 1), 53 bits
  double normal();                 // mean 0, variance 1 (Box-Muller)
  uint64_t below(uint64_t bound);  // 0 .. bound-1, unbiased

 private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> block_{};
  int used_ = 4;
  double spare_normal_ = 0;
  bool has_spare_ = false;
};

}  // namespace ropeway
