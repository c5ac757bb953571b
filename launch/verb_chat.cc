// ropeway chat: a conversation, turn by turn.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <optional>

#include "kernels/base/error.h"
#include "kernels/base/log.h"
#include "launch/choice_option.h"
#include "launch/command_page.h"
#include "launch/generation.h"
#include "launch/memory_words.h"
#include "launch/verbs.h"
#include "parallel/comm/exchange_values.h"
#include "parallel/comm/mpi_session.h"
#include "trainer/config/lengths.h"
#include "trainer/data/chat_template.h"
#include "trainer/family/model_config.h"
#include "trainer/files/utf8.h"
#include "trainer/generate/chat_prompt.h"

namespace ropeway {
namespace {

namespace po = boost::program_options;

ChatTemplate template_of(const GeneratingModel& model, ChatFormatName choice, const std::string& name) {
  ChatTemplate chat = chat_template_of(model.folder(), choice, model.tokenizer(), model.named());
  if (chat.format) return chat;
  std::vector<std::string> formats = words_of<ChatFormatName>();
  std::erase(formats, std::string(word_of(ChatFormatName::kAuto)));
  fail(
      ErrorKind::kBadData,
      "{}: no chat template of those known (chat_template.jinja, or chat_template in tokenizer_config.json); "
      "--chat-template names a format: {}",
      name, fmt::join(formats, ", "));
}

class Conversation {
 public:
  Conversation(const GenerationRequest& request, const po::variables_map& values, MpiSession& job)
      : request_(request),
        world_(job.world()),
        interactive_(isatty(STDIN_FILENO) != 0),
        model_(request, kChatVerb, job),
        chat_(template_of(
            model_, read_choice<ChatFormatName>("chat-template", values["chat-template"].as<std::string>()),
            request.model)),
        context_(values.count("context") > 0 ? parse_length(values["context"].as<std::string>())
                                             : model_.longest_known()) {
    if (values.count("system") > 0) turns_.push_back({"system", values["system"].as<std::string>()});
  }

  void run() {
    // What is wrong with the system's words shows before the weights are read.
    prompt_with("");
    model_.begin(context_);
    while (const auto line = next_line()) {
      if (line->find_first_not_of(" \t\r") == std::string::npos) continue;
      try {
        answer(*line);
      } catch (const Error& error) {
        if (!interactive_ || error.kind() != ErrorKind::kBadData) throw;
        log_warning("{}", error.what());  // the turn is forgotten
      }
    }
    model_.tell_figures();
  }

 private:
  // The same on every rank; none at the end of the input.
  std::optional<std::string> next_line() {
    std::string line;
    if (world_.rank() == 0) {
      if (interactive_) std::cout << "> " << std::flush;
      line = std::getline(std::cin, line) ? "+" + line : "";
    }
    line = broadcast_string(world_, line);
    if (line.empty()) return std::nullopt;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    return line.substr(1);
  }

  ChatPrompt prompt_with(const std::string& said) const {
    if (!is_valid_utf8(said)) fail(ErrorKind::kBadData, "a turn of the user's is no UTF-8 text");
    std::vector<ChatTurn> turns = turns_;
    turns.push_back({"user", said});
    return chat_prompt(model_.tokenizer(), chat_, turns, model_.config().vocab_size, "the conversation");
  }

  void answer(const std::string& said) {
    const ChatPrompt prompt = prompt_with(said);
    const int64_t room = context_ - std::ssize(prompt.ids);
    if (room < 1) {
      fail(ErrorKind::kBadData, "the conversation has {} tokens with this turn, and {} are meant: --context",
           prompt.ids.size(), context_);
    }
    const std::string text =
        model_.write(prompt.ids, std::min(room, request_.max_new_tokens), {prompt.end}, {});
    if (world_.rank() == 0) std::cout << std::endl;
    turns_.push_back({"user", said});
    turns_.push_back({"assistant", broadcast_string(world_, text)});
  }

  const GenerationRequest& request_;
  Communicator& world_;
  const bool interactive_;
  GeneratingModel model_;
  const ChatTemplate chat_;
  const int64_t context_;
  std::vector<ChatTurn> turns_;
};

}  // namespace

CommandPage chat_page() {
  CommandPage page{
      .usage = "MODEL [options]",
      .about =
          "A conversation in the format of the model's own chat template. Each line of standard input\n"
          "is a turn of the user's; the answer goes to standard output. The end of the input ends it.\n",
      .options =
          {row(Option::text("chat-template", "NAME", "auto"),
               "the format, for a model whose template is another: chatml, llama3, ..."),
           row(Option::text("system", "TEXT"), "what the system says first"),
           row(Option::text("context", "LENGTH"),
               "tokens that the conversation may have, 64K (K = 1024); default: what the longest factor set "
               "is for")},
      .examples = "ropeway chat models/smollm2_instruct --system \"Answer in one sentence.\"\n",
      .positional = "MODEL",
      .columns = 100,
      .help_column = 23};
  for (const OptionRow& options : generation_options("of an answer; default 256", "of the draws"))
    page.options.push_back(options);
  return page;
}

void chat_verb(const Arguments& arguments, MpiSession& job) {
  const CommandLine line = command_line("chat", chat_page());
  po::variables_map values;
  if (!parse_command_line(line, arguments, values)) {
    if (job.world().rank() == 0) std::cout << line.help;
    return;
  }
  const GenerationRequest request = read_generation_request(values);
  Conversation(request, values, job).run();
}

}  // namespace ropeway
