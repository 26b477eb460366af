#pragma once

namespace flam {

/// Has libtorch make its pool for that many threads, at least 1, of what the calling thread computes: before
/// weights take the space that it needs; ThreadCount then chooses how many of them compute. RunError: the
/// system doesn't give them, where libtorch's pool would end the process or wait for ever. They are tried
/// with the system's own stack size; OMP_STACKSIZE may ask for more.
void make_threads(int threads);

/// As asked for; where that is 0, libtorch's own number for the calling thread: as many as cores.
int thread_count(int asked);

}  // namespace flam
