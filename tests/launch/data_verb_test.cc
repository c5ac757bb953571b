// ropeway data as a user meets it.
#include <gmock/gmock.h>

#include "tests/faults/run_ropeway.h"

namespace ropeway {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Ten documents of 100 bytes, one of 300 and one of 5, in two sources.
class DataVerb : public ::testing::Test {
 protected:
  DataVerb() {
    std::string lines;
    for (int i = 0; i < 10; ++i)
      lines += "{\"text\": \"" + std::string(100, static_cast<char>('a' + i)) + "\"}\n";
    scratch_.file("a.jsonl", lines);
    scratch_.file("b1.txt", std::string(300, 'x'));
    scratch_.file("b2.txt", "short");
    scratch_.file("long.txt", std::string(2000, 'y'));
  }
  std::string recipe(const std::string& model, const std::string& more = "") const {
    return scratch_.file("recipe.yaml", "name: small\nmodel: {path: " + model + "}\ndata:\n  train: [" +
                                            scratch_.name("a.jsonl") + ", {path: " + scratch_.name("b*.txt") +
                                            ", weight: 2}]\n  validation: [" + scratch_.name("long.txt") +
                                            "]\n  test: [" + scratch_.name("long.txt") +
                                            "]\n  cache: " + scratch_.name("cache") + "\n" + more +
                                            "stages:\n"
                                            "  - {name: wide, kind: search, from: none, makes: w, length: "
                                            "512, documents: 2, finalist_documents: 1, refine: none}\n"
                                            "  - {name: tune, kind: finetune, from: w, makes: t, length: "
                                            "512, steps: 10, batch_sequences: 4}\n"
                                            "  - {name: score, kind: evaluate, lengths: [256, 1K]}\n");
  }

  const TempDir scratch_;
};

TEST_F(DataVerb, CountsEverySourceAndStage) {
  const Ended ended = run_ropeway("data " + recipe(kTinyBase));
  EXPECT_EQ(ended.code, 0) << ended.err;
  for (const std::string& part : {
           "data.train[0]: " + scratch_.name("a.jsonl") +
               "\n  1 file (JSON lines), 10 documents, 1000 tokens, 1000 bytes of "
               "text, 1.00 bytes per token\n",
           "data.train[1]: " + scratch_.name("b*.txt") +
               ", weight 2\n  2 files (plain text), 2 documents, 305 tokens",
           "  shortest: 5 tokens (" + scratch_.name("b2.txt") + ")\n",
           "  longest: 300 tokens (" + scratch_.name("b1.txt") + ")\n",
           std::string("      64 to 128           10  ######################################## 100.0 % of "
                       "the tokens"),
           std::string("around each document: no BOS, no EOS\n"),
           std::string("wide (search): 3 windows of 512, of 3 in the validation text\n"),
           // 1000 + 2 x 305 tokens
           std::string("tune (finetune): used 12 documents, 1610 tokens; 12 shorter than 512 were joined to "
                       "others; 3 windows of 512 per pass, 40 used in 10 steps: 12.72 passes\n"),
           std::string("score (evaluate): 1 window (255 targets) of 256, 1 window (255 targets) of 1K, which "
                       "end at the same places\n"),
           std::string("sequences of tune, with the loss weight of their tokens\n  window 0: 512 tokens\n"),
       }) {
    EXPECT_THAT(ended.out, HasSubstr(part));
  }
}

TEST_F(DataVerb, ShowsWhereDocumentsAreKeptApart) {
  const Ended ended = run_ropeway("data " + recipe(kTinyBase, "  document_mask: documents\n"));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr(" documents apart\n"), HasSubstr("    weight 0 "), HasSubstr("    weight 1 ")));
}

TEST_F(DataVerb, WithoutAModelTextIsCountedInBytes) {
  const Ended ended = run_ropeway("data " + recipe(scratch_.name("absent")));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("absent: no such folder: texts are counted in bytes"),
                               HasSubstr("  1 file (JSON lines), 10 documents, 1000 bytes of text\n"),
                               HasSubstr("  longest: 300 bytes ("), Not(HasSubstr("tune"))));
}

TEST_F(DataVerb, AStageThatLacksTextIsNamedAmongTheOthersAndEndsWith65) {
  const Ended ended = run_ropeway("data " + recipe(kTinyBase, "  packing: documents\n"));
  EXPECT_EQ(ended.code, 65);
  EXPECT_THAT(ended.out, AllOf(HasSubstr("tune (finetune): training windows: no document has 512 tokens"),
                               HasSubstr("score (evaluate): 1 window (255 targets) of 256")));
  EXPECT_THAT(ended.err, HasSubstr("stage tune: training windows: no document has 512 tokens"));
}

TEST_F(DataVerb, ExamplesAreShownWithTheLossWeightsOfTheirTokens) {
  const std::string prompts = scratch_.file(
      "sft.jsonl",
      "{\"prompt\": \"ask\", \"completion\": \"tell\"}\n{\"prompt\": \"x\", \"completion\": \"\"}\n");
  const Ended ended = run_ropeway("data " + recipe(kTinyBase) + " --set data.train=[" + prompts + "]");
  EXPECT_EQ(ended.code, 0) << ended.err;
  for (const char* part :
       {"(JSON lines of prompts and completions), 1 document, 7 tokens", "  1 unscored example\n",
        "used 1 whole example, 7 tokens, 4 of them scored, in 1 window; 1 window of 512 per pass",
        "    weight 0    ask\n    weight 1    tell\n"}) {
    EXPECT_THAT(ended.out, HasSubstr(part));
  }
  const Ended bytes =
      run_ropeway("data " + recipe(scratch_.name("absent")) + " --set data.train=[" + prompts + "]");
  EXPECT_THAT(bytes.out, HasSubstr("2 documents, 8 bytes of text\n"));

  const Ended scored = run_ropeway("data " + recipe(kTinyBase) + " --set data.test=[" + prompts +
                                   "] --set stages.score.tasks=[perplexity]");
  EXPECT_EQ(scored.code, 0) << scored.err;
  EXPECT_THAT(scored.out, HasSubstr("score (evaluate): used 1 example, 7 tokens, 4 of them scored of 1K\n"));
  const auto searched = [&](const std::string& data) {
    return run_ropeway("data " + recipe(kTinyBase) + " --set data.validation=[" + data + "]");
  };
  const Ended few = searched(prompts);
  EXPECT_EQ(few.code, 65);
  EXPECT_THAT(few.err, HasSubstr("stage wide: 1 of the 1 validation examples fit into 512 tokens and have a "
                                 "scored one, wanted 3: 2 to rank candidates and 1 for finalists"));
  std::string lines;
  for (const size_t size : {500, 300, 400, 280})
    lines += "{\"prompt\": \"" + std::string(size, 'p') + "\", \"completion\": \"tell\"}\n";
  const Ended enough = searched(scratch_.file("long.jsonl", lines));
  EXPECT_THAT(enough.out,
              HasSubstr("wide (search): the 3 longest of 4 examples up to 512, 304 to 504 tokens, "
                        "12 of them scored\n"));
}

TEST_F(DataVerb, ConversationsWantAKnownTemplateOrAFormatByName) {
  const std::string chat =
      scratch_.file("chat.jsonl",
                    "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": "
                    "\"assistant\", \"content\": \"b\"}]}\n");
  const std::string command = "data " + recipe(kTinyBase) + " --set data.train=[" + chat + "]";
  const Ended unnamed = run_ropeway(command);
  EXPECT_EQ(unnamed.code, 65);
  EXPECT_THAT(unnamed.err, AllOf(HasSubstr(chat + ":1: conversations need a chat template"),
                                 HasSubstr("data: {chat_template: NAME} in a recipe, of chatml, ")));
  const Ended named = run_ropeway(command + " --set data.chat_template=chatml");
  EXPECT_EQ(named.code, 0) << named.err;
  EXPECT_THAT(named.out,
              HasSubstr("    weight 0    <|im_start|>user\\na<|im_end|>\\n<|im_start|>assistant\\n\n"
                        "    weight 1    b<|im_end|>\n    weight 0    \\n\n"));
}

}  // namespace
}  // namespace ropeway
