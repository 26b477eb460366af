// soak CONFIG PICTURE COUNT: answers the same request repeatedly, and fails if memory grows by more than 2%
// after the first hundred answers.
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>

#include "framework/session/session.h"

namespace {

double resident_megabytes() {
  std::ifstream in("/proc/self/statm");
  long pages = 0, resident = 0;
  in >> pages >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: soak CONFIG PICTURE COUNT\n";
    return 2;
  }
  try {
    flam::RunOptions options;
    options.threads = 1;  // more threads do not make a small model faster
    const auto session = flam::Session::open(argv[1], options);
    const long count = std::strtol(argv[3], nullptr, 10);
    double settled = 0, last = 0;
    for (long i = 1; i <= count; ++i) {
      session->answer(flam::picture_request(argv[2]));
      if (i == 100) settled = resident_megabytes();
      if (i == count) last = resident_megabytes();
      if (i % 1000 == 0) std::cout << i << " answers: " << resident_megabytes() << " MB" << std::endl;
    }
    std::cout << "after 100: " << settled << " MB, after " << count << ": " << last << " MB\n";
    return last <= 1.02 * settled ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 2;
  }
}
