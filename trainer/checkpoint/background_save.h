// Saves checkpoints beside the work: a thread of each rank hashes and writes what it is given, and the ranks'
// threads agree with each other over a group of their own. One save at a time.
#pragma once

#include <atomic>
#include <exception>
#include <filesystem>
#include <memory>
#include <thread>

#include "parallel/comm/communicator.h"
#include "trainer/checkpoint/checkpoint_save.h"

namespace ropeway {

class BackgroundSave {
 public:
  // Collective, and so is the destructor, unless an exception passes: it waits for the save in flight.
  explicit BackgroundSave(Communicator& world);
  ~BackgroundSave();
  BackgroundSave(const BackgroundSave&) = delete;
  BackgroundSave& operator=(const BackgroundSave&) = delete;

  // Collective, with none in flight. What the tensors of the content point to must stay as it is until finish().
  void start(const std::filesystem::path& folder, CheckpointContent content, const Retention& retention);
  bool in_flight() const { return thread_.joinable(); }        // finish() has not been called
  bool failed() const { return ended_ && error_ != nullptr; }  // finish() would throw
  bool ended() const { return ended_; }                        // finish() would not wait
  // Of the last one, from start() to its end.
  double seconds() const { return seconds_; }

  // Waits for the save in flight, if there is one, and throws what save_checkpoint threw: when it failed on one
  // rank, on every rank.
  void finish();

 private:
  std::unique_ptr<Communicator> group_;
  std::thread thread_;
  std::atomic<bool> ended_{false};  // what the thread writes is there
  std::exception_ptr error_;
  double seconds_ = 0;
};

}  // namespace ropeway
