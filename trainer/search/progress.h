// What a search tells while it runs, and what it is told.
#pragma once

#include <functional>
#include <string>

namespace ropeway {

struct SearchProgress {
  std::string phase;               // "seeds", "temperature", "gradient", "evolution", "finalists"
  double best = 0;                 // nats per token; infinite before the first figure
  double spent = 0, expected = 0;  // forward equivalents so far, and in all
  // What `best` is a mean over: "ranking document 1". Empty: nothing was scored in this phase yet.
  std::string best_on = {};
  // Where its candidate comes from and its loss, of the evaluation that is over; empty: a phase begins.
  std::string candidate = {};
  double loss = 0;
};

struct SearchHooks {
  std::function<void(const SearchProgress&)> progress =
      {};  // when a phase begins, and after every evaluation; may be empty
  // Asked between evaluations, on every rank; true on any of them ends the search with an Error of kind
  // kStopped. May be empty.
  std::function<bool()> should_stop = {};
};

}  // namespace ropeway
