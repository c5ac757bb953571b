// A SentencePiece model as the module libropeway_sentencepiece.so gives it, the one place that meets Debian's
// libsentencepiece. That library carries and exports a protobuf of its own, 3.14: linked into the program it
// takes the place of libprotobuf 3.21, which the TensorBoard events are written with, and the process ends in
// a crash. So the program does not link it; sentencepiece_library.h loads the module at first use, with a
// scope of names of its own. Program and module are built together by one compiler: classes may pass.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ropeway {

// Safe to share between threads.
class SentencePieceModel {
 public:
  virtual ~SentencePieceModel() = default;
  // Both return "" or what the library has against it; results are then unspecified.
  virtual std::string encode(std::string_view text, std::vector<int>& ids) const = 0;
  virtual std::string decode(const std::vector<int>& ids, std::string& text) const = 0;

  virtual int size() const = 0;  // ids are in [0, size)
  virtual std::string piece(int id) const = 0;
  virtual bool is_control(int id) const = 0;  // <s>, </s>: never made from a text, nothing in a decoded one
  virtual bool is_unknown(int id) const = 0;
  virtual int bos_id() const = 0, eos_id() const = 0;  // -1: the model has none
};

// The module's only symbol. nullptr, with the reason in `error`, when the bytes are not a model.
extern "C" SentencePieceModel* ropeway_open_sentencepiece_model(std::string_view bytes, std::string& error);

}  // namespace ropeway
