#include "tests/parallel/fake_device.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>

namespace ropeway::testing {

FakeDevice::FakeDevice() = default;
FakeDevice::~FakeDevice() = default;

FakeDevice::Stream& FakeDevice::at(CudaStream stream) {
  if (stream != nullptr) return *reinterpret_cast<Stream*>(stream);
  auto& own = of_threads_[std::this_thread::get_id()];
  if (!own) {
    own = std::make_unique<Stream>();
    own->number = -static_cast<int>(of_threads_.size());
    own->of_thread = true;
  }
  return *own;
}

CudaStream FakeDevice::create_stream() {
  const std::lock_guard lock(mutex_);
  ++created_;
  auto& stream = streams_.emplace_back(std::make_unique<Stream>());
  stream->number = static_cast<int>(streams_.size());
  return reinterpret_cast<CudaStream>(stream.get());
}
void FakeDevice::destroy_stream(CudaStream) {}  // its work comes to its end; forgotten with the device

CudaEvent FakeDevice::create_event() {
  const std::lock_guard lock(mutex_);
  ++created_;
  return reinterpret_cast<CudaEvent>(events_.emplace_back(std::make_unique<Event>()).get());
}
void FakeDevice::destroy_event(CudaEvent) {}

void FakeDevice::add(Stream& stream, Work work) {
  if (stream.of_thread) {
    if (!work.run()) report("work on a thread's own stream that cannot be done at once");
    return;
  }
  stream.work.push_back(std::move(work));
  progress(/*early_only=*/true);
  wake_.notify_all();
}

void FakeDevice::record(CudaEvent event, CudaStream stream) {
  const std::lock_guard lock(mutex_);
  Stream& s = at(stream);
  at(event).clock = s.clock;
  at(event).done = std::make_shared<bool>(s.of_thread);
  if (s.of_thread) return;
  add(s, {[flag = at(event).done] { return *flag = true; }, true});
}

void FakeDevice::wait(CudaStream stream, CudaEvent event) {
  std::unique_lock lock(mutex_);
  Stream& s = at(stream);
  for (const auto& [number, time] : at(event).clock) s.clock[number] = std::max(s.clock[number], time);
  const auto flag = at(event).done;
  if (!s.of_thread) return add(s, {[flag] { return *flag; }, true});
  while (!*flag) {
    if (!progress()) wake_.wait(lock);
  }
}

bool FakeDevice::done(CudaEvent event) {
  const std::lock_guard lock(mutex_);
  progress();
  return *at(event).done;
}

void FakeDevice::copy(void* to, const void* from, int64_t bytes, CudaStream stream) {
  const std::lock_guard lock(mutex_);
  touch(stream, from, bytes, Access::kRead);
  touch(stream, to, bytes, Access::kWrite);
  spoil(stream, to, bytes);
  queue(stream, [=] { return std::memmove(to, from, static_cast<size_t>(bytes)) != nullptr; });
}

void* FakeDevice::allocate(int64_t bytes) {
  const std::lock_guard lock(mutex_);
  ++created_;
  void* memory = std::malloc(static_cast<size_t>(bytes));
  allocated_[static_cast<const std::byte*>(memory)] = bytes;
  return memory;
}

// Waits for the device, so that whoever gets these addresses next comes after all that touched them.
void FakeDevice::release(void* memory) {
  const std::lock_guard lock(mutex_);
  progress();
  const auto* begin = static_cast<const std::byte*>(memory);
  const auto* end = begin + allocated_.at(begin);
  std::erase_if(touches_, [&](const Touch& t) { return begin <= t.begin && t.end <= end; });
  allocated_.erase(begin);
  std::free(memory);
}

void FakeDevice::touch(CudaStream stream, const void* data, int64_t bytes, Access access) {
  const std::lock_guard lock(mutex_);
  Stream& s = at(stream);
  const auto* begin = static_cast<const std::byte*>(data);
  const Touch now{begin, begin + bytes, access, s.number, ++s.clock[s.number]};
  const auto before = [&](const Touch& t) { return t.time <= s.clock[t.stream]; };
  const auto word = [](Access a) { return a == Access::kRead ? "read" : "write"; };
  for (const Touch& t : touches_) {
    const bool overlap = t.begin < now.end && now.begin < t.end;
    if (!overlap || (t.access == Access::kRead && access == Access::kRead) || before(t)) continue;
    report(fmt::format("a {} on stream {} does not wait for a {} on stream {} of the same bytes",
                       word(access), s.number, word(t.access), t.stream));
  }
  // What lies before a write and inside it can meet no later access that the write does not meet.
  if (access == Access::kWrite) {
    std::erase_if(touches_,
                  [&](const Touch& t) { return now.begin <= t.begin && t.end <= now.end && before(t); });
  }
  touches_.push_back(now);
}

void FakeDevice::queue(CudaStream stream, std::function<bool()> run) {
  const std::lock_guard lock(mutex_);
  add(at(stream), {std::move(run), false});
}

void FakeDevice::spoil(CudaStream stream, void* data, int64_t bytes) {
  const std::lock_guard lock(mutex_);
  add(at(stream), {[=] { return std::memset(data, 0xFF, static_cast<size_t>(bytes)) != nullptr; }, true});
}

void FakeDevice::report(const std::string& violation) {
  const std::lock_guard lock(mutex_);
  violations_.push_back(violation);
}

bool FakeDevice::progress(bool early_only) {
  bool any = false;
  for (bool more = true; more;) {
    more = false;
    for (const auto& stream : streams_) {
      while (!stream->work.empty() && (stream->work.front().early || !early_only) &&
             stream->work.front().run()) {
        stream->work.pop_front();
        any = more = true;
      }
    }
  }
  if (any) wake_.notify_all();
  return any;
}

void FakeDevice::drain() {
  const std::lock_guard lock(mutex_);
  progress();
  for (const auto& stream : streams_) {
    if (!stream->work.empty()) report(fmt::format("stream {} has work that cannot go on", stream->number));
  }
}

std::vector<std::string> FakeDevice::violations() {
  const std::lock_guard lock(mutex_);
  return violations_;
}

}  // namespace ropeway::testing
