// What `ropeway status` and a dry run print: what each stage of a run is, what becomes of it, and why.
#pragma once

#include <string>

#include "trainer/config/recipe.h"
#include "trainer/stages/run_outlook.h"

namespace ropeway {

//   tune      finetune  goes on  after step 100 of 200
//                                steps: there 100, here 200
//   research  search    again    starts from tune
// dry: of what a run would do now, with what it would have to be allowed.
std::string status_text(const Recipe& recipe, const RunOutlook& outlook, bool dry);

}  // namespace ropeway
