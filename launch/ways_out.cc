#include "launch/ways_out.h"

#include "launch/export_refusal_words.h"
#include "launch/memory_words.h"
#include "trainer/data/chat_template.h"
#include "trainer/formats/hf/model_dir.h"
#include "trainer/stages/run_refusals.h"

namespace ropeway {

std::string words_for(WayOut way_out) {
  switch (way_out) {
    case WayOut::kNone:
      return "";
    case WayOut::kRunAgain:
      return "run the same command again to go on";
    case WayOut::kStartAnew:
      return "use --fresh to start anew";
    case WayOut::kOtherRun:
      return "use --fresh to move it aside, or another run_dir";
    case WayOut::kReplaceOutput:
      return "--force replaces it";
    case WayOut::kAttendFully:
      return "to attend through the window, as the model was trained: "
             "model: {sliding_window: honour} in a recipe, --sliding-window honour for evaluate; "
             "to attend fully, as LongRoPE does with Mistral: "
             "model: {sliding_window: full}, --sliding-window full";
    case WayOut::kStoreBF16:
      return "use --dtype bf16";
    case WayOut::kExportPlain:
      return "use --factors none or --format hf";
    case WayOut::kRankPerGpu:
      return "mpirun --map-by ppr:N:node starts N ranks on each host";
    case WayOut::kStartWithPmix:
      return "use srun --mpi=pmix, or mpirun";
  }
  fail(ErrorKind::kInternal, "a way out without words");
}

std::string words_for_changed_run() {
  return "--accept-changes does that, and keeps what was there beside it; --resume-from STEP lets training "
         "go on "
         "from one of\nits checkpoints with the options as they are now; --fresh moves the whole run aside; "
         "another "
         "run_dir leaves it alone";
}

std::string message_of(const std::exception_ptr& error) {
  const Failure failure = failure_of(error);
  try {
    std::rethrow_exception(error);
  } catch (const OutOfMemory& memory) {
    return failure.message + lines_to_need_less(memory);
  } catch (const ExportRefusal& refusal) {
    return words_for(refusal);
  } catch (const NoChatFormat&) {
    return fmt::format(
        "{}; a format can be named: --chat-template for evaluate, data: {{chat_template: NAME}} in a recipe, "
        "of {}; "
        "token ids with labels need none",
        failure.message, fmt::join(names_of_chat_formats(), ", "));
  } catch (const ChangedRun&) {
    return fmt::format("{}\n{}", failure.message, words_for_changed_run());
  } catch (const TrainingFailed& failed) {
    return fmt::format(
        "{}; with --set stages.{}.learning_rate=... training goes on from an earlier checkpoint under "
        "--resume-from STEP: there are those of {}",
        failure.message, failed.stage(), fmt::join(failed.steps(), ", "));
  } catch (const InputsNotMade&) {
    return fmt::format("{}; --with-dependencies does that first", failure.message);
  } catch (const GgufNotImported& gguf) {
    return fmt::format("{}; ropeway import {} MODEL_DIR makes a model folder of it", failure.message,
                       gguf.file().string());
  } catch (...) {
    const std::string words = words_for(failure.way_out);
    if (words.empty()) return failure.message;
    // Below a message of several lines, else behind it.
    return failure.message + (failure.message.find('\n') == std::string::npos ? "; " : "\n") + words;
  }
}

}  // namespace ropeway
