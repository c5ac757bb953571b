#include "launch/serve_page.h"

#include <httplib.h>

#include <chrono>
#include <mutex>

#include "kernels/base/error.h"
#include "trainer/page/write_page.h"

namespace ropeway {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kLoopback = "127.0.0.1";

// Every ten seconds header and figures are exchanged for newer ones; tables that are open stay so.
constexpr const char* kScript = R"js(setInterval(async()=>{try{
const answer=await fetch(location.pathname,{cache:'no-store'});if(!answer.ok)return;
const page=new DOMParser().parseFromString(await answer.text(),'text/html');
for(const figure of document.querySelectorAll('figure')){
const newer=page.getElementById(figure.id),table=newer&&newer.querySelector('details'),old=figure.querySelector('details');
if(table&&old)table.open=old.open;}
for(const part of['header','main'])document.querySelector(part).replaceWith(page.querySelector(part));
}catch(error){}},10000);)js";

// The newest page, made by whoever asks when it is too old.
class FreshPage {
 public:
  explicit FreshPage(const std::vector<std::filesystem::path>& runs) : runs_(runs) {}

  std::string text() {
    constexpr std::chrono::seconds kOldest{2};
    const std::lock_guard lock(mutex_);
    if (text_.empty() || Clock::now() - made_ > kOldest) {
      text_ = page::page_of(runs_, warn_, kScript);
      made_ = Clock::now();
    }
    return text_;
  }

 private:
  const std::vector<std::filesystem::path> runs_;
  const page::Tell warn_ = page::warn_once();
  std::mutex mutex_;
  std::string text_;
  Clock::time_point made_;
};

}  // namespace

void serve_page(const std::vector<std::filesystem::path>& runs, int port,
                const std::function<void(const std::string& address)>& listening) {
  FreshPage page(runs);
  page.text();  // what is wrong with the run is said before anybody looks
  httplib::Server server;
  server.Get("/", [&](const httplib::Request&, httplib::Response& response) {
    try {
      response.set_header("Cache-Control", "no-store");
      response.set_content(page.text(), "text/html; charset=utf-8");
    } catch (const std::exception& error) {
      response.status = 500;
      response.set_content(error.what(), "text/plain; charset=utf-8");
    }
  });
  const int bound = port == 0                              ? server.bind_to_any_port(kLoopback)
                    : server.bind_to_port(kLoopback, port) ? port
                                                           : -1;
  if (bound < 0) {
    fail(ErrorKind::kCannotCreate, "port {} of {}: cannot be had; another program may have it", port,
         kLoopback);
  }
  listening(fmt::format("http://{}:{}/", kLoopback, bound));
  server.listen_after_bind();
}

}  // namespace ropeway
