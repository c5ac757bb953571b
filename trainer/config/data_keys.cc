// Keys of the texts and of how they become sequences.
#include "trainer/config/key_rows.h"

namespace ropeway {
namespace {

template <auto Member>
Field data(Recipe& r) {
  return field_at(r.data.*Member);
}

}  // namespace

std::vector<RecipeKey> data_keys() {
  using enum ValueType;
  return {
      key("data", "train", kSourceList, data<&DataRecipe::train>,
          {.high = 1000,
           .above = true,
           .also = "train_files train_data dataset datasets pretraining_dataset"},
          "text to learn from: paths, * in the file name; {path: P, weight: W} uses each token W times per "
          "pass"),
      key("data", "validation", kTextList, data<&DataRecipe::validation>,
          {.also = "valid val dev eval eval_dataset"}, "text that ranks candidates of a search"),
      key("data", "test", kTextList, data<&DataRecipe::test>, {.also = "heldout test_datasets"},
          "text that evaluate stages score"),
      key("data", "packing", kChoice, data<&DataRecipe::packing>,
          {.also = "pack packed sequence_packing sample_packing"},
          "concat: training documents joined in random order and cut at the length, every token once per "
          "pass; documents: each sequence a stretch of one document"),
      key("data", "document_mask", kChoice, data<&DataRecipe::document_mask>,
          {.also = "attention_mask reset_attention_mask reset_position_ids intra_document_mask neat_packing "
                   "pretrain_multipack_attn"},
          "what attention sees in a sequence of several documents: none: all of them; documents: each token "
          "its own, positions starting anew"),
      key("data", "bos", kChoice, data<&DataRecipe::bos>, {.also = "add_bos add_bos_token"},
          "a BOS before each document; auto: where the tokenizer puts one"),
      key("data", "eos", kChoice, data<&DataRecipe::eos>, {.also = "add_eos add_eos_token append_eod"},
          "an EOS after each document; auto: where the tokenizer names one"),
      key("data", "chat_template", kChoice, data<&DataRecipe::chat_template>,
          {.also = "chat_format prompt_template template"},
          "how conversations become text; auto: as the model's own template does, if it is a known one"),
      key("data", "cache", kText, data<&DataRecipe::cache>,
          {.also = "cache_dir dataset_prepared_path tokenized_path"}, "folder of encoded text"),
      key("data", "max_document", kInteger, data<&DataRecipe::max_document>,
          {.low = 1, .high = 1e15, .also = "max_document_bytes"},
          "bytes that one document may have, unpacked"),
      key("data", "special_tokens", kChoice, data<&DataRecipe::special_tokens>,
          {.also = "parse_special_tokens"},
          "what the spelling of a special token in a document is: text, or that token (parse), which is for "
          "texts that one trusts"),
  };
}

}  // namespace ropeway
