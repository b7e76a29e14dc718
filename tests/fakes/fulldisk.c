/* fulldisk: a layer between programs and one folder, whose disk is full from a chosen write on.
 * build: gcc -std=gnu11 -O1 -shared -fPIC -o fulldisk.so fulldisk.c -ldl
 * LD_PRELOAD it; the programs that a program starts inherit it, and all of them are counted together.
 *   FULLDISK_FOLDER  what counts is written, made or flushed below it
 *   FULLDISK_AT      the first call that fails, from 1
 *   FULLDISK_STATE   a file of three 64-bit numbers that all share: calls, calls that failed, and
 *                    whether there is room again (not 0), which the test writes
 * Of the first call that fails, every second one (by FULLDISK_AT) first writes a half of its bytes, as a disk does
 * that has room for just these.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

typedef unsigned long long u64;
static struct { u64 calls, failed, room; } *state;
static const char *folder;
static u64 at;

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, name)

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FULLDISK_STATE"), *first = getenv("FULLDISK_AT");
    folder = getenv("FULLDISK_FOLDER");
    if (!path || !first || !folder) return;
    at = strtoull(first, NULL, 10);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (fd < 0) abort();
    void *shared = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared == MAP_FAILED) abort();
    state = shared;
}

static int below(const char *path) {
    size_t length = strlen(folder);
    return !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

static int descriptor_below(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return below(path);
}

static int name_below(int dir, const char *name) {
    if (*name == '/') return below(name);
    if (dir != AT_FDCWD) return descriptor_below(dir);
    char here[4096];
    return getcwd(here, sizeof here) && below(here);
}

enum { FINE, HALF, FULL };

/* Count a call; say how it is to end. */
static int counted(void) {
    u64 mine = __atomic_add_fetch(&state->calls, 1, __ATOMIC_SEQ_CST);
    if (mine < at || __atomic_load_n(&state->room, __ATOMIC_SEQ_CST)) return FINE;
    __atomic_add_fetch(&state->failed, 1, __ATOMIC_SEQ_CST);
    return mine == at && at % 2 ? HALF : FULL;
}

#define WHEN(here) int fate = state && (here) ? counted() : FINE; \
    if (fate == FULL || (fate == HALF && !halves)) { errno = ENOSPC; return -1; }

ssize_t write(int fd, const void *bytes, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    int halves = size > 1;
    WHEN(descriptor_below(fd));
    return real(fd, bytes, fate == HALF ? size / 2 : size);
}

#define PWRITE(function, offset_t) \
    ssize_t function(int fd, const void *bytes, size_t size, offset_t offset) { \
        REAL(ssize_t, #function, int, const void *, size_t, offset_t); \
        int halves = size > 1; \
        WHEN(descriptor_below(fd)); \
        return real(fd, bytes, fate == HALF ? size / 2 : size, offset); \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    int halves = 0;
    WHEN(descriptor_below(fd));
    return real(fd, parts, count);
}

#define ON_DESCRIPTOR(function) \
    int function(int fd) { \
        REAL(int, #function, int); \
        int halves = 0; \
        WHEN(descriptor_below(fd)); \
        return real(fd); \
    }
ON_DESCRIPTOR(fsync)
ON_DESCRIPTOR(fdatasync)

#define OPEN(function) \
    int function(const char *path, int flags, ...) { \
        REAL(int, #function, const char *, int, ...); \
        va_list more; va_start(more, flags); \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more); \
        int halves = 0; \
        WHEN(flags & O_CREAT && name_below(AT_FDCWD, path) && faccessat(AT_FDCWD, path, F_OK, 0)); \
        return real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(function) \
    int function(int dir, const char *path, int flags, ...) { \
        REAL(int, #function, int, const char *, int, ...); \
        va_list more; va_start(more, flags); \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more); \
        int halves = 0; \
        WHEN(flags & O_CREAT && name_below(dir, path) && faccessat(dir, path, F_OK, 0)); \
        return real(dir, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)

int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    int halves = 0;
    WHEN(name_below(AT_FDCWD, path) && faccessat(AT_FDCWD, path, F_OK, 0));
    return real(path, mode);
}

int rename(const char *old, const char *new) {
    REAL(int, "rename", const char *, const char *);
    int halves = 0;
    WHEN(name_below(AT_FDCWD, new) && faccessat(AT_FDCWD, new, F_OK, 0));
    return real(old, new);
}
