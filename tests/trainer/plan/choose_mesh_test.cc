// What a recipe leaves open of its mesh.
#include "trainer/plan/choose_mesh.h"

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/model_shape.h"
#include "trainer/config/mesh_ranks.h"

namespace ropeway {
namespace {

void expect_mesh(const MeshRecipe& given, int ranks, int sequence, int ring, int heads) {
  const MeshRecipe mesh = with_ranks(given, ranks);
  EXPECT_EQ(mesh.sequence, sequence);
  EXPECT_EQ(mesh.ring, ring);
  EXPECT_EQ(mesh.heads, heads);
}

TEST(WithRanks, FillsInWhatFollows) {
  expect_mesh({}, 0, 0, 0, 0);
  expect_mesh({}, 8, 8, 0, 0);
  expect_mesh({.data = 2}, 8, 4, 0, 0);
  expect_mesh({.data = 3}, 8, 0, 0, 0);
  expect_mesh({.heads = 4}, 8, 8, 2, 4);
  expect_mesh({.ring = 4}, 8, 8, 4, 2);
  expect_mesh({.ring = 4, .heads = 2}, 0, 8, 4, 2);
  expect_mesh({.sequence = 8, .heads = 8}, 0, 8, 1, 8);
  expect_mesh({.sequence = 8, .heads = 3}, 0, 8, 0, 3);
}

// Of 32 query and 8 key heads.
TEST(ChooseMesh, KeepsARingWithinAHostAndSharesHeadsBetweenNeighboursOnSeveral) {
  EXPECT_EQ(choose_mesh({}, 8, llama_8b(), 8), (MeshShape{1, 8, 1}));
  EXPECT_EQ(choose_mesh({}, 32, llama_8b(), 8), (MeshShape{1, 32, 8}));
  EXPECT_EQ(choose_mesh({.data = 4}, 32, llama_8b(), 8), (MeshShape{4, 8, 1}));
  EXPECT_EQ(choose_mesh({}, 12, llama_8b(), 8), (MeshShape{1, 12, 4}));
  EXPECT_EQ(choose_mesh({}, 32, llama_8b(), 1), (MeshShape{1, 32, 1}));  // dealt out in turn
  EXPECT_EQ(choose_mesh({.heads = 1}, 32, llama_8b(), 8), (MeshShape{1, 32, 1}));
  EXPECT_EQ(choose_mesh({.ring = 2, .heads = 4}, 0, llama_8b(), 8), (MeshShape{1, 8, 4}));
  ModelConfig odd = llama_8b();
  odd.num_heads = 12;
  odd.num_kv_heads = 2;
  EXPECT_EQ(choose_mesh({}, 16, odd, 8), (MeshShape{1, 16, 4}));
}

TEST(ChooseMesh, RefusesHeadsThatTheModelDoesNotHave) {
  try {
    choose_mesh({.heads = 64}, 64, llama_8b(), 8);
    ADD_FAILURE() << "64 ranks for 32 heads";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kConfig);
  }
}

}  // namespace
}  // namespace ropeway
