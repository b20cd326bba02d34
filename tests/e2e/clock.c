/* The sandbox's clock, loaded into every program there by /etc/ld.so.preload.
 *
 * The time of day comes from a page that all processes share (/run/clock): a moment at which time stands still, or else
 * seconds to add to the real time. So a test moves the clock of a running sshd, or of a login that waits at its prompt,
 * with one write; nothing is cached, no environment variable is read, no system call is added (sshd's sandbox would kill
 * for one). The monotonic clock is left alone: delays and time limits take as long as ever.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const struct { int64_t standing, offset; } real, *page = &real;
static int (*next)(clockid_t, struct timespec *);

__attribute__((constructor)) static void load(void)
{
    next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int file = open("/run/clock", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    void *mapped = mmap(NULL, sizeof real, PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED)
        page = mapped;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (!next)
        load(); /* another library's constructor came first */
    if (next(clock, now))
        return -1;
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
        return 0;
    if (page->standing) {
        now->tv_sec = page->standing;
        now->tv_nsec = 0;
    } else {
        now->tv_sec += page->offset;
    }
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *result)
{
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (result)
        *result = exact.tv_sec;
    return exact.tv_sec;
}
