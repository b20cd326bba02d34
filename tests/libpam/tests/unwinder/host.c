/* A plain PAM application in C, which no library but libc and libpam is linked to: libgcc_s.so.1 is not in memory before a
 * module or libc loads it.
 *
 *   host CONFDIR SERVICE USER ANSWER AT-PROMPT THREADS
 *
 * Each of THREADS logs in once, and does at the prompt what AT-PROMPT says, together with the others: nothing, no-descriptor,
 * no-memory, chroot or cancel. Prints the log lines of libpam, and how each thread ends: its PAM code, or "cancelled". It fails if
 * libgcc_s.so.1 is in memory at the prompt. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <security/pam_appl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <syslog.h>
#include <unistd.h>

static const char *confdir, *service, *user, *answer, *at_prompt;
static pthread_barrier_t all_at_prompt;

static void check(int succeeded, const char *what) {
    if (succeeded) return;
    printf("%s failed\n", what);
    exit(3);
}

/* libpam finds these before those of libc. */
static void log_line(int priority, const char *format, va_list values) {
    char text[512];
    vsnprintf(text, sizeof text, format, values);
    printf("log %d %s\n", LOG_PRI(priority), text);
    fflush(stdout);
}

void syslog(int priority, const char *format, ...) {
    va_list values;
    va_start(values, format);
    log_line(priority, format, values);
    va_end(values);
}

void __syslog_chk(int priority, int flag, const char *format, ...) {
    (void)flag;
    va_list values;
    va_start(values, format);
    log_line(priority, format, values);
    va_end(values);
}

static void limit(int resource, rlim_t most) {
    struct rlimit limit = {most, most};
    check(setrlimit(resource, &limit) == 0, "setrlimit");
}

/* No address space is left, except what malloc has already. */
static void use_up_memory(void) {
    unsigned long pages;
    FILE *file = fopen("/proc/self/statm", "r");
    check(file && fscanf(file, "%lu", &pages) == 1, "statm");
    fclose(file);
    limit(RLIMIT_AS, pages * sysconf(_SC_PAGESIZE));
}

static void act(void) {
    if (!strcmp(at_prompt, "no-descriptor")) limit(RLIMIT_NOFILE, 0);
    if (!strcmp(at_prompt, "no-memory")) use_up_memory();
    if (!strcmp(at_prompt, "chroot")) check(chroot("/proc/self/fdinfo") == 0, "chroot");
    if (!strcmp(at_prompt, "cancel")) {
        pthread_cancel(pthread_self());
        pthread_testcancel();
    }
}

static int converse(int count, const struct pam_message **messages, struct pam_response **out, void *data) {
    (void)messages, (void)data;
    struct pam_response *replies = calloc(count, sizeof *replies);
    replies->resp = strdup(answer);
    *out = replies;
    if (pthread_barrier_wait(&all_at_prompt) == PTHREAD_BARRIER_SERIAL_THREAD) {
#if defined __x86_64__ || defined __aarch64__
        check(!dlopen("libgcc_s.so.1", RTLD_NOW | RTLD_NOLOAD), "a host without libgcc_s");
#endif
    }
    pthread_barrier_wait(&all_at_prompt);
    act();
    return PAM_SUCCESS;
}

static void no_delay(int status, unsigned microseconds, void *data) {
    (void)status, (void)microseconds, (void)data;
}

static void *log_in(void *data) {
    (void)data;
    struct pam_conv conv = {converse, NULL};
    pam_handle_t *handle = NULL;
    check(pam_start_confdir(service, user, &conv, confdir, &handle) == PAM_SUCCESS, "pam_start");
    pam_set_item(handle, PAM_FAIL_DELAY, (const void *)no_delay);
    long code = pam_authenticate(handle, 0);
    pam_end(handle, code);
    return (void *)code;
}

int main(int count, char **words) {
    check(count == 7, "usage");
    confdir = words[1], service = words[2], user = words[3], answer = words[4], at_prompt = words[5];
    int threads = atoi(words[6]);
    pthread_t thread[64];
    check(threads > 0 && threads <= 64, "threads");
    pthread_barrier_init(&all_at_prompt, NULL, threads);
    for (int n = 0; n < threads; n++) check(pthread_create(&thread[n], NULL, log_in, NULL) == 0, "pthread_create");
    for (int n = 0; n < threads; n++) {
        void *ending;
        pthread_join(thread[n], &ending);
        if (ending == PTHREAD_CANCELED)
            puts("cancelled");
        else
            printf("code %ld\n", (long)ending);
    }
    return 0;
}
