// What a chat format says: a row of chat_format.cc, which render_turns.cc writes turns by. Inside this folder.
#pragma once

#include <string_view>
#include <vector>

#include "trainer/data/chat_format.h"

namespace ropeway {

// Strings of the format's own; "{bos}" and "{eos}" stand for these tokens' texts. Each special token is a
// string of its own, so that its place among the ids is known.
using Pieces = std::vector<std::string_view>;

struct ChatFormat {
  ChatFormatName name;
  Pieces start = {};  // before the first turn
  // A user's turn and a system turn: before and behind what they say.
  Pieces user, user_end;
  Pieces system = {}, system_end = {};
  // The assistant's: its end is scored up to and with the token that tells the model to stop.
  Pieces assistant, assistant_end, behind_assistant = {};
  Pieces end = {};                                   // behind the last turn
  bool trims_user = false, trims_assistant = false;  // white space around what is said
  bool alternates = false;
  enum class System {
    kAnyTurn,    // a turn of its own, wherever it stands
    kFirstUser,  // the first turn only: before what the first user says, within its turn
    kHeader,     // header, what a first turn of the system says, header_end: always there. Further ones are
                 // turns, or refused where the template drops them, which is where `system` is empty
    kGathered,   // header, all turns of the system wherever they stand, header_end: always there
    kRefused,
  } system_place = System::kAnyTurn;
  Pieces header = {}, header_end = {};
  std::string_view default_system = {};  // said where no turn of the system comes first
  bool skips_empty_system = false;
  // What an answer says between <think> and </think>. Answers to the last user keep it, the last one also
  // when it is empty; earlier answers go without.
  enum class Thoughts {
    kText,      // is text like any other
    kSaid,      // the assistant opens it
    kPrompted,  // the prompt ends with its opening
    kByMode,    // is text; what the system says may hold a mode, /think or /no_think, in which prompts end
                // with an empty pair
  } thoughts = Thoughts::kText;
  bool last_answer_is_open = false;  // what is behind the assistant's end is not behind the last turn
  // An answer ends with the first token of the user's next turn, which stands behind the last answer too: the
  // template writes none there, and the makers' own fine-tuning adds it.
  bool user_ends_answer = false;
  std::string_view thinking_system = {};  // of kByMode: the default in the mode that thinks
};

}  // namespace ropeway
