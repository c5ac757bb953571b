#include "parallel/comm/stop_point.h"

namespace ropeway {
namespace {

thread_local StopPoints* t_points = nullptr;

}  // namespace

void stop_point() {
  if (t_points != nullptr) t_points->pass_point();
}

AtWork::AtWork(StopPoints& points) { t_points = &points; }
AtWork::~AtWork() { t_points = nullptr; }

}  // namespace ropeway
