/* cost FILE COMMAND WORD...   runs a command, and writes its exit status, its nanoseconds, and its peak of memory in KiB into FILE.
 *
 * The kernel counts the memory of the process that called fork(), so that must be a small one. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) {
    perror(what);
    exit(126);
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

int main(int count, char **words) {
    if (count < 3) return fprintf(stderr, "usage: cost FILE COMMAND WORD...\n"), 2;
    int64_t start = now();
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
        execvp(words[2], words + 2);
        fail(words[2]);
    }
    int status;
    if (waitpid(child, &status, 0) < 0) fail("wait");
    int64_t end = now();
    struct rusage used;
    if (getrusage(RUSAGE_CHILDREN, &used)) fail("getrusage");
    FILE *out = fopen(words[1], "w");
    if (!out) fail(words[1]);
    fprintf(out, "%d %lld %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128, (long long)(end - start), used.ru_maxrss);
    return fclose(out) ? 126 : 0;
}
