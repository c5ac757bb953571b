// A device without a GPU: memory is the host's, streams are lists of operations. For checking that work on
// several streams is in the order its events promise, in three ways:
//   Every operation carries a vector clock, joined where a stream waits for an event; two accesses to the
//   same bytes, one of them a write, of which neither comes before the other are recorded in violations().
//   Nothing is done before somebody must wait for it: bytes leave a buffer as late as the events allow.
//   What is going to be overwritten is spoilt (all bits set: NaN) as soon as the events allow.
//
// The null stream is each thread's own, and its work is done by the thread itself, at once (tensors on the
// CPU): where that stream waits for an event, the thread does.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "parallel/comm/device_queues.h"

namespace ropeway::testing {

enum class Access { kRead, kWrite };

inline CurrentStream always(CudaStream stream) {
  return [stream] { return stream; };
}

class FakeDevice : public DeviceQueues {
 public:
  FakeDevice();
  ~FakeDevice() override;

  void make_current() override {}
  CudaStream create_stream() override;
  void destroy_stream(CudaStream stream) override;
  CudaEvent create_event() override;
  void destroy_event(CudaEvent event) override;
  void record(CudaEvent event, CudaStream stream) override;
  void wait(CudaStream stream, CudaEvent event) override;
  bool done(CudaEvent event) override;
  void copy(void* to, const void* from, int64_t bytes, CudaStream stream) override;
  void* allocate(int64_t bytes) override;
  void release(void* memory) override;

  // Says that what the caller queues on the stream now touches these bytes.
  void touch(CudaStream stream, const void* data, int64_t bytes, Access access);
  // An operation of a library: tried until it returns true, under lock(), when all before it is done.
  void queue(CudaStream stream, std::function<bool()> run);
  void spoil(CudaStream stream, void* data, int64_t bytes);  // see above
  void report(const std::string& violation);
  std::recursive_mutex& lock() { return mutex_; }
  void changed() { wake_.notify_all(); }  // some operation may be able to go on

  void drain();  // until no stream has work left; for work that needs no other thread
  std::vector<std::string> violations();
  int64_t created() const { return created_; }  // streams, events and pieces of memory so far

 private:
  using Clock = std::map<int, int64_t>;  // by stream
  struct Work {
    std::function<bool()> run;
    bool early;  // done as soon as it can be; everything else when somebody waits
  };
  struct Stream {
    int number = 0;
    bool of_thread = false;
    Clock clock;
    std::deque<Work> work;
  };
  struct Event {
    Clock clock;
    std::shared_ptr<bool> done = std::make_shared<bool>(true);
  };
  struct Touch {
    const std::byte *begin, *end;
    Access access;
    int stream;
    int64_t time;
  };

  Stream& at(CudaStream stream);
  static Event& at(CudaEvent event) { return *reinterpret_cast<Event*>(event); }
  bool progress(bool early_only = false);  // does what can be done; true if that was anything
  void add(Stream& stream, Work work);

  std::recursive_mutex mutex_;
  std::condition_variable_any wake_;
  std::map<std::thread::id, std::unique_ptr<Stream>> of_threads_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<std::unique_ptr<Event>> events_;
  std::map<const std::byte*, int64_t> allocated_;  // bytes, by address
  std::vector<Touch> touches_;
  std::vector<std::string> violations_;
  int64_t created_ = 0;
};

}  // namespace ropeway::testing
