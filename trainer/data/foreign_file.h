// Files that hold no text, or hold it in a form that is not read here: known by their first bytes, refused by
// what they are, with a line of shell that turns them into JSON lines or text.
#pragma once

#include <string>
#include <string_view>

#include "trainer/data/packing.h"

namespace ropeway {

// front: the first bytes of the content, unpacked, 512 if there are as many. around: how the file that holds
// it is packed; the line then unpacks it. Throws kBadData "NAME: is a Parquet file, wanted ...: python3 -c ...".
// Silent about what it does not know.
void refuse_foreign_content(std::string_view front, const std::string& name, Compression around);

}  // namespace ropeway
