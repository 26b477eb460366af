// One definition for two libraries that know nothing of each other. libc10 has an int FLAGS_minloglevel
// (c10/util/ Logging.h), libsentencepiece an object of the same name and 32 bytes; the dynamic linker gives
// both the first that it finds. If that is libc10's, sentencepiece writes over what lies behind it, among
// others the flag that makes a failed allocation end the process. This one has room for either, and comes
// first in any program that links ours before libtorch. libtorch takes sentencepiece's bytes for its level,
// so that its own log lines may stay away. RTLD_DEEPBIND is no way out: libtorch's variables would exist
// twice wherever a program holds copies of them.

extern "C" {
extern __attribute__((visibility("default"), aligned(64))) unsigned char FLAGS_minloglevel[64];
unsigned char FLAGS_minloglevel[64] = {};
}
