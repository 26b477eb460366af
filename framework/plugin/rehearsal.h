#pragma once
#include <chrono>
#include <functional>
#include <string>

#include "framework/base/error.h"
#include "framework/base/export.h"

namespace flam {

/// When a rehearsal is stopped. Time in which the child waits for its turn on a busy machine counts for
/// neither.
struct RehearsalLimits {
  std::chrono::milliseconds working{10'000};  // processor time of all its threads
  std::chrono::milliseconds asleep{10'000};   // without using a processor; six times as long in several naps
};

/// A rehearsal that was stopped.
class FLAM_API TookTooLong : public Error {
 public:
  using Error::Error;
  ~TookTooLong() override;
};

/// Runs `act` in a child process, whose output is dropped, and gives the text that it returned (at most 4000
/// bytes). Error: the exception's message, or how the child ended without finishing `act` (a signal, an
/// exit), where `doing` says at what: "loading". TookTooLong: it went past one of the limits and was killed.
FLAM_API std::string rehearse(const std::function<std::string()>& act, const RehearsalLimits& limits,
                              const std::string& doing);

}  // namespace flam
