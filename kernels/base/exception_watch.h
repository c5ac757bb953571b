// Whether an exception is on its way through an object's scope, for the object's destructor: several may be
// under way at once, and only those that began after the object was made count.
#pragma once

#include <exception>

namespace ropeway {

class ExceptionWatch {
 public:
  bool passing() const { return std::uncaught_exceptions() > before_; }

 private:
  int before_ = std::uncaught_exceptions();
};

}  // namespace ropeway
