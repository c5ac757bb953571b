// How the page of a run looks: light, dark and on paper.
#pragma once

#include <string>

namespace ropeway::page {

std::string page_style();  // rules of a <style> element, those of the pictures among them

}  // namespace ropeway::page
