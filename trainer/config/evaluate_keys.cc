// Keys of evaluate stages.
#include "trainer/config/key_rows.h"

namespace ropeway {
namespace {

template <auto Member>
Field evaluate(StageRecipe& s) {
  return field_at(s.evaluate().*Member);
}
template <auto Member>
Field benchmark(StageRecipe& s) {
  return field_at(s.evaluate().benchmarks.*Member);
}

}  // namespace

std::vector<RecipeKey> evaluate_keys() {
  using enum ValueType;
  using E = EvaluateRecipe;
  using B = BenchmarkRecipe;
  return {
      key("evaluate", "lengths", kLengthList, evaluate<&E::lengths>,
          {.low = 2, .high = kMaxLength, .required = true, .also = "length"}, "tokens per window"),
      key("evaluate", "tasks", kChoiceList, evaluate<&E::tasks>, {}, "what is measured"),
      key("evaluate", "factors", kFactorList, evaluate<&E::factors>, {.also = "sets"},
          "auto, none, pi, ntk, dynamic_ntk, yarn, llama3_ramp, mrrope_uni, mrrope_pro, cope, hard_clip, "
          "drope, "
          "sets made before, or stretched:SET"),
      key("evaluate", "windows", kInteger, evaluate<&E::windows>, {},
          "windows scored per length; 0: all that fit"),
      key("evaluate", "tokens", kInteger, evaluate<&E::tokens>, {},
          "tokens read per length (align: ends: at the longest one); 0: no limit"),
      key("evaluate", "target_tokens", kInteger, evaluate<&E::target_tokens>, {},
          "tokens scored per length, in as few windows as that takes; 0: no limit"),
      key("evaluate", "align", kChoice, evaluate<&E::align>, {},
          "ends: windows of all lengths end at the same places and score the same tokens; starts: disjoint "
          "windows of each length, scored in full; auto: ends where there are several lengths"),
      key("evaluate", "aligned_with", kLengthList, evaluate<&E::aligned_with>, {.low = 2, .high = kMaxLength},
          "align: ends, lengths of other stages whose windows are to end at the same places"),
      key("evaluate", "stride", kInteger, evaluate<&E::stride>, {.also = "sliding_window_stride"},
          "a window every so many tokens, which scores its last ones (LongRoPE's tables: 256); 0: off"),
      key("evaluate", "bos", kChoice, evaluate<&E::bos>, {.also = "add_bos add_bos_token"},
          "a BOS at the start of each window; auto: as data.bos says"),
      key("evaluate", "passkey_depths", kInteger, evaluate<&E::passkey_depths>, {.low = 1, .high = 1e4},
          "depths per length"),
      key("evaluate", "passkey_samples", kInteger, evaluate<&E::passkey_samples>, {.low = 1, .high = 1e6},
          "samples per depth"),
      key("evaluate", "haystack", kChoice, evaluate<&E::haystack>, {},
          "passkeys hide in the test text, or in the sentences of the published task"),
      key("evaluate", "needles", kInteger, evaluate<&E::needles>, {.low = 1, .high = 1000},
          "task needles: keyed needles in one pass, one per depth, each asked for at its end"),
      key("evaluate", "needle_passes", kInteger, evaluate<&E::needle_passes>, {.low = 1, .high = 1e6},
          "task needles: passes per length"),
      key("evaluate", "controls", kAllOrChoiceList, evaluate<&E::controls>, {},
          "tests of what the longer context is worth, at lengths beyond the original window"),
      key("evaluate", "control_windows", kInteger, evaluate<&E::control_windows>, {.low = 1, .high = 1e6},
          "windows that each control takes"),
      key("evaluate", "requests", kTextList, benchmark<&B::requests>, {},
          "files of questions with answers to choose from, scored at the original window"),
      key("evaluate", "request_limit", kInteger, benchmark<&B::request_limit>, {.also = "limit"},
          "the first so many questions of each file; 0: all"),
      key("evaluate", "ruler", kChoiceList, benchmark<&B::ruler>, {}, "tasks of RULER, at every length"),
      key("evaluate", "ruler_samples", kInteger, benchmark<&B::ruler_samples>, {.low = 1, .high = 1e6},
          "samples of each task and length"),
      key("evaluate", "ruler_prompt", kChoice, benchmark<&B::ruler_prompt>, {},
          "auto: chat where the model has a known template, else base; base: with a worked example in front"),
      key("evaluate", "ruler_questions", kText, benchmark<&B::ruler_questions>, {},
          "file of questions about paragraphs, for qa_1; for qa_2 the next key"),
      key("evaluate", "ruler_questions_2", kText, benchmark<&B::ruler_questions_2>, {},
          "file of questions about paragraphs, for qa_2"),
      key("evaluate", "longppl.evaluator", kText, benchmark<&B::longppl_evaluator>, {},
          "folder of the model that finds the key tokens; default: the one that is evaluated"),
      key("evaluate", "longppl.short", kLength, benchmark<&B::longppl_short>, {.low = 2, .high = kMaxLength},
          "tokens of the short context"),
      key("evaluate", "longppl.stride", kLength, benchmark<&B::longppl_stride>,
          {.low = 1, .high = kMaxLength}, "tokens between two short contexts"),
      key("evaluate", "longppl.gain", kNumber, benchmark<&B::longppl_gain>, {.high = 100, .also = "alpha"},
          "nats that a key token gains by the long context, at least"),
      key("evaluate", "longppl.floor", kNumber, benchmark<&B::longppl_floor>,
          {.low = -100, .high = 0, .also = "beta"}, "its log-probability behind the long context, at least"),
      key("evaluate", "gate.max_short_loss", kShare, benchmark<&B::max_short_loss>, {.high = 1},
          "the run fails where loss at the original window rose, or accuracy on requests fell, by more"),
      key("evaluate", "gate.against", kName, benchmark<&B::gate_against>, {},
          "the evaluate stage before this one that it is compared with; default: the first"),
  };
}

}  // namespace ropeway
