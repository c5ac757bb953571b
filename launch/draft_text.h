// A drafted recipe as a file to change: YAML with the reasons behind its values.
#pragma once

#include <string>

namespace ropeway {

struct RecipeDraft;
struct DraftRequest;

std::string draft_text(const RecipeDraft& draft, const DraftRequest& request);

}  // namespace ropeway
