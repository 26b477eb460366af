#pragma once

namespace flam {

/// Lets libtorch compute with that many threads on the CPU; 0: with its own number, as many as cores.
/// RunError: the system doesn't give them, where libtorch's pool would end the process or wait for ever. They
/// are tried with the system's own stack size; OMP_STACKSIZE may ask for more.
void use_threads(int threads);

}  // namespace flam
