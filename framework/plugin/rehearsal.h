#pragma once
#include <chrono>
#include <functional>
#include <string>

#include "framework/base/error.h"
#include "framework/base/export.h"

namespace flam {

/// The limits after which a rehearsal is stopped. Time in which the child waits for a processor on a busy
/// machine does not count.
struct RehearsalLimits {
  std::chrono::milliseconds working{10'000};  // processor time of all its threads
  std::chrono::milliseconds asleep{10'000};   // without interruption; in total, six times as long is allowed
};

/// A rehearsal was stopped because it exceeded a limit.
class FLAM_API TookTooLong : public Error {
 public:
  using Error::Error;
  ~TookTooLong() override;
};

/// Runs `act` in a child process, whose output is discarded, and returns the text that it returned (at most
/// 4000 bytes). Error: the exception's message, or how the child ended without finishing `act` (a signal, an
/// exit). `doing` names the activity in messages, such as "loading". TookTooLong: the child exceeded a limit
/// and was killed.
FLAM_API std::string rehearse(const std::function<std::string()>& act, const RehearsalLimits& limits,
                              const std::string& doing);

}  // namespace flam
