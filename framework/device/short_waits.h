#pragma once
// Makes waiting threads spin only briefly before they sleep. A program includes this header once, in the
// source file of its main().
//
// libtorch uses libgomp. At the end of every parallel loop, its threads spin for up to 300,000 rounds
// (several milliseconds) before they sleep. If another program is also computing, the spinning threads take
// cores from the threads that they wait for. libgomp reads the number of rounds from the environment when it
// is loaded, before main(), and it can't be changed later. So the program re-executes itself with that
// variable set, after it was linked and before any library is initialised, which takes about 15 ms. Without
// this header, a program can be started with GOMP_SPINCOUNT=3000 instead. If the user has set the variable,
// it is left unchanged.

#include <sys/auxv.h>
#include <unistd.h>

#include <climits>
#include <cstring>

namespace flam::short_waits {

/// Long enough for the gaps between the loops of a decode step on a quiet machine, as tools/bench_threads
/// measures it.
constexpr const char* kSetting = "GOMP_SPINCOUNT=3000";

inline bool is_set(const char* variable, const char* name) {
  const size_t length = std::strlen(name);
  return std::strncmp(variable, name, length) == 0 && variable[length] == '=';
}

/// Returns if nothing needs to be done, or if it can't be done. The C library isn't initialised yet, so
/// getenv() can't be used.
inline void start_anew(int, char** arguments, char** environment) {
  if (getauxval(AT_BASE) == 0) return;  // started through the dynamic linker, so /proc/self/exe is the linker
  size_t count = 0;
  for (; environment[count] != nullptr; ++count) {
    if (is_set(environment[count], "GOMP_SPINCOUNT") || is_set(environment[count], "OMP_WAIT_POLICY")) return;
  }
  char program[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  if (length <= 0) return;
  program[length] = '\0';
  auto** const changed = static_cast<char**>(__builtin_alloca((count + 2) * sizeof(char*)));
  std::memcpy(changed, environment, count * sizeof(char*));
  changed[count] = const_cast<char*>(kSetting);
  changed[count + 1] = nullptr;
  execve(program, arguments, changed);
}

/// Called by the dynamic linker before the constructors of all libraries.
[[gnu::section(".preinit_array"), gnu::used]] static void (*const before_libraries)(int, char**,
                                                                                    char**) = start_anew;

}  // namespace flam::short_waits
