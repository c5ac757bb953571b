// What to do about an error, as it is written on the command line or in a recipe.
#pragma once

#include <exception>
#include <string>

#include "kernels/base/error.h"

namespace ropeway {

// "use --fresh to start anew"; "" for none.
std::string words_for(WayOut way_out);

// Of a run that holds what no longer fits.
std::string words_for_changed_run();

// The message of any exception, with what to do about it.
std::string message_of(const std::exception_ptr& error);

}  // namespace ropeway
