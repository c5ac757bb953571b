#include "trainer/report/tensorboard.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/crc.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "event.pb.h"
#include "kernels/base/log.h"
#include "kernels/base/seconds_since.h"
#include "trainer/files/write_all.h"

namespace ropeway {
namespace {

template <typename T>
void append_little_endian(std::string& out, T value) {
  for (size_t i = 0; i < sizeof value; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

}  // namespace

uint32_t masked_crc32c(const void* data, size_t bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(data, bytes);
  const uint32_t value = crc.checksum();
  return ((value >> 15) | (value << 17)) + 0xa282ead8u;
}

TensorBoardWriter::TensorBoardWriter(const std::filesystem::path& folder) {
  path_ = folder / fmt::format("events.out.tfevents.{:.6f}.ropeway", seconds_since_1970());
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) {
    log_warning("{}: {}; no TensorBoard events are written", path_.string(), std::strerror(errno));
    return;
  }
  tensorboard::Event event;
  event.set_wall_time(seconds_since_1970());
  event.set_file_version("brain.Event:2");
  record(event.SerializeAsString());
}

TensorBoardWriter::~TensorBoardWriter() {
  if (fd_ >= 0) ::close(fd_);
}

void TensorBoardWriter::scalars(int64_t step, const std::vector<std::pair<std::string, double>>& values) {
  if (fd_ < 0) return;
  tensorboard::Event event;
  event.set_wall_time(seconds_since_1970());
  event.set_step(step);
  for (const auto& [tag, number] : values) {
    auto* value = event.mutable_summary()->add_value();
    value->set_tag(tag);
    value->set_simple_value(static_cast<float>(number));
  }
  record(event.SerializeAsString());
}

// A summary that a plugin of TensorBoard reads.
void TensorBoardWriter::tensor(const std::string& tag, const std::string& plugin, const std::string& content,
                               const std::string& value) {
  if (fd_ < 0) return;
  constexpr int kFloat = 1, kString = 7;
  tensorboard::Event event;
  event.set_wall_time(seconds_since_1970());
  auto* summary = event.mutable_summary()->add_value();
  summary->set_tag(tag);
  summary->mutable_metadata()->mutable_plugin_data()->set_plugin_name(plugin);
  summary->mutable_metadata()->mutable_plugin_data()->set_content(content);
  summary->mutable_tensor()->set_dtype(value.empty() ? kFloat : kString);
  if (!value.empty()) {
    summary->mutable_tensor()->mutable_tensor_shape()->add_dim()->set_size(1);
    summary->mutable_tensor()->add_string_val(value);
  } else {
    summary->mutable_tensor()->mutable_tensor_shape()->add_dim()->set_size(0);
  }
  record(event.SerializeAsString());
}

void TensorBoardWriter::text(const std::string& tag, const std::string& markdown) {
  if (!markdown.empty()) tensor(tag + "/text_summary", "text", "", markdown);
}

void TensorBoardWriter::hyperparameters(const std::vector<std::pair<std::string, std::string>>& values) {
  tensorboard::HParamsPluginData data;
  data.mutable_session_start_info()->set_start_time_secs(seconds_since_1970());
  auto& parameters = *data.mutable_session_start_info()->mutable_hparams();
  for (const auto& [name, value] : values) {
    double number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error == std::errc() && end == value.data() + value.size()) {
      parameters[name].set_number_value(number);
    } else {
      parameters[name].set_string_value(value);
    }
  }
  tensor("_hparams_/session_start_info", "hparams", data.SerializeAsString(), "");
}

void TensorBoardWriter::record(const std::string& bytes) {
  std::string framed;
  append_little_endian(framed, static_cast<uint64_t>(bytes.size()));
  append_little_endian(framed, masked_crc32c(framed.data(), framed.size()));
  framed += bytes;
  append_little_endian(framed, masked_crc32c(bytes.data(), bytes.size()));
  // One write per record: a reader never sees half of one, and a full disk costs the events, not the run.
  const int error = write_all(fd_, framed.data(), framed.size());
  if (error != 0) {
    log_warning("{}: {}; no further TensorBoard events are written", path_.string(), std::strerror(error));
    ::close(fd_);
    fd_ = -1;
  }
}

}  // namespace ropeway
