#pragma once
#include <chrono>
#include <functional>
#include <string>

#include "framework/base/error.h"
#include "framework/base/export.h"

namespace flam {

/// A rehearsal that was stopped.
class FLAM_API TookTooLong : public Error {
 public:
  using Error::Error;
  ~TookTooLong() override;
};

/// Runs `act` in a child process, whose output is dropped, and gives the text that it returned (at most 4000
/// bytes). Error: the exception's message, or how the child ended without finishing `act` (a signal, an
/// exit), where `doing` says at what: "loading". TookTooLong: it worked for longer than `timeout`, or took
/// six times as long, and was killed.
FLAM_API std::string rehearse(const std::function<std::string()>& act, std::chrono::milliseconds timeout,
                              const std::string& doing);

}  // namespace flam
