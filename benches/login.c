/* A plain PAM application that answers every question with the same code. The benchmarks measure it.
 *
 *   login times N SERVICE CODE USER [FILE...]   N sequential logins; prints a line for each: PAM's code, nanoseconds
 *   login usage SERVICE CODE USER               one login; prints the KiB of anonymous memory after it, and the page faults of the
 *                                               process since its start
 *   login race N SERVICE CODE USER              N processes with the same code, released together; prints granted, nanoseconds
 *   login crowd SERVICE CODE USER...            a process for each user, released together; prints granted, nanoseconds
 *
 * A login is pam_start, pam_authenticate and pam_end. Between two logins of `times` the FILEs get their initial contents back, in
 * place and flushed. That is not timed, and leaves nothing to do for the flushes of the next login. getppid() is called before and after each login, as a marker in a trace; nothing else calls it. */
#include <fcntl.h>
#include <security/pam_appl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *code;
static int gate = -1, ready = -1; /* the pipes on which processes wait for each other at the question; -1: no waiting */
static int is_ready;

static void fail(const char *what) {
    perror(what);
    exit(3);
}

/* Reports that this process is at its question, or has none; then waits for the others. */
static void wait_for_others(void) {
    char byte = 0;
    if (!is_ready && write(ready, &byte, 1) != 1) fail("ready");
    is_ready = 1;
    if (read(gate, &byte, 1) != 0) fail("gate");
}

static int converse(int count, const struct pam_message **messages, struct pam_response **out, void *data) {
    (void)data;
    struct pam_response *replies = calloc(count, sizeof *replies);
    for (int i = 0; i < count; i++) {
        int style = messages[i]->msg_style;
        if (style != PAM_PROMPT_ECHO_OFF && style != PAM_PROMPT_ECHO_ON) continue;
        if (gate >= 0) wait_for_others();
        replies[i].resp = strdup(code);
    }
    *out = replies;
    return PAM_SUCCESS;
}

static void no_delay(int status, unsigned microseconds, void *data) {
    (void)status, (void)microseconds, (void)data;
}

__attribute__((noinline)) int one_login(const char *service, const char *user) {
    struct pam_conv conv = {converse, NULL};
    pam_handle_t *handle = NULL;
    if (pam_start(service, user, &conv, &handle) != PAM_SUCCESS) return -1;
    pam_set_item(handle, PAM_FAIL_DELAY, (const void *)no_delay);
    int status = pam_authenticate(handle, 0);
    pam_end(handle, status);
    return status;
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static char *saved[8];
static size_t lengths[8];

static void save(int i, const char *path) {
    int file = open(path, O_RDONLY);
    struct stat stat;
    if (file < 0 || fstat(file, &stat)) fail(path);
    lengths[i] = stat.st_size;
    saved[i] = malloc(lengths[i] + 1);
    if (read(file, saved[i], lengths[i]) != (ssize_t)lengths[i]) fail(path);
    close(file);
}

static void restore(int i, const char *path) {
    int file = open(path, O_WRONLY);
    if (file < 0 || pwrite(file, saved[i], lengths[i], 0) != (ssize_t)lengths[i]) fail(path);
    if (ftruncate(file, lengths[i]) || fsync(file)) fail(path);
    close(file);
}

static int times(int count, const char *service, const char *user, int files, char **paths) {
    for (int i = 0; i < files; i++) save(i, paths[i]);
    for (int n = 0; n < count; n++) {
        for (int i = 0; n > 0 && i < files; i++) restore(i, paths[i]);
        getppid();
        int64_t start = now();
        int status = one_login(service, user);
        int64_t end = now();
        getppid();
        printf("%d %lld\n", status, (long long)(end - start));
    }
    return 0;
}

static int usage(const char *service, const char *user) {
    char line[256];
    long kib, all = 0;
    struct rusage used;
    if (one_login(service, user) != PAM_SUCCESS) return 1;
    if (getrusage(RUSAGE_SELF, &used)) fail("getrusage");
    FILE *maps = fopen("/proc/self/smaps_rollup", "r");
    while (maps && fgets(line, sizeof line, maps))
        if (sscanf(line, "Anonymous: %ld", &kib) == 1) all += kib;
    printf("%ld %ld\n", all, used.ru_minflt);
    return 0;
}

/* Starts a process for each of `count` users. All wait at the question until the last one is there. */
static int together(int count, const char *service, char **users, int step) {
    int gates[2], readies[2], in = 0;
    if (pipe(gates) || pipe(readies)) fail("pipe");
    for (int n = 0; n < count; n++) {
        pid_t child = fork();
        if (child < 0) fail("fork");
        if (child == 0) {
            close(gates[1]);
            gate = gates[0], ready = readies[1];
            int status = one_login(service, users[n * step]);
            wait_for_others();
            _exit(status == PAM_SUCCESS ? 0 : 1);
        }
    }
    char byte;
    for (int n = 0; n < count; n++)
        if (read(readies[0], &byte, 1) != 1) fail("ready");
    int64_t start = now();
    close(gates[1]);
    for (int n = 0, status; n < count; n++)
        if (wait(&status) > 0 && status == 0) in++;
    printf("%d %lld\n", in, (long long)(now() - start));
    return 0;
}

int main(int count, char **words) {
    if (count >= 6 && count <= 6 + 8 && !strcmp(words[1], "times")) {
        code = words[4];
        return times(atoi(words[2]), words[3], words[5], count - 6, words + 6);
    }
    if (count == 5 && !strcmp(words[1], "usage")) {
        code = words[3];
        return usage(words[2], words[4]);
    }
    if (count == 6 && !strcmp(words[1], "race")) {
        code = words[4];
        return together(atoi(words[2]), words[3], words + 5, 0);
    }
    if (count >= 5 && !strcmp(words[1], "crowd")) {
        code = words[3];
        return together(count - 4, words[2], words + 4, 1);
    }
    fprintf(stderr, "usage: see the head of login.c\n");
    return 2;
}
