#include "launch/verbs.h"

#include "kernels/base/error.h"
#include "launch/exit_codes.h"
#include "trainer/config/nearest_word.h"

namespace ropeway {

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> all = {
      {"run", "every stage of a recipe, in order; continues what was interrupted", run_verb, nullptr,
       run_page},
      {"evaluate", "perplexity and passkey retrieval of a model by length", evaluate_verb, nullptr,
       evaluate_page},
      {"generate", "the text that follows on a prompt", generate_verb, nullptr, generate_page},
      {"chat", "a conversation in the format of the model's chat template", chat_verb, nullptr, chat_page},
      {"import", "a Hugging Face directory or a GGUF file, checked, as a model folder", nullptr, import_verb,
       import_page},
      {"export", "a model for other programs: a Hugging Face directory or a GGUF file", export_verb, nullptr,
       export_page},
      {"inspect", "what a model, checkpoint or run folder holds", nullptr, inspect_verb, inspect_page},
      {"status", "what is done of a run, what is under way, and what no longer fits", nullptr, status_verb,
       status_page},
      {"data", "what the texts of a recipe hold, and what its stages make of them", nullptr, data_verb,
       data_page},
      {"report", "a run as one HTML file: curves, figures, factors, recipe", nullptr, report_verb,
       report_page},
      {"plan", "tokens, FLOPs, seconds and memory of every stage on any number of GPUs", nullptr, plan_verb,
       plan_page},
      {"new", "a recipe for a model, a length and so many GPUs", nullptr, new_verb, new_page},
      {"validate", "every error of a recipe and of its inputs at once", nullptr, validate_verb,
       validate_page},
      {"convert", "documents as .npy, Megatron's .bin and .idx, or lines of JSON", nullptr, convert_verb,
       convert_page, true},
      {"fetch", "how to download a common model", nullptr, fetch_verb, fetch_page, true},
      {"show", "a recipe as it is understood, and where each value is from", nullptr, show_verb, show_page,
       true},
      {"schema", "the keys of a recipe for editors, as a JSON Schema", nullptr, schema_verb, schema_page,
       true},
      {"help", "a verb or a key of a recipe explained", nullptr, help_verb, help_page, true},
      {"completion", "what bash, zsh and fish complete the command line with", nullptr, completion_verb,
       completion_page, true},
      {"doctor", "whether ranks, hosts, disks and links are fit for a run, as one block to paste",
       doctor_verb, nullptr, doctor_page, true},
      {"version", "versions of the program and its libraries", nullptr, version_verb, version_page, true},
  };
  return all;
}

std::string overview() {
  std::string text = "usage: ropeway VERB ...   extends the context window of RoPE language models\n", others;
  for (const Verb& verb : verbs()) {
    if (verb.is_aside) {
      others += fmt::format("{}{}", others.empty() ? "" : ", ", verb.name);
    } else {
      text += fmt::format("  {:<10}{}\n", verb.name, verb.summary);
    }
  }
  text += fmt::format("  and {}\n", others);
  text +=
      "\nropeway help VERB tells more about each, ropeway help KEY about a key of a recipe. run, evaluate,\n"
      "generate, chat and doctor use all ranks: mpirun -n 2 ropeway run configs/tiny_cpu.yaml\n"
      "With any verb: -q shows warnings only, -v what other ranks say too.\n";
  text += fmt::format("\n{}", exit_codes_text(100));
  return text;
}

const Verb& find_verb(const std::string& name) {
  std::vector<std::string> names;
  for (const Verb& verb : verbs()) {
    if (name == verb.name) return verb;
    names.emplace_back(verb.name);
  }
  const std::string nearest = nearest_word(name, names);
  fail(ErrorKind::kUsage, "unknown verb '{}'{}", name,
       nearest.empty() ? fmt::format("; there are {}", fmt::join(names, ", "))
                       : fmt::format("; did you mean {}?", nearest));
}

}  // namespace ropeway
