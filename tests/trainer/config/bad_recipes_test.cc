// Recipes with one thing wrong: each gives exactly one message, which begins with line:column, names the key,
// and says what was found and wanted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/trainer/config/recipe_text.h"

namespace ropeway {
namespace {

struct BadRecipe {
  const char* name;
  const std::string& base;
  const char *find, *put;  // the change to the good recipe
  const char* expected;    // the beginning of the one message, after the file's name
  int ranks = 2;
};
void PrintTo(const BadRecipe& bad, std::ostream* out) { *out << bad.name; }

class BadRecipes : public ::testing::TestWithParam<BadRecipe> {};

TEST_P(BadRecipes, GiveOneMessage) {
  const BadRecipe& bad = GetParam();
  const auto result =
      parse_text(replaced(bad.base, bad.find, bad.put), {.overrides = {}, .ranks = bad.ranks});
  EXPECT_THAT(result.errors, ::testing::ElementsAre(::testing::StartsWith(bad.expected)));
}

const std::string& good = kGoodRecipe;
const std::string& fresh = kNewModelRecipe;
const std::string apart =
    replaced(kGoodRecipe, "  train: [train.txt]", "  train: [train.txt]\n  document_mask: documents");
const std::string wide = replaced(kGoodRecipe, "seed: 7", "dtype: fp64");

INSTANTIATE_TEST_SUITE_P(
    Keys, BadRecipes,
    ::testing::Values(
        BadRecipe{"misspelt", good, "    learning_rate", "    learing_rate",
                  "24:5: stages[1].learing_rate: unknown key; did you mean learning_rate?"},
        BadRecipe{"misspelt_at_the_top", good, "seed: 7", "sed: 7",
                  "2:1: sed: unknown key; did you mean seed?"},
        BadRecipe{"version_of_another_program", good, "seed: 7", "version: 2",
                  "2:10: version: found 2, this program reads version 1: run it with the release that the "
                  "recipe was written for, or change its keys as CHANGELOG.md says and write 1"},
        BadRecipe{"version_that_is_none", good, "seed: 7", "version: newest",
                  "2:10: version: found newest, wanted an integer from 1 to"},
        BadRecipe{"version_of_another_program_with_keys_of_its_own", good, "seed: 7",
                  "version: 3\nnew_key: 1", "2:10: version: found 3, this program reads version 1"},
        BadRecipe{"misspelt_section", good, "seed: 7", "engin: {tile_tokens: 4}",
                  "2:1: engin: unknown key; did you mean engine?"},
        BadRecipe{"misspelt_in_flow_style", fresh, "makes: a", "makes: a, lenght: 4K",
                  "19:51: stages[1].lenght: unknown key; did you mean length?"},
        BadRecipe{"name_of_other_trainers", good, "    learning_rate", "    lr",
                  "24:5: stages[1].lr: unknown key; did you mean learning_rate?"},
        BadRecipe{"misspelt_name_of_others", good, "seed: 7", "contex_parallel: 7",
                  "2:1: contex_parallel: unknown key; did you mean mesh.sequence?"},
        BadRecipe{"right_key_at_the_wrong_level", good, "seed: 7", "steps: 7",
                  "2:1: steps: unknown key; did you mean steps of a pretrain or finetune stage?"},
        BadRecipe{"key_of_another_section", good, "  data: 1", "  data: 1\n  train: [a]",
                  "11:3: mesh.train: unknown key; did you mean data.train?"},
        BadRecipe{"unlike_any_key", good, "seed: 7", "zzqqxxwwv: 7", "2:1: zzqqxxwwv: unknown key"},
        BadRecipe{"key_of_another_kind", good, "    makes: searched",
                  "    makes: searched\n    learning_rate: 1e-4",
                  "17:5: stages[0].learning_rate: found in a stage of kind search, wanted only in finetune "
                  "and pretrain"},
        BadRecipe{"search_key_in_evaluate", good, "    lengths:", "    documents: 3\n    lengths:",
                  "27:5: stages[2].documents: found in a stage of kind evaluate, wanted only in readjust and "
                  "search"},
        BadRecipe{"duplicate_at_the_top", good, "seed: 7", "name: other",
                  "2:1: name: found a second time on line 2, wanted once; the first is on line 1"},
        BadRecipe{
            "duplicate_in_a_stage", good, "    learning_rate: 1e-3",
            "    steps: 200\n    learning_rate: 1e-3",
            "24:5: stages[1].steps: found a second time on line 24, wanted once; the first is on line 23"},
        BadRecipe{"duplicate_section", good, "seed: 7", "mesh: {data: 1}",
                  "9:1: mesh: found a second time on line 9, wanted once; the first is on line 2", 0},
        BadRecipe{"merge_key", good, "seed: 7", "<<: {seed: 7}",
                  "2:1: <<: found a merge key, wanted the keys written out"},
        BadRecipe{"list_as_key", good, "seed: 7", "[a]: 7",
                  "2:1: found a list of 1 as a key, wanted a word"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Types, BadRecipes,
    ::testing::Values(
        BadRecipe{"garbled_number", good, "1e-3", "1e-5x",
                  "24:20: stages[1].learning_rate: found 1e-5x, wanted a number above 0 and at most 1"},
        BadRecipe{"fraction_for_integer", good, "steps: 100", "steps: 1.5",
                  "23:12: stages[1].steps: found 1.5, wanted an integer from 1 to 1000000000"},
        BadRecipe{"exponent_for_integer", good, "steps: 100", "steps: 1e3",
                  "23:12: stages[1].steps: found 1e3, wanted"},
        BadRecipe{"quoted_integer", good, "steps: 100", "steps: \"8\"",
                  "23:12: stages[1].steps: found \"8\" (quoted text), wanted an integer"},
        BadRecipe{"single_quoted_number", good, "1e-3", "'1e-3'",
                  "24:20: stages[1].learning_rate: found \"1e-3\" (quoted text), wanted a number"},
        BadRecipe{"true_for_integer", good, "steps: 100", "steps: true",
                  "23:12: stages[1].steps: found true, wanted an integer"},
        BadRecipe{"list_for_scalar", good, "steps: 100", "steps: [100]",
                  "23:12: stages[1].steps: found a list of 1, wanted an integer"},
        BadRecipe{"map_for_scalar", good, "steps: 100", "steps: {a: 1}",
                  "23:12: stages[1].steps: found a map of 1 key, wanted an integer"},
        BadRecipe{"nothing_for_scalar", good, "steps: 100",
                  "steps:", "23:5: stages[1].steps: found nothing, wanted an integer"},
        BadRecipe{"tilde_for_scalar", good, "seed: 7", "seed: ~",
                  "2:1: seed: found nothing, wanted an integer"},
        BadRecipe{"scalar_for_list", good, "[train.txt]", "train.txt",
                  "6:10: data.train: found train.txt, wanted a list of texts, [a, b]"},
        BadRecipe{"weight_of_nothing", good, "[train.txt]", "[{path: a, weight: 0}]",
                  "6:29: data.train[0].weight: found 0, wanted a number above 0 and at most 1000"},
        BadRecipe{"weight_without_path", good, "[train.txt]", "[a, {weight: 2}]",
                  "6:14: data.train[1].path: found nothing, wanted a text"},
        BadRecipe{"unknown_key_of_a_source", good, "[train.txt]", "[{path: a, share: 2}]",
                  "6:21: data.train[0].share: unknown key, wanted path or weight"},
        BadRecipe{
            "list_in_sources", good, "[train.txt]", "[[a]]",
            "6:11: data.train[0]: found a list of 1, wanted a text, or {path: a text, weight: a number"},
        BadRecipe{"weight_of_test_text", good, "[test.txt]", "[{path: a, weight: 2}]",
                  "8:10: data.test[0]: found a map of 2 keys, wanted a text"},
        BadRecipe{"packing_of_another_kind", good, "[train.txt]", "[train.txt]\n  packing: document",
                  "7:12: data.packing: found document, wanted concat or documents; did you mean documents?"},
        BadRecipe{"scalar_for_section", good, "  data: 1\n  sequence: 2\n", "",
                  "9:1: mesh: found nothing, wanted a map of keys", 0},
        BadRecipe{"map_for_list_of_stages", good,
                  "  - name: score\n    kind: evaluate\n    lengths: [256, 2K]\n", "  - score\n",
                  "25:5: stages[2].kind: found score, wanted a map of keys"},
        BadRecipe{"map_in_list", good, "[256, 2K]", "[256, {a: 1}]",
                  "27:20: stages[2].lengths[1]: found a map of 1 key, wanted a length"},
        BadRecipe{
            "length_with_fraction", good, "[256, 2K]", "[256, 1.5K]",
            "27:20: stages[2].lengths[1]: found 1.5K, wanted a length from 2 to 1G such as 4096, 4K or 2M"},
        BadRecipe{"length_with_small_k", good, "[256, 2K]", "[256, 2k]",
                  "27:20: stages[2].lengths[1]: found 2k, wanted a length"},
        BadRecipe{"length_with_underscores", good, "[256, 2K]", "[262_144]",
                  "27:15: stages[2].lengths[0]: found 262_144, wanted a length"},
        BadRecipe{"quoted_length", good, "[256, 2K]", "[\"2K\"]",
                  "27:15: stages[2].lengths[0]: found \"2K\" (quoted text), wanted a length"},
        BadRecipe{"suffix_on_a_count", good, "steps: 100", "steps: 1K",
                  "23:12: stages[1].steps: found 1K, wanted an integer"},
        BadRecipe{"beyond_int32", good, "  data: 1", "  data: 2147483649",
                  "10:9: mesh.data: found 2147483649, wanted an integer from 1 to 1000000", 0},
        BadRecipe{"beyond_int64", good, "seed: 7", "seed: 99999999999999999999",
                  "2:7: seed: found 99999999999999999999, wanted an integer"},
        BadRecipe{"unknown_choice", good, "seed: 7", "device: gpu",
                  "2:9: device: found gpu, wanted cpu or cuda; did you mean cpu?"},
        BadRecipe{"misspelt_choice", good, "    learning_rate: 1e-3", "    schedule: cosin",
                  "24:15: stages[1].schedule: found cosin, wanted linear, cosine or constant; did you mean "
                  "cosine?"},
        BadRecipe{"unknown_task", good, "    lengths:", "    tasks: [perplexity, ruler]\n    lengths:",
                  "27:25: stages[2].tasks[1]: found ruler, wanted perplexity, passkey, needles or longppl"},
        BadRecipe{"unknown_control", good, "    lengths:", "    controls: crop\n    lengths:",
                  "27:15: stages[2].controls: found crop, wanted true, or a list of crop, foreign_prefix, "
                  "repetition or "
                  "confusable_keys, [crop]; did you mean crop?"},
        BadRecipe{"stride_of_aligned_ends", good,
                  "    lengths:", "    align: ends\n    stride: 64\n    lengths:",
                  "28:13: stages[2].stride: found 64 with align: ends, wanted one of the two"},
        BadRecipe{"stride_of_a_whole_window", good, "    lengths:", "    stride: 256\n    lengths:",
                  "27:13: stages[2].stride: found 256, wanted less than the shortest length, 256"},
        BadRecipe{
            "aligned_starts", good,
            "    lengths:", "    align: starts\n    aligned_with: [16K]\n    lengths:",
            "28:19: stages[2].aligned_with: found lengths with align: starts, wanted them with align: ends"},
        BadRecipe{"unknown_kind", good, "    kind: evaluate", "    kind: evalaute",
                  "26:11: stages[2].kind: found evalaute, wanted pretrain, search, finetune, readjust or "
                  "evaluate; did you mean evaluate?"},
        BadRecipe{"word_for_temperature", good, "    length: 2K\n", "    length: 2K\n    temperature: warm\n",
                  "18:18: stages[0].temperature: found warm, wanted search, su, yarn, or a number above 0 "
                  "and at most 100"},
        BadRecipe{"word_for_sequence", good, "  sequence: 2", "  sequence: all",
                  "11:13: mesh.sequence: found all, wanted auto, or an integer from 1 to 1000000", 0},
        BadRecipe{"name_with_a_slash", good, "name: demo", "name: ../demo",
                  "1:7: name: found ../demo, wanted a name: letters, digits, _ and -"},
        BadRecipe{"set_name_with_spaces", good, "makes: tuned", "makes: tuned set",
                  "21:12: stages[1].makes: found tuned set, wanted a name"},
        BadRecipe{"empty_list", good, "[256, 2K]", "[]",
                  "27:14: stages[2].lengths: found a list of 0, wanted a list of lengths"},
        BadRecipe{"empty_text", good, "seed: 7", "run_dir: \"\"",
                  "2:10: run_dir: found \"\" (quoted text), wanted a text"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    LegacyScalars, BadRecipes,
    ::testing::Values(BadRecipe{"no_for_a_flag", good, "seed: 7", "engine: {save_attention: no}",
                                "2:26: engine.save_attention: found no, wanted true or false"},
                      BadRecipe{"capital_true", good, "seed: 7", "engine: {save_attention: True}",
                                "2:26: engine.save_attention: found True, wanted true or false"},
                      BadRecipe{
                          "quoted_true", good, "seed: 7", "engine: {save_attention: \"true\"}",
                          "2:26: engine.save_attention: found \"true\" (quoted text), wanted true or false"},
                      BadRecipe{"leading_zero", good, "steps: 100", "steps: 010",
                                "23:12: stages[1].steps: found 010, wanted an integer"},
                      BadRecipe{"hexadecimal", good, "steps: 100", "steps: 0x10",
                                "23:12: stages[1].steps: found 0x10, wanted an integer"},
                      BadRecipe{"base_60", good, "steps: 100", "steps: 12:30",
                                "23:12: stages[1].steps: found 12:30, wanted an integer"},
                      BadRecipe{"leading_zero_in_a_length", good, "[256, 2K]", "[0256]",
                                "27:15: stages[2].lengths[0]: found 0256, wanted a length"},
                      BadRecipe{"point_without_digits", good, "1e-3", ".5",
                                "24:20: stages[1].learning_rate: found .5, wanted a number"},
                      BadRecipe{"not_a_number", good, "1e-3", ".nan",
                                "24:20: stages[1].learning_rate: found .nan, wanted a number"},
                      BadRecipe{"infinity", good, "1e-3", ".inf",
                                "24:20: stages[1].learning_rate: found .inf, wanted a number"},
                      BadRecipe{"infinity_of_c", good, "1e-3", "inf",
                                "24:20: stages[1].learning_rate: found inf, wanted a number"},
                      BadRecipe{"overflow", good, "1e-3", "1e400",
                                "24:20: stages[1].learning_rate: found 1e400, wanted a number"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Ranges, BadRecipes,
    ::testing::Values(
        BadRecipe{"no_learning_rate", good, "1e-3", "0",
                  "24:20: stages[1].learning_rate: found 0, wanted a number above 0"},
        BadRecipe{"negative_learning_rate", good, "1e-3", "-1e-3",
                  "24:20: stages[1].learning_rate: found -1e-3, wanted a number above 0"},
        BadRecipe{"no_steps", good, "steps: 100", "steps: 0",
                  "23:12: stages[1].steps: found 0, wanted an integer from 1"},
        BadRecipe{"negative_steps", good, "steps: 100", "steps: -5",
                  "23:12: stages[1].steps: found -5, wanted an integer from 1"},
        BadRecipe{"no_length", good, "[256, 2K]", "[0]",
                  "27:15: stages[2].lengths[0]: found 0, wanted a length"},
        BadRecipe{"length_beyond_reason", good, "[256, 2K]", "[2G]",
                  "27:15: stages[2].lengths[0]: found 2G, wanted a length from 2 to 1G"},
        BadRecipe{"negative_seed", good, "seed: 7", "seed: -1",
                  "2:7: seed: found -1, wanted an integer from 0"},
        BadRecipe{
            "narrow_moments_of_a_long_memory", good, "    learning_rate: 1e-3",
            "    beta2: 0.999\n    moments: bf16",
            "25:14: stages[1].moments: found bf16 with beta2: 0.999, wanted fp32, or a beta2 of at most "
            "0.99"},
        BadRecipe{"narrow_moments_beside_fp64", wide, "    learning_rate: 1e-3", "    moments: bf16",
                  "24:14: stages[1].moments: found bf16 with dtype: fp64"},
        BadRecipe{
            "time_of_an_unknown_unit", good, "    learning_rate: 1e-3", "    checkpoint_every: 10min",
            "24:23: stages[1].checkpoint_every: found 10min, wanted a number of steps, or a time such as "
            "10m"},
        BadRecipe{"a_single_checkpoint", good, "    learning_rate: 1e-3", "    keep_checkpoints: 1",
                  "24:23: stages[1].keep_checkpoints: found 1, wanted an integer from 2"},
        BadRecipe{"rollback_to_nothing", good, "    learning_rate: 1e-3",
                  "    on_spike: rollback\n    checkpoint_every: 0",
                  "24:15: stages[1].on_spike: found rollback with checkpoint_every: 0"},
        BadRecipe{"unknown_spike_policy", good, "    learning_rate: 1e-3", "    on_spike: rolback",
                  "24:15: stages[1].on_spike: found rolback, wanted warn, skip or rollback; did you mean "
                  "rollback?"},
        BadRecipe{"unknown_moments", good, "    learning_rate: 1e-3", "    moments: bf61",
                  "24:14: stages[1].moments: found bf61, wanted fp32 or bf16; did you mean bf16?"},
        BadRecipe{"beta_of_one", good, "    learning_rate: 1e-3", "    beta2: 1",
                  "24:12: stages[1].beta2: found 1, wanted a number from 0 to 0.999999999"},
        BadRecipe{"fraction_above_one", good, "    learning_rate: 1e-3", "    passkey_fraction: 30",
                  "24:23: stages[1].passkey_fraction: found 30, wanted a number from 0 to 1"},
        BadRecipe{"mix_of_too_much", good, "    learning_rate: 1e-3", "    mix: {short: 130%}",
                  "24:18: stages[1].mix.short: found 130%, wanted a share such as 1% or 0.01, from 0 to 1"},
        BadRecipe{
            "mix_without_long_windows", good, "    learning_rate: 1e-3", "    mix: {short: 1}",
            "24:18: stages[1].mix.short: found 1, which makes 100 of the stage's 100 sequences short, wanted "
            "some of both kinds"},
        BadRecipe{
            "mix_without_short_windows", good, "    learning_rate: 1e-3", "    mix: {short: 0.001}",
            "24:18: stages[1].mix.short: found 0.001, which makes 0 of the stage's 100 sequences short"},
        BadRecipe{"mix_of_a_search", good, "    makes: searched",
                  "    makes: searched\n    mix: {short: 0.3}",
                  "17:5: stages[0].mix: found in a stage of kind search, wanted only in finetune"},
        BadRecipe{"misspelt_mix", good, "    learning_rate: 1e-3", "    mix: {shrt: 0.3}",
                  "24:11: stages[1].mix.shrt: unknown key; did you mean"},
        BadRecipe{"nothing_to_skip", good, "    learning_rate: 1e-3", "    positions: {skip: 2K}",
                  "24:23: stages[1].positions.skip: found 2K, wanted more than length = 2K"},
        BadRecipe{"one_chunk", good, "    learning_rate: 1e-3", "    positions: {chunks: 1}",
                  "24:25: stages[1].positions.chunks: found 1, wanted an integer from 2 to 64"},
        BadRecipe{
            "skip_beyond_the_set", good, "    length: 2K\n    steps: 100",
            "    length: 256\n    steps: 100\n    positions: {skip: 4K}",
            "24:23: stages[1].positions.skip: found 4K, wanted at most 2K, which the set searched is for"},
        BadRecipe{"skip_within_documents", apart, "    length: 2K\n    steps: 100",
                  "    length: 256\n    steps: 100\n    positions: {skip: 2K}",
                  "25:23: stages[1].positions.skip: found with data.document_mask: documents"},
        BadRecipe{"margin_below_one", good, "    length: 2K\n", "    length: 2K\n    max_scale_margin: 0.9\n",
                  "18:23: stages[0].max_scale_margin: found 0.9, wanted a number from 1 to 100"},
        BadRecipe{"base_of_one", fresh, "    window: 256", "    window: 256\n    rope_theta: 1",
                  "11:17: model.architecture.rope_theta: found 1, wanted a number above 1"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Missing, BadRecipes,
    ::testing::Values(
        BadRecipe{"name", good, "name: demo\n", "", "1:1: name: found nothing, wanted a name"},
        BadRecipe{"kind", good, "    kind: evaluate\n", "",
                  "25:5: stages[2].kind: found nothing, wanted pretrain, search"},
        BadRecipe{"steps", good, "    steps: 100\n", "",
                  "18:5: stages[1].steps: found nothing, wanted an integer"},
        BadRecipe{"makes", good, "    makes: tuned\n", "",
                  "18:5: stages[1].makes: found nothing, wanted a name"},
        BadRecipe{"from", good, "    from: none\n", "", "13:5: stages[0].from: found nothing, wanted a name"},
        BadRecipe{"lengths", good, "    lengths: [256, 2K]\n", "",
                  "25:5: stages[2].lengths: found nothing, wanted a list of lengths"},
        BadRecipe{"model", good, "model:\n  path: models/tiny\n", "",
                  "1:1: model: found neither path nor architecture, wanted one of the two"},
        BadRecipe{"head_dim", fresh, "    head_dim: 64\n", "",
                  "4:5: model.architecture.head_dim: found nothing, wanted an integer"},
        BadRecipe{"training_text", good, "  train: [train.txt]\n", "",
                  "6:3: data.train: found nothing, wanted files for the stages search_8x and tune"},
        BadRecipe{"validation_text", good, "  validation: [validation.txt]\n", "",
                  "6:3: data.validation: found nothing, wanted files for the stage search_8x"},
        BadRecipe{"test_text", good, "  test: [test.txt]\n", "",
                  "6:3: data.test: found nothing, wanted files for the stage score"},
        BadRecipe{"pretrain_stage", fresh,
                  "  - name: base\n    kind: pretrain\n    length: 256\n    steps: 10\n", "",
                  "4:5: model.architecture: found a new model and no pretrain stage, wanted one first"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Combinations, BadRecipes,
    ::testing::Values(
        BadRecipe{"ring_times_heads", good, "  sequence: 2", "  sequence: 2\n  ring: 2\n  heads: 2",
                  "13:10: mesh.heads: found ring 2 x heads 2 = 4 ranks, wanted the 2 that share a sequence"},
        BadRecipe{"heads_that_divide_no_row", good, "  sequence: 2", "  heads: 3",
                  "11:10: mesh.heads: found 3, wanted a divisor of the 2 ranks that share a sequence"},
        BadRecipe{"ring_that_divides_no_row", good, "  sequence: 2", "  ring: 4\n  sequence: 2",
                  "11:9: mesh.ring: found 4, wanted a divisor of the 2 ranks that share a sequence"},
        BadRecipe{"mesh_and_ranks", good, "sequence: 2", "sequence: 4",
                  "11:13: mesh.sequence: found data 1 x sequence 4 = 4 ranks, wanted the job's 2"},
        BadRecipe{
            "zigzag_pieces", good, "[256, 2K]", "[256, 2050]",
            "27:14: stages[2].lengths: found 2050, wanted a multiple of 4 (zigzag: 2 x 2 sequence ranks)"},
        BadRecipe{"warm_up_and_steps", good, "    learning_rate: 1e-3", "    warmup_steps: 101",
                  "24:19: stages[1].warmup_steps: found 101, wanted at most steps = 100"},
        BadRecipe{"learning_rates", good, "    learning_rate: 1e-3", "    min_learning_rate: 1e-3",
                  "24:24: stages[1].min_learning_rate: found 0.001, wanted at most learning_rate = 2e-05"},
        BadRecipe{"parents_and_population", good, "    length: 2K\n", "    length: 2K\n    population: 8\n",
                  "13:5: stages[0].parents: found 32, wanted at most population = 8"},
        BadRecipe{"no_offspring", good, "    length: 2K\n",
                  "    length: 2K\n    refine: evolution\n    mutations: 0\n    crossovers: 0\n",
                  "19:16: stages[0].mutations: found 0 and 0 crossovers, wanted one of them above 0"},
        BadRecipe{"path_and_architecture", fresh, "model:\n", "model:\n  path: x\n",
                  "5:5: model.architecture: found next to model.path, wanted one of the two", 0},
        BadRecipe{"sets_of_a_new_model", fresh, "model:\n", "model:\n  sets: [a8]\n",
                  "3:9: model.sets: found with a new model, wanted only next to model.path", 0},
        BadRecipe{"window_of_a_new_model", fresh, "model:\n", "model:\n  original_window: 128\n",
                  "3:20: model.original_window: found with a new model, wanted only next to model.path", 0},
        BadRecipe{"yarn_ramp", good, "    length: 2K\n", "    length: 2K\n    beta_slow: 32\n",
                  "13:5: stages[0].beta_fast: found 32, wanted more than beta_slow = 32"},
        BadRecipe{"heads", fresh, "num_kv_heads: 3", "num_kv_heads: 2",
                  "8:19: model.architecture.num_kv_heads: found 2, wanted a divisor of num_heads = 3", 0},
        BadRecipe{"odd_head", fresh, "head_dim: 64", "head_dim: 63",
                  "9:15: model.architecture.head_dim: found 63, wanted an even number", 0}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Chains, BadRecipes,
    ::testing::Values(
        BadRecipe{"misspelt_set", good, "from: searched", "from: serched",
                  "20:11: stages[1].from: found serched, wanted none, a set made by a stage before, or one "
                  "named in model.sets; did you mean searched?"},
        BadRecipe{"set_made_later", good, "from: none", "from: tuned",
                  "15:11: stages[0].from: found tuned, wanted none, a set made by a stage before, or one "
                  "named in model.sets; stages[1] makes it later"},
        BadRecipe{"set_made_by_itself", good, "from: none", "from: searched",
                  "15:11: stages[0].from: found searched, wanted none, a set made by a stage before, or one "
                  "named in model.sets; this stage makes it itself"},
        BadRecipe{"duplicate_stage", good, "name: score", "name: tune",
                  "25:11: stages[2].name: found tune again, wanted a name of its own; stages[1] has it too"},
        BadRecipe{
            "duplicate_set", good, "makes: tuned", "makes: searched",
            "21:12: stages[1].makes: found searched again, wanted a name of its own; stages[0] has it too"},
        BadRecipe{
            "set_of_the_model", good, "  path: models/tiny", "  path: models/tiny\n  sets: [tuned]",
            "22:12: stages[1].makes: found tuned again, wanted a name of its own; model.sets has it too"},
        BadRecipe{"reserved_set", good, "makes: tuned", "makes: yarn",
                  "21:12: stages[1].makes: found yarn, which has a meaning of its own"},
        BadRecipe{"unknown_set_stretched", good,
                  "    lengths:", "    factors: [\"stretched:tunde\"]\n    lengths:",
                  "27:14: stages[2].factors: found stretched:tunde, wanted auto, none, pi, ntk, "
                  "dynamic_ntk, yarn, llama3_ramp, mrrope_uni, mrrope_pro, cope, hard_clip, drope, a set "
                  "made by a stage "
                  "before, or one named in "
                  "model.sets; did you mean tuned?"},
        BadRecipe{"search_from_factors_never_tuned", good,
                  "  - name: score\n    kind: evaluate\n    lengths: [256, 2K]",
                  "  - {name: again, kind: search, from: searched, makes: more, length: 4K}",
                  "25:39: stages[2].from: found searched, which no fine-tune made, wanted none or the set "
                  "the weights were tuned under"},
        BadRecipe{
            "search_from_a_set_of_earlier_weights", good,
            "  - name: score\n    kind: evaluate\n    lengths: [256, 2K]",
            "  - {name: more, kind: finetune, from: searched, makes: again, length: 2K, steps: 1}\n"
            "  - {name: far, kind: search, from: tuned, makes: further, length: 4K}",
            "26:37: stages[3].from: found tuned, which is for the weights before the fine-tune stages[2], "
            "wanted again, the set that this one made"},
        BadRecipe{"unknown_set_evaluated", good, "    lengths:", "    factors: [auto, tunde]\n    lengths:",
                  "27:14: stages[2].factors: found tunde, wanted auto, none, pi, ntk, dynamic_ntk, "
                  "yarn, llama3_ramp, mrrope_uni, mrrope_pro, cope, hard_clip, drope, a set made by a stage "
                  "before"},
        BadRecipe{"fine_tune_longer_than_its_set", good, "    length: 2K\n    steps",
                  "    length: 4K\n    steps",
                  "22:13: stages[1].length: found 4K, wanted at most 2K, which the set searched is for"},
        BadRecipe{"search_shorter_than_before", good,
                  "  - name: score\n    kind: evaluate\n    lengths: [256, 2K]",
                  "  - {name: again, kind: search, from: tuned, makes: more, length: 1K}",
                  "25:67: stages[2].length: found 1K, wanted at least 2K like stages[1] before it; readjust "
                  "is for shorter ones"},
        BadRecipe{
            "fine_tune_shorter_than_before", good,
            "  - name: score\n    kind: evaluate\n    lengths: [256, 2K]",
            "  - {name: again, kind: finetune, steps: 1, from: none, makes: more, length: 1K}",
            "25:78: stages[2].length: found 1K, wanted at least 2K like the fine-tune stages[1] before it"},
        BadRecipe{"fine_tune_from_a_formula_for_no_length", good, "from: searched", "from: pi",
                  "18:5: stages[1].target: found nothing, wanted the length in tokens that the formula pi is "
                  "for"},
        BadRecipe{"formula_for_the_original_window", fresh,
                  "{name: s, kind: search, from: none, makes: a, length: 2K}",
                  "{name: s, kind: finetune, steps: 1, from: yarn, target: 256, makes: a, length: 128}",
                  "19:61: stages[1].target: found 256, wanted more than the original window of 256", 0},
        BadRecipe{"target_of_a_set", good, "from: searched", "from: searched\n    target: 4K",
                  "21:13: stages[1].target: found it beside from: searched, wanted it where from names a "
                  "formula, pi, ntk, dynamic_ntk, yarn, llama3_ramp, mrrope_uni, mrrope_pro, cope, hard_clip "
                  "or drope; a "
                  "set knows what it is for"},
        BadRecipe{"fine_tune_longer_than_its_formula", good, "from: searched", "from: pi\n    target: 1K",
                  "23:13: stages[1].length: found 2K, wanted at most 1K, which the formula pi is for"},
        BadRecipe{
            "readjust_with_a_critical_pair", good,
            "  - name: score\n    kind: evaluate\n    lengths: [256, 2K]",
            "  - {name: again, kind: readjust, from: tuned, makes: less, length: 256, seeds: longrope2}",
            "25:81: stages[2].seeds: found longrope2 for a length within the tuned one, wanted families or "
            "paper"},
        BadRecipe{"readjust_longer_than_its_set", good,
                  "  - name: score\n    kind: evaluate\n    lengths: [256, 2K]",
                  "  - {name: again, kind: readjust, from: tuned, makes: more, length: 4K}",
                  "25:69: stages[2].length: found 4K, wanted at most 2K, which the set tuned is for"},
        BadRecipe{"search_within_the_window", fresh, "length: 2K", "length: 128",
                  "19:59: stages[1].length: found 128, wanted more than the original window of 256", 0},
        BadRecipe{"pretrain_beyond_the_window", fresh, "    length: 256", "    length: 512",
                  "17:13: stages[0].length: found 512, wanted at most the window of 256", 0}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ropeway
