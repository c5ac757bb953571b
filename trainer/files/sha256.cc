#include "trainer/files/sha256.h"

#include <openssl/evp.h>

#include "kernels/base/error.h"
#include "parallel/board/position.h"

namespace ropeway {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() {
    ROPEWAY_CHECK(context != nullptr && EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1, "no SHA-256");
  }
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(const void* data, size_t bytes) {
  Position::here().tick();
  ROPEWAY_CHECK(EVP_DigestUpdate(state_->context, data, bytes) == 1, "SHA-256 update");
}

std::string Sha256::finish() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  ROPEWAY_CHECK(EVP_DigestFinal_ex(state_->context, digest, &length) == 1, "SHA-256 finish");
  static constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) {
    hex += kHex[digest[i] >> 4];
    hex += kHex[digest[i] & 15];
  }
  return hex;
}

}  // namespace ropeway
