#pragma once
#include <chrono>
#include <functional>

namespace flam {

/// Runs `act` in a child process, whose output is dropped. Error: the exception's message, or how the child
/// ended without finishing `act` (a signal, an exit, too much time; then it is killed).
void rehearse(const std::function<void()>& act, std::chrono::milliseconds timeout);

}  // namespace flam
