// Captions pictures in C++: load once, call often. Compiled and run by the tests.
//   example_session CONFIG PICTURE...
#include <iostream>

#include "framework/base/error.h"
#include "framework/device/short_waits.h"  // lets it run beside other programs that compute
#include "framework/session/session.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: example_session CONFIG PICTURE...\n";
    return 2;
  }
  try {
    flam::RunOptions options;
    options.device = "auto";
    const auto session = flam::Session::open(argv[1], options);  // may be shared by threads
    for (int i = 2; i < argc; ++i) {
      const flam::Outcome outcome = session->answer(flam::picture_request(argv[i]));
      for (const auto& [field, text] : outcome.answer) std::cout << field << ": " << text << "\n";
    }
  } catch (const flam::Error& error) {
    std::cerr << error.what() << "\n";
    return error.exit_status();
  }
}
