// --dtype: the same words on every verb.
#include "launch/dtype_option.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"

namespace ropeway {
namespace {

std::string refusal(const std::string& word, const std::vector<DType>& accepted,
                    const std::vector<std::string>& others = {}) {
  try {
    read_dtype_option(word, accepted, others);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    return error.what();
  }
  ADD_FAILURE() << "accepted " << word;
  return "";
}

TEST(DTypeOption, TakesBothSpellings) {
  const std::vector<DType> all = {DType::kF32, DType::kF16, DType::kBF16, DType::kF64};
  for (const char* word : {"fp32", "f32"}) EXPECT_EQ(read_dtype_option(word, all), DType::kF32);
  for (const char* word : {"fp16", "f16"}) EXPECT_EQ(read_dtype_option(word, all), DType::kF16);
  for (const char* word : {"fp64", "f64"}) EXPECT_EQ(read_dtype_option(word, all), DType::kF64);
  EXPECT_EQ(read_dtype_option("bf16", all), DType::kBF16);
}

TEST(DTypeOption, NamesOneSpellingOfWhatTheVerbTakes) {
  EXPECT_EQ(refusal("q4", {DType::kBF16, DType::kF16}, {"q8_0"}),
            "--dtype: found q4, wanted bf16, fp16 or q8_0");
  EXPECT_THAT(refusal("f64", {DType::kF32, DType::kF16}),
              testing::HasSubstr("found f64, wanted fp32 or fp16"));
  EXPECT_THAT(refusal("fp23", {DType::kF32, DType::kBF16}), testing::HasSubstr("; did you mean fp32?"));
}

}  // namespace
}  // namespace ropeway
