/* A plain application of PAM, driven by its arguments: what the black-box cases run any module in.
 *
 *   host [OPTION...] SERVICE USER
 *
 *   --answer HEX       types these bytes at the next question      --null-text      answers without a text
 *   --long N           types N digits                              --null-response  answers without any response
 *   --fail CODE        fails with this code of PAM's               --fail-with CODE HEX   fails, although it has a text
 *   --no-conv          passes no conversation function             --flags N        of pam_authenticate
 *   --rhost, --tty     sets these items                            --env NAME=VALUE sets a variable of PAM's environment
 *   --account          goes on with the account phase              --setcred FLAGS  and with this, repeatable
 *   --account-alone    goes to the account phase without pam_authenticate
 *   --setcred-first    calls pam_setcred before pam_authenticate   --again          authenticates once more on the same handle
 *   --then USER        and before that becomes this user           --times N        does all of it N times
 *   --hold             at the first question writes a byte to 4, and waits for the end of 3
 *   --show             waits so at the end, that somebody can look at its memory
 *
 * Whoever has no answer left hangs up (PAM_CONV_ERR). It prints a line for each event: "asked STYLE HEX", "told STYLE HEX",
 * "authenticate CODE" and "took NANOSECONDS", "account CODE", "setcred CODE", "user HEX", and "before HEX", "after HEX": what the process looks like. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <locale.h>
#include <security/pam_appl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define MOST 64

enum kind { TYPED, NULL_TEXT, NULL_RESPONSE, FAIL, FAIL_WITH };
struct answer {
    enum kind kind;
    int code;
    char *text;
    size_t length;
};

static struct answer answers[MOST];
static int answer_count, next_answer;
static int hold, show, with_account, without_auth, setcred_first, again, without_conv, flags, times = 1;
static int setcreds[MOST], setcred_count;
static const char *rhost, *tty, *then, *environment[MOST];
static int environment_count;

static void fail(const char *what) {
    perror(what);
    exit(90);
}

static void print_hex(const char *event, const char *bytes, size_t length) {
    printf("%s ", event);
    for (size_t i = 0; i < length; i++) printf("%02x", (unsigned char)bytes[i]);
    printf("\n");
}

static char *from_hex(const char *hex, size_t *length) {
    *length = strlen(hex) / 2;
    char *bytes = calloc(*length + 1, 1);
    for (size_t i = 0; i < *length; i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1) fail("hex");
        bytes[i] = byte;
    }
    return bytes;
}

static void wait_at_the_gate(void) {
    char byte = 0;
    fflush(stdout);
    if (write(4, &byte, 1) != 1) fail("ready");
    while (read(3, &byte, 1) < 0 && errno == EINTR) continue;
}

static int give(const struct answer *answer, int count, struct pam_response **out) {
    switch (answer->kind) {
    case NULL_RESPONSE: *out = NULL; return PAM_SUCCESS;
    case FAIL: return answer->code;
    default: break;
    }
    if (count < 1) return PAM_CONV_ERR;
    *out = calloc(count, sizeof **out);
    if (answer->kind == NULL_TEXT) return PAM_SUCCESS;
    (*out)->resp = calloc(answer->length + 1, 1);
    memcpy((*out)->resp, answer->text, answer->length);
    return answer->kind == FAIL_WITH ? answer->code : PAM_SUCCESS;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **out, void *data) {
    (void)data;
    static const struct answer nothing = {NULL_TEXT, 0, NULL, 0};
    const struct answer *answer = &nothing;
    for (int i = 0; i < count; i++) {
        int style = messages[i]->msg_style, asks = style == PAM_PROMPT_ECHO_OFF || style == PAM_PROMPT_ECHO_ON;
        char event[32];
        snprintf(event, sizeof event, "%s %d", asks ? "asked" : "told", style);
        print_hex(event, messages[i]->msg, strlen(messages[i]->msg));
        if (!asks) continue;
        if (hold) wait_at_the_gate(), hold = 0;
        if (next_answer == answer_count) return PAM_CONV_ERR;
        answer = &answers[next_answer++];
    }
    return give(answer, count, out);
}

static void no_delay(int status, unsigned microseconds, void *data) {
    (void)status, (void)microseconds, (void)data;
}

/* What of the process a module must leave as it was. */
static void snapshot(const char *event) {
    char *text;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    char line[4096], path[64], target[4096];
    FILE *status = fopen("/proc/self/status", "re");
    const char *kept[] = {"Uid:", "Gid:", "Groups:", "Umask:", "Threads:", "SigBlk:", "SigIgn:", "SigCgt:", "CapEff:", "CapPrm:", "NoNewPrivs:", "Seccomp:"};
    while (status && fgets(line, sizeof line, status))
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
            if (!strncmp(line, kept[i], strlen(kept[i]))) fputs(line, out);
    if (status) fclose(status);
    DIR *fds = opendir("/proc/self/fd");
    for (struct dirent *entry; fds && (entry = readdir(fds));) {
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(fds)) continue;
        snprintf(path, sizeof path, "/proc/self/fd/%.20s", entry->d_name);
        ssize_t got = readlink(path, target, sizeof target - 1);
        if (got > 0) fprintf(out, "descriptor %s %.*s\n", entry->d_name, (int)got, target);
    }
    if (fds) closedir(fds);
    for (char **variable = environ; *variable; variable++) fprintf(out, "variable %s\n", *variable);
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit limit;
        if (!getrlimit(i, &limit)) fprintf(out, "limit %d %ju %ju\n", i, (uintmax_t)limit.rlim_cur, (uintmax_t)limit.rlim_max);
    }
    struct itimerval timer;
    getitimer(ITIMER_REAL, &timer);
    fprintf(out, "alarm %ld\n", (long)timer.it_value.tv_sec);
    fprintf(out, "locale %s\nfolder %s\n", setlocale(LC_ALL, NULL), getcwd(target, sizeof target) ? target : "?");
    fclose(out);
    print_hex(event, text, length);
    free(text);
}

static int authenticate(pam_handle_t *handle) {
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    int status = pam_authenticate(handle, flags);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("took %lld\n", (end.tv_sec - start.tv_sec) * 1000000000LL + end.tv_nsec - start.tv_nsec);
    printf("authenticate %d\n", status);
    return status;
}

static void transaction(const char *service, const char *user) {
    struct pam_conv conv = {without_conv ? NULL : converse, NULL};
    pam_handle_t *handle = NULL;
    if (pam_start(service, user, &conv, &handle) != PAM_SUCCESS) fail("pam_start");
    pam_set_item(handle, PAM_FAIL_DELAY, (const void *)no_delay);
    if (rhost) pam_set_item(handle, PAM_RHOST, rhost);
    if (tty) pam_set_item(handle, PAM_TTY, tty);
    for (int i = 0; i < environment_count; i++) pam_putenv(handle, environment[i]);
    for (int i = 0; setcred_first && i < setcred_count; i++) printf("setcred %d\n", pam_setcred(handle, setcreds[i]));
    int status = without_auth ? PAM_SUCCESS : authenticate(handle);
    if (again) {
        if (then) pam_set_item(handle, PAM_USER, then);
        status = authenticate(handle);
    }
    const char *now = NULL;
    if (pam_get_item(handle, PAM_USER, (const void **)&now) == PAM_SUCCESS && now) print_hex("user", now, strlen(now));
    if (with_account) printf("account %d\n", pam_acct_mgmt(handle, 0));
    for (int i = 0; !setcred_first && i < setcred_count; i++) printf("setcred %d\n", pam_setcred(handle, setcreds[i]));
    pam_end(handle, status);
}

static const char *word(int *at, int count, char **words) {
    if (++*at >= count) exit(2);
    return words[*at];
}

static int read_option(int *at, int count, char **words) {
    const char *name = words[*at];
    struct answer *answer = &answers[answer_count];
    if (answer_count == MOST || setcred_count == MOST || environment_count == MOST) exit(2);
    if (!strcmp(name, "--answer")) answer->kind = TYPED, answer->text = from_hex(word(at, count, words), &answer->length), answer_count++;
    else if (!strcmp(name, "--long")) answer->kind = TYPED, answer->length = atol(word(at, count, words)), answer->text = memset(malloc(answer->length + 1), '1', answer->length), answer_count++;
    else if (!strcmp(name, "--null-text")) answer->kind = NULL_TEXT, answer_count++;
    else if (!strcmp(name, "--null-response")) answer->kind = NULL_RESPONSE, answer_count++;
    else if (!strcmp(name, "--fail")) answer->kind = FAIL, answer->code = atoi(word(at, count, words)), answer_count++;
    else if (!strcmp(name, "--fail-with")) answer->kind = FAIL_WITH, answer->code = atoi(word(at, count, words)), answer->text = from_hex(word(at, count, words), &answer->length), answer_count++;
    else if (!strcmp(name, "--flags")) flags = atoi(word(at, count, words));
    else if (!strcmp(name, "--rhost")) rhost = word(at, count, words);
    else if (!strcmp(name, "--tty")) tty = word(at, count, words);
    else if (!strcmp(name, "--env")) environment[environment_count++] = word(at, count, words);
    else if (!strcmp(name, "--setcred")) setcreds[setcred_count++] = atoi(word(at, count, words));
    else if (!strcmp(name, "--then")) then = word(at, count, words), again = 1;
    else if (!strcmp(name, "--times")) times = atoi(word(at, count, words));
    else if (!strcmp(name, "--account")) with_account = 1;
    else if (!strcmp(name, "--account-alone")) with_account = without_auth = 1;
    else if (!strcmp(name, "--setcred-first")) setcred_first = 1;
    else if (!strcmp(name, "--again")) again = 1;
    else if (!strcmp(name, "--no-conv")) without_conv = 1;
    else if (!strcmp(name, "--hold")) hold = 1;
    else if (!strcmp(name, "--show")) show = 1;
    else return 0;
    return 1;
}

int main(int count, char **words) {
    int at = 1;
    for (; at < count && !strncmp(words[at], "--", 2); at++)
        if (!read_option(&at, count, words)) return 2;
    if (count - at != 2) return 2;
    setlocale(LC_ALL, "C.UTF-8");
    openlog("host", LOG_NDELAY, LOG_AUTH); /* as sshd does: libc's socket is not the module's */
    snapshot("before");
    for (int n = 0; n < times; n++, next_answer = times > 1 ? 0 : next_answer) transaction(words[at], words[at + 1]);
    snapshot("after");
    if (show) wait_at_the_gate();
    return 0;
}
