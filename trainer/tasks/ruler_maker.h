// Samples of RULER's tasks as token ids: as much haystack as a length has room for, with what the answer may
// take, put to the model as plain text, behind a worked example, or as a turn of a conversation.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/data/chat_template.h"
#include "trainer/tasks/ruler_sample.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {

struct RulerCase {
  std::vector<int32_t> prompt;       // up to where the answer begins
  std::vector<int32_t> with_answer;  // the same and a right answer behind it, encoded as one text
  int64_t answer = 0;                // how many of these, at the end, are the answer's
  std::vector<std::string> answers;  // RulerSample::answers
  int64_t units = 0;                 // of haystack
};

struct RulerMakerOptions {
  int64_t length = 0;  // tokens: prompt and what the answer may take
  uint64_t seed = 0;
  RulerPrompt prompt = RulerPrompt::kAuto;
  std::vector<int32_t> start = {};  // in front of every prompt that is no conversation, such as a BOS
  int64_t vocab_size = 0;
};

class RulerMaker {
 public:
  // Keeps references. chat: the model's template, for kAuto and kChat. Throws kConfig for kChat where its
  // template is not a known one, kBadData where the task needs prose or questions and there are none.
  RulerMaker(RulerTask task, const RulerSources& sources, const Tokenizer& tokenizer,
             const ChatTemplate& chat, RulerMakerOptions options);

  // A pure function of the options and the index. Throws kConfig where not even the task's smallest haystack
  // fits.
  RulerCase make(int64_t index) const;

  // Those of make(index), without its haystack.
  std::vector<std::string> answers(int64_t index) const;

  RulerPrompt prompt() const { return options_.prompt; }  // as chosen; never kAuto

 private:
  RulerCase encode(const RulerSample& sample, int64_t units) const;
  std::string worked_example(int64_t index) const;
  std::string tracking_example(int64_t index) const;
  int64_t tokens(const std::string& text) const;

  const RulerTask task_;
  const RulerSources& sources_;
  const Tokenizer& tokenizer_;
  const ChatTemplate& chat_;
  RulerMakerOptions options_;
};

}  // namespace ropeway
