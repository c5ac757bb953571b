#include "trainer/files/json_fault.h"

namespace ropeway {

std::string json_fault(const std::exception& error) {
  const std::string text = error.what();
  const size_t mark = text.starts_with("[json.exception.") ? text.find("] ") : std::string::npos;
  return mark == std::string::npos ? text : text.substr(mark + 2);
}

}  // namespace ropeway
