/*
 * The shim's clock (LD_PRELOAD; off unless CHAOS_CLOCK is set: a file of eight bytes). The nanoseconds in it, a signed integer, are added to
 * the time of day whenever somebody asks. Monotonic clocks go on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static const int64_t *shift;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

int clock_gettime(clockid_t clock, struct timespec *now)
{
    /* Before our constructor has run, other libraries' may already ask. */
    int result = real_clock_gettime ? real_clock_gettime(clock, now) : (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && shift && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t moved = now->tv_sec * SECOND + now->tv_nsec + __atomic_load_n(shift, __ATOMIC_RELAXED);
        now->tv_sec = moved / SECOND;
        now->tv_nsec = moved % SECOND;
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec exact;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact) != 0)
        return -1;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *also)
{
    struct timespec exact;
    if (clock_gettime(CLOCK_REALTIME_COARSE, &exact) != 0)
        return -1;
    if (also)
        *also = exact.tv_sec;
    return exact.tv_sec;
}

__attribute__((constructor)) static void begin(void)
{
    *(void **)&real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    const char *clock = getenv("CHAOS_CLOCK");
    if (!clock)
        return;
    int file = open(clock, O_RDONLY | O_CLOEXEC);
    void *page = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
    if (page == MAP_FAILED) {
        /* A disaster that silently does not happen would prove nothing. */
        dprintf(STDERR_FILENO, "FATAL: the chaos shim cannot work: CHAOS_CLOCK cannot be read\n");
        _exit(1);
    }
    close(file);
    shift = page;
}
