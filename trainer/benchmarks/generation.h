// Generation for benchmarks: greedy, under one factor set.
#pragma once

#include <filesystem>
#include <functional>

#include "parallel/comm/mesh.h"
#include "trainer/data/document_marks.h"
#include "trainer/family/model_config.h"
#include "trainer/generate/generator.h"

namespace ropeway {

struct BenchmarkGeneration {
  CausalLM& model;
  const Mesh& mesh;
  // Of the tokenizer, whose files name the tokens that end a text; empty: a model that is made here.
  std::filesystem::path folder;
  NamedTokens named;
  const ModelConfig& config;
};
// BenchmarkInputs::generate. model, mesh and config must outlive what it returns.
std::function<Complete(const FactorSet& factors)> generation_under(const BenchmarkGeneration& with);

}  // namespace ropeway
