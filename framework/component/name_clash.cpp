// Defines one variable that two unrelated libraries define differently. In libc10, FLAGS_minloglevel is an
// int (c10/util/Logging.h); in libsentencepiece, it is an object of 32 bytes. The dynamic linker binds both
// libraries to the first definition that it finds. If that is the one of libc10, sentencepiece overwrites the
// variables after it, for example the flag that makes a failed allocation end the process. This definition is
// large enough for both, and it comes first in any program that links this library before libtorch. A side
// effect is that libtorch reads bytes of sentencepiece as its log level, so it may omit log lines.
// RTLD_DEEPBIND is not a solution, because the variables of libtorch would then exist twice in a program that
// holds copies of them.

extern "C" {
extern __attribute__((visibility("default"), aligned(64))) unsigned char FLAGS_minloglevel[64];
unsigned char FLAGS_minloglevel[64] = {};
}
