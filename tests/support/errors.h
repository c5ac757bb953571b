// Errors by kind, text and way out.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/base/error.h"

namespace ropeway {

// The error that `work` throws; nullopt when it throws none.
inline std::optional<Error> error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

inline void expect_error(ErrorKind kind, const std::vector<std::string>& fragments,
                         const std::function<void()>& work, std::optional<WayOut> way_out = {}) {
  const std::optional<Error> error = error_of(work);
  if (!error) {
    ADD_FAILURE() << "no error; wanted one with '" << (fragments.empty() ? "" : fragments.front()) << "'";
    return;
  }
  EXPECT_EQ(error->kind(), kind) << error->what();
  EXPECT_EQ(error->way_out(), way_out.value_or(error->way_out())) << error->what();
  for (const std::string& fragment : fragments) EXPECT_THAT(error->what(), testing::HasSubstr(fragment));
}

}  // namespace ropeway
