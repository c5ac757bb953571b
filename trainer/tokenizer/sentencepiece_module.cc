#include <sentencepiece_processor.h>

#include <exception>

#include "trainer/tokenizer/sentencepiece_model.h"

namespace ropeway {
namespace {

class LibraryModel : public SentencePieceModel {
 public:
  std::string load(std::string_view bytes) {
    const auto status = processor_.LoadFromSerializedProto(bytes);
    if (!status.ok()) return status.ToString();
    return processor_.GetPieceSize() > 0 ? "" : "it has no pieces";
  }

  std::string encode(std::string_view text, std::vector<int>& ids) const override {
    const auto status = processor_.Encode(text, &ids);
    return status.ok() ? "" : status.ToString();
  }
  std::string decode(const std::vector<int>& ids, std::string& text) const override {
    const auto status = processor_.Decode(ids, &text);
    return status.ok() ? "" : status.ToString();
  }

  int size() const override { return processor_.GetPieceSize(); }
  std::string piece(int id) const override { return processor_.IdToPiece(id); }
  bool is_control(int id) const override { return processor_.IsControl(id); }
  bool is_unknown(int id) const override { return processor_.IsUnknown(id); }
  int bos_id() const override { return processor_.bos_id(); }
  int eos_id() const override { return processor_.eos_id(); }

 private:
  sentencepiece::SentencePieceProcessor processor_;
};

}  // namespace

__attribute__((visibility("default"))) SentencePieceModel* ropeway_open_sentencepiece_model(
    std::string_view bytes, std::string& error) {
  auto model = std::make_unique<LibraryModel>();
  try {
    error = model->load(bytes);
  } catch (const std::exception& failed) {  // its double array does, for a piece that begins with NUL
    error = failed.what();
  }
  return error.empty() ? model.release() : nullptr;
}

}  // namespace ropeway
