// Preloaded into a program. Makes one chosen call after the start of main() fail, as on a machine without
// memory, file descriptors or disk space. FLAM_FAIL="CALL N": the N-th call (from 0) of alloc, open, read,
// write or mmap. FLAM_COUNT=FILE: fails nothing, and writes to FILE how many calls of each there were.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum { ALLOC, OPEN, READ, WRITE, MMAP, KINDS };
static const char* const kNames[KINDS] = {"alloc", "open", "read", "write", "mmap"};
static atomic_long counts[KINDS];
static long fail_at = -1;
static int fail_kind = -1;
static atomic_int armed;

static int fails(int kind) {
  if (!atomic_load_explicit(&armed, memory_order_relaxed)) return 0;
  return atomic_fetch_add(&counts[kind], 1) == fail_at && kind == fail_kind;
}

// The allocator's own entry points, because looking up malloc with dlsym would allocate.
extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);

static int no_memory(void) {
  if (!fails(ALLOC)) return 0;
  errno = ENOMEM;
  return 1;
}
void* malloc(size_t size) {
  return no_memory() ? NULL : __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  return no_memory() ? NULL : __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) {
  return no_memory() ? NULL : __libc_realloc(old, size);
}
void* memalign(size_t alignment, size_t size) {
  return no_memory() ? NULL : __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  return memalign(alignment, size);
}
int posix_memalign(void** out, size_t alignment, size_t size) {
  void* memory = memalign(alignment, size);
  if (!memory) return ENOMEM;
  *out = memory;
  return 0;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

// libtorch's cpuinfo reads these files at its first operation and crashes if it cannot.
static int of_the_system(const char* path) {
  return strncmp(path, "/sys/", 5) == 0 || strncmp(path, "/proc/", 6) == 0;
}

#define OPENER(name)                                                    \
  int name(const char* path, int flags, ...) {                          \
    static __typeof__(&name) next;                                      \
    if (!next) next = NEXT(name);                                       \
    va_list more;                                                       \
    va_start(more, flags);                                              \
    const int mode = va_arg(more, int);                                 \
    va_end(more);                                                       \
    if (!of_the_system(path) && fails(OPEN)) return errno = EMFILE, -1; \
    return next(path, flags, mode);                                     \
  }
OPENER(open)
OPENER(open64)

FILE* fopen(const char* path, const char* mode) {
  static __typeof__(&fopen) next;
  if (!next) next = NEXT(fopen);
  if (!of_the_system(path) && fails(OPEN)) return errno = EMFILE, NULL;
  return next(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  static __typeof__(&fopen64) next;
  if (!next) next = NEXT(fopen64);
  if (!of_the_system(path) && fails(OPEN)) return errno = EMFILE, NULL;
  return next(path, mode);
}
ssize_t read(int file, void* buffer, size_t size) {
  static __typeof__(&read) next;
  if (!next) next = NEXT(read);
  if (fails(READ)) return errno = EIO, -1;
  return next(file, buffer, size);
}
ssize_t __read_chk(int file, void* buffer, size_t size, size_t room) {  // read() in hardened code
  (void)room;
  return read(file, buffer, size);
}
ssize_t write(int file, const void* buffer, size_t size) {
  static __typeof__(&write) next;
  if (!next) next = NEXT(write);
  if (fails(WRITE)) return errno = ENOSPC, -1;
  return next(file, buffer, size);
}
void* mmap(void* at, size_t size, int protection, int flags, int file, off_t offset) {
  static __typeof__(&mmap) next;
  if (!next) next = NEXT(mmap);
  if (fails(MMAP)) return errno = ENOMEM, MAP_FAILED;
  return next(at, size, protection, flags, file, offset);
}
void* mmap64(void* at, size_t size, int protection, int flags, int file, off64_t offset) {
  static __typeof__(&mmap64) next;
  if (!next) next = NEXT(mmap64);
  if (fails(MMAP)) return errno = ENOMEM, MAP_FAILED;
  return next(at, size, protection, flags, file, offset);
}
ssize_t pread(int file, void* buffer, size_t size, off_t offset) {
  static __typeof__(&pread) next;
  if (!next) next = NEXT(pread);
  if (fails(READ)) return errno = EIO, -1;
  return next(file, buffer, size, offset);
}

static void report(void) {
  const char* name = getenv("FLAM_COUNT");
  atomic_store(&armed, 0);
  FILE* out = name ? fopen(name, "w") : NULL;
  if (!out) return;
  for (int kind = 0; kind < KINDS; ++kind) fprintf(out, "%s %ld\n", kNames[kind], atomic_load(&counts[kind]));
  fclose(out);
}

static const char* library_of(const void* code) {
  Dl_info where;
  return dladdr(code, &where) && where.dli_fname ? where.dli_fname : "unknown code";
}

static int is_named(const char* library, const char* start) {
  const char* slash = strrchr(library, '/');
  return strncmp(slash ? slash + 1 : library, start, strlen(start)) == 0;
}

// Whether code of this library runs on behalf of its caller: this shim, the C and C++ libraries.
static int is_common(const char* library) {
  static const char* const kCommon[] = {"libtorture_shim", "libc.so",  "libstdc++",
                                        "libm.so",         "libgcc_s", "ld-linux"};
  for (size_t i = 0; i < sizeof kCommon / sizeof *kCommon; ++i) {
    if (is_named(library, kCommon[i])) return 1;
  }
  return 0;
}

// Prints which library crashed, and the calls: the innermost one that isn't common to all, nor the program's
// terminate handler. Some libraries use pointers that they got from malloc without checking them.
static void crashed(int number, siginfo_t* info, void* context) {
  (void)info;
  atomic_store(&armed, 0);
  void* frames[64];
  const int depth = backtrace(frames, 64);
  void* const at = (void*)((ucontext_t*)context)->uc_mcontext.gregs[REG_RIP];
  int first = 0;
  while (first < depth && frames[first] != at) ++first;  // before it come the frames of this handler
  const char* library = "unknown code";
  for (int i = first < depth ? first : 0; i < depth; ++i) {
    library = library_of(frames[i]);
    const int handler = i + 1 < depth && is_named(library_of(frames[i + 1]), "libstdc++");
    if (!is_common(library) && !handler) break;
  }
  char text[300];
  const int size = snprintf(text, sizeof text, "crashed in %s\n", library);
  if (write(2, text, (size_t)size) < 0) _exit(1);
  backtrace_symbols_fd(frames, depth, 2);
  _exit(128 + number);
}

static int (*real_main)(int, char**, char**);
static int armed_main(int argc, char** argv, char** environment) {
  const char* wanted = getenv("FLAM_FAIL");
  char name[16];
  if (wanted && sscanf(wanted, "%15s %ld", name, &fail_at) == 2) {
    for (int kind = 0; kind < KINDS; ++kind) {
      if (strcmp(name, kNames[kind]) == 0) fail_kind = kind;
    }
  }
  if (getenv("FLAM_COUNT")) atexit(report);
  void* frame;
  backtrace(&frame, 1);  // loads what it needs now, since a handler can't
  struct sigaction action = {.sa_sigaction = crashed, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGABRT, &action, NULL);
  atomic_store(&armed, 1);
  const int status = real_main(argc, argv, environment);
  atomic_store(&armed, 0);
  return status;
}

int __libc_start_main(int (*main)(int, char**, char**), int argc, char** argv, void (*init)(void),
                      void (*fini)(void), void (*linker_fini)(void), void* stack_end) {
  __typeof__(&__libc_start_main) next = NEXT(__libc_start_main);
  real_main = main;
  return next(armed_main, argc, argv, init, fini, linker_fini, stack_end);
}
