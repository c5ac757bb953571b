// SHA-256 of bytes that arrive in pieces.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace ropeway {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(const void* data, size_t bytes);
  std::string finish();  // lower-case hex; once, after the last update

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ropeway
