#include "launch/crash_report.h"

#include <execinfo.h>
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <vector>

#include "launch/own_symbols.h"
#include "launch/signal_line.h"
#include "parallel/board/hang_watch.h"
#include "parallel/board/position.h"

namespace ropeway {
namespace {

constexpr int kMostFrames = 48;
char g_who[320];  // "rank 3 on node2"
std::vector<char> g_stack(64 << 10);
uintptr_t g_stack_end = 0;  // of the main thread, as far as prepare_crash_reports() is called from

const char* name_of_signal(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGABRT:
      return "SIGABRT";
    case SIGFPE:
      return "SIGFPE";
    case SIGILL:
      return "SIGILL";
    case SIGBUS:
      return "SIGBUS";
  }
  return "signal";
}

void print_frame(const OwnSymbols& symbols, uintptr_t address) {
  SignalLine line;
  symbols.add_name(address - 1, line);  // of the call: what follows it may belong to another function
  line.add("\n");
  line.print();
}

// Whether the instruction before the address is a call.
bool is_behind_a_call(uintptr_t address) {
  const auto* code = reinterpret_cast<const unsigned char*>(address);
  return code[-5] == 0xE8 || code[-2] == 0xFF || code[-3] == 0xFF || code[-6] == 0xFF || code[-7] == 0xFF;
}

// Code that oneDNN makes at run time cannot be unwound. Then return addresses into this program are looked for on the
// main thread's stack, from where the stack pointer is, or, where that code uses it for data, some way up.
void print_what_lies_on_the_stack(const OwnSymbols& symbols, uintptr_t stack_pointer) {
  constexpr uintptr_t kMostBytes = 1 << 20, kAnyway = 32 << 10;
  if (::gettid() != ::getpid()) return;
  if (stack_pointer >= g_stack_end || g_stack_end - stack_pointer > kMostBytes)
    stack_pointer = g_stack_end - kAnyway;
  int printed = 0;
  for (uintptr_t at = stack_pointer & ~uintptr_t{7}; at < g_stack_end && printed < kMostFrames;
       at += sizeof at) {
    uintptr_t address = 0;
    std::memcpy(&address, reinterpret_cast<const void*>(at), sizeof address);
    if (!symbols.covers(address - 7) || !is_behind_a_call(address)) continue;
    if (printed++ == 0) {
      SignalLine line;
      line.add("on the stack, some of it from earlier calls:\n");
      line.print();
    }
    print_frame(symbols, address);
  }
}

void print_stack(uintptr_t stack_pointer) {
  void* frames[kMostFrames];
  const int count = ::backtrace(frames, kMostFrames);  // libgcc is loaded by now: prepare_crash_reports()
  const OwnSymbols symbols;
  bool any_of_ours = false;
  for (int i = 3; i < count; ++i) {  // 0 to 2: this function, report_crash() and the handler
    const auto address = reinterpret_cast<uintptr_t>(frames[i]);
    if (symbols.covers(address)) {
      any_of_ours = true;
      print_frame(symbols, address);
    } else {
      ::backtrace_symbols_fd(frames + i, 1, STDERR_FILENO);
    }
  }
  if (!any_of_ours && stack_pointer != 0) print_what_lies_on_the_stack(symbols, stack_pointer);
}

void add_where(SignalLine& line) {
  const Position* const position = Position::of_process();
  if (position == nullptr) return;
  const Place place = position->now();
  if (place.phase == Phase::kStart) return;
  line.add(", in ");
  line.add(word_of(place.phase));
  line.add(" of ");
  line.add(place.stage);
  if (place.step > 0) {
    line.add(", step ");
    line.add_number(static_cast<uint64_t>(place.step));
  }
  if (place.pass.blocks > 0 && place.pass.phase != PassPhase::kNone) {
    line.add(place.pass.phase == PassPhase::kBackward ? ", backward, block " : ", forward, block ");
    line.add_number(static_cast<uint64_t>(place.pass.block + 1));
  }
  if (place.waits_in != nullptr) {
    line.add(", waiting in ");
    line.add(place.waits_in);
  }
}

void on_fatal_signal(int signal, siginfo_t* info, void* context) {
  ::signal(signal, SIG_DFL);
  // si_addr is an address for faults only.
  report_crash(signal, info->si_code > 0 && signal != SIGABRT ? info->si_addr : nullptr, context);
  ::raise(signal);  // comes through when the handler returns
}

}  // namespace

void report_crash(int signal, const void* address, const void* context) {
  static std::atomic_flag entered = ATOMIC_FLAG_INIT;
  if (g_who[0] == '\0' || entered.test_and_set()) return;
  SignalLine head;
  head.add("ropeway: ");
  head.add(g_who);
  head.add(": ");
  head.add(name_of_signal(signal));
  head.add(", stack:\n");
  head.print();
  uintptr_t stack_pointer = 0;
#ifdef __x86_64__
  if (context != nullptr) {
    stack_pointer =
        static_cast<uintptr_t>(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RSP]);
  }
#endif
  print_stack(stack_pointer);
  SignalLine line;
  line.add("ropeway: ");
  line.add(g_who);
  line.add(" died of signal ");
  line.add_number(static_cast<uint64_t>(signal));
  line.add(" (");
  line.add(name_of_signal(signal));
  line.add(")");
  if (address != nullptr) {
    line.add(" at address 0x");
    line.add_number(reinterpret_cast<uintptr_t>(address), 16);
  }
  add_where(line);
  line.add("\n");
  line.print();
  char end[] = "signal 00";
  if (signal < 10) {
    end[7] = static_cast<char>('0' + signal);
    end[8] = '\0';
  } else {
    end[7] = static_cast<char>('0' + signal / 10);
    end[8] = static_cast<char>('0' + signal % 10);
  }
  HangWatch::write_end_of_process(end);
}

void prepare_crash_reports(int rank, const std::string& host) {
  std::snprintf(g_who, sizeof g_who, "rank %d on %s", rank, host.c_str());
  OwnSymbols::prepare();
  g_stack_end = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  void* first_use[1];
  ::backtrace(first_use, 1);  // loads libgcc, which a handler must not
  stack_t alternative = {};   // the stack may be what is used up
  alternative.ss_sp = g_stack.data();
  alternative.ss_size = g_stack.size();
  ::sigaltstack(&alternative, nullptr);
  for (const int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGBUS}) {
    struct sigaction there = {};
    ::sigaction(signal, nullptr, &there);
    if (there.sa_handler != SIG_DFL) continue;
    struct sigaction action = {};
    action.sa_sigaction = on_fatal_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    ::sigaction(signal, &action, nullptr);
  }
}

}  // namespace ropeway
