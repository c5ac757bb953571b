#include "trainer/data/convert_documents.h"

#include <functional>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "kernels/base/error.h"
#include "trainer/data/lower_case.h"
#include "trainer/data/megatron_writer.h"
#include "trainer/data/npy.h"
#include "trainer/data/text_file.h"
#include "trainer/data/token_ids.h"
#include "trainer/files/output_file.h"
#include "trainer/tokenizer/tokenizer.h"

namespace ropeway {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostIds = std::numeric_limits<int32_t>::max();

// Takes whole documents, and publishes what was made of them.
class Target {
 public:
  virtual ~Target() = default;
  virtual void add(const std::vector<int32_t>& ids) = 0;
  virtual void publish() = 0;
  virtual int id_bytes() const = 0;
};

class NpyTarget : public Target {
 public:
  NpyTarget(const fs::path& path, bool join) : path_(path), join_(join) {}
  void add(const std::vector<int32_t>& ids) override {
    if (has_one_ && !join_) {
      fail(ErrorKind::kBadData, "{}: holds one document, and there are several to put into it",
           path_.string());
    }
    has_one_ = true;
    ids_.insert(ids_.end(), ids.begin(), ids.end());
  }
  void publish() override { write_npy_int32(path_, ids_); }
  int id_bytes() const override { return 4; }

 private:
  const fs::path path_;
  const bool join_;
  bool has_one_ = false;
  std::vector<int32_t> ids_;
};

class MegatronTarget : public Target {
 public:
  MegatronTarget(const fs::path& path, int64_t vocab_size) : writer_(path, vocab_size) {}
  void add(const std::vector<int32_t>& ids) override { writer_.add(ids); }
  void publish() override { writer_.publish(); }
  int id_bytes() const override { return writer_.id_bytes(); }

 private:
  MegatronWriter writer_;
};

class JsonTarget : public Target {
 public:
  JsonTarget(const fs::path& path, const Tokenizer* tokenizer)
      : path_(path), tokenizer_(tokenizer), file_(path.string() + ".tmp-" + make_uuid()) {}
  void add(const std::vector<int32_t>& ids) override {
    nlohmann::ordered_json line;
    if (tokenizer_ != nullptr) {
      line["text"] = tokenizer_->decode(ids);
    } else {
      line = {{"input_ids", ids}, {"labels", ids}};
    }
    // A cut inside a character becomes U+FFFD, as Python writes it.
    const std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    file_.write(text.data(), static_cast<int64_t>(text.size()));
  }
  void publish() override {
    file_.keep();
    rename_file(file_.path(), path_);
  }
  int id_bytes() const override { return 0; }

 private:
  const fs::path path_;
  const Tokenizer* tokenizer_;
  OutputFile file_;
};

std::unique_ptr<Target> open_target(const fs::path& path, const ConvertOptions& options) {
  const std::string ending = lower_case(path.extension().string());
  const int64_t vocab_size = options.tokenizer != nullptr ? options.tokenizer->vocab_size() : kMostIds;
  if (ending == ".npy") return std::make_unique<NpyTarget>(path, options.join);
  if (ending == ".bin" || ending == ".idx") return std::make_unique<MegatronTarget>(path, vocab_size);
  if (ending == ".jsonl") return std::make_unique<JsonTarget>(path, options.tokenizer);
  fail(ErrorKind::kUsage, "{}: found the ending '{}', wanted .npy, .bin or .jsonl", path.string(), ending);
}

using TakeDocument = std::function<void(const std::vector<int32_t>& ids)>;

void read_ids(const fs::path& source, const ConvertOptions& options, const TakeDocument& take) {
  std::vector<int32_t> ids;
  const int64_t vocab_size = options.tokenizer != nullptr ? options.tokenizer->vocab_size() : kMostIds;
  read_token_ids(source, vocab_size, [&](std::span<const int32_t> part, int64_t, bool last) {
    ids.insert(ids.end(), part.begin(), part.end());
    if (!last) return;
    take(ids);
    ids.clear();
  });
}

void read_texts(const fs::path& source, const ConvertOptions& options, const TakeDocument& take) {
  const auto document = [&](std::string_view text, int64_t) {
    if (options.tokenizer == nullptr) {
      fail(ErrorKind::kUsage, "{}: holds text, wanted a model whose tokenizer encodes it", source.string());
    }
    take(options.tokenizer->encode(text));
  };
  const auto example = [&](const Example& example, int64_t number) {
    // What this program wrote: all of it is scored, which makes it a document.
    if (example.kind == RecordKind::kIds && example.labels == example.ids) {
      take(example.ids);
      return;
    }
    fail(ErrorKind::kBadData, "{}:{}: an example of instruction data, of which a part is scored: no document",
         source.string(), number);
  };
  read_text_documents(source, {}, {document, example});
}

}  // namespace

ConvertedDocuments convert_documents(const fs::path& named, const fs::path& target,
                                     const ConvertOptions& options) {
  const fs::path source = token_id_file(named);
  std::error_code ignored;
  if (!options.replace && fs::exists(target, ignored)) {
    throw Error(ErrorKind::kCannotCreate, fmt::format("{}: is there already", target.string()),
                WayOut::kReplaceOutput);
  }
  const bool holds_ids = !token_id_kind(source).empty();
  const std::unique_ptr<Target> to = open_target(target, options);
  ConvertedDocuments converted{.id_bytes = to->id_bytes()};
  const TakeDocument take = [&](const std::vector<int32_t>& ids) {
    to->add(ids);
    ++converted.documents;
    converted.tokens += std::ssize(ids);
  };
  if (holds_ids) {
    read_ids(source, options, take);
  } else {
    read_texts(source, options, take);
  }
  to->publish();
  return converted;
}

}  // namespace ropeway
