// What samples of RULER's tasks are drawn with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/base/random.h"
#include "trainer/tasks/ruler_sample.h"

namespace ropeway {

class RulerDice {
 public:
  // part: independent draws of one sample, so that what one of them takes does not shift another.
  RulerDice(RulerTask task, const RulerDraw& draw, uint64_t part);

  uint64_t below(uint64_t bound) { return random_.below(bound); }
  // `count` different numbers below `bound`, in the order drawn.
  std::vector<int64_t> sample(int64_t bound, int64_t count);
  template <typename Item>
  void shuffle(std::vector<Item>& items) {
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random_.below(i)]);
  }

  std::string letters(int64_t count, char first);  // count of the 26 from 'A' or 'a'
  std::string number();                            // 7 digits, the first not 0
  std::string uuid();                              // version 4: xxxxxxxx-xxxx-4xxx-[89ab]xxx-xxxxxxxxxxxx
  std::string key_words();                         // "adjective-noun"

 private:
  Philox random_;
};

}  // namespace ropeway
