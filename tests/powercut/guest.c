/* The first process of a machine that tests/powercut/run starts. It mounts the disk, logs in as /logins says, and writes a marker
 * behind the file system before and after each login. The log of the disk has the markers in the order of the other writes.
 *
 *   /logins: a line for each login: SERVICE USER CODE UNIX-TIME
 *
 * A marker is one sector: a number and PAM's code. The number is twice that of the login, and 1 more after the login. In the end
 * this process powers the machine off, without a flush.
 *
 * With the words of a line of /logins as arguments it is an ordinary program: it logs in once, in a clock of its own, and ends with
 * PAM's code. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <security/pam_appl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MARKERS (16 << 20) /* the file system ends before this byte */

static const char *code;
static time_t moment; /* what the clock of this program shows; 0: the machine's clock */

/* The module takes this function instead of libc's. */
int clock_gettime(clockid_t clock, struct timespec *now) {
    if (syscall(SYS_clock_gettime, clock, now)) return -1;
    if (clock == CLOCK_REALTIME && moment) *now = (struct timespec){moment, 0};
    return 0;
}

static void fail(const char *what) {
    perror(what);
    reboot(RB_POWER_OFF);
    for (;;) pause();
}

static void load(const char *module) {
    char path[64];
    snprintf(path, sizeof path, "/%s.ko", module);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || syscall(SYS_finit_module, file, "", 0)) fail(path);
    close(file);
}

static void write_marker(uint64_t number, uint64_t status) {
    static char sector[512] __attribute__((aligned(4096)));
    static int disk = -1;
    if (disk < 0) disk = open("/dev/vda", O_WRONLY | O_DIRECT);
    memcpy(sector, &number, 8);
    memcpy(sector + 8, &status, 8);
    if (pwrite(disk, sector, sizeof sector, MARKERS) != (ssize_t)sizeof sector) fail("a marker");
}

static int converse(int count, const struct pam_message **messages, struct pam_response **out, void *data) {
    (void)data;
    struct pam_response *replies = calloc(count, sizeof *replies);
    for (int i = 0; i < count; i++)
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_ON) replies[i].resp = strdup(code);
    *out = replies;
    return PAM_SUCCESS;
}

static void no_delay(int status, unsigned microseconds, void *data) { (void)status, (void)microseconds, (void)data; }

static int login(const char *service, const char *user) {
    struct pam_conv conv = {converse, NULL};
    pam_handle_t *handle = NULL;
    if (pam_start(service, user, &conv, &handle) != PAM_SUCCESS) return PAM_ABORT;
    pam_set_item(handle, PAM_FAIL_DELAY, (const void *)no_delay);
    int status = pam_authenticate(handle, 0);
    pam_end(handle, status);
    return status;
}

int main(int count, char **words) {
    if (count == 5) {
        code = words[3], moment = atol(words[4]);
        return login(words[1], words[2]);
    }
    mount("dev", "/dev", "devtmpfs", 0, "");
    mount("proc", "/proc", "proc", 0, "");
    const char *modules[] = {"virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk"};
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) load(modules[i]);
    for (int i = 0; access("/dev/vda", F_OK) && i < 100; i++) usleep(100000);
    if (mount("/dev/vda", "/disk", "ext4", 0, "")) fail("mount");
    char service[32], user[32], typed[64];
    long when;
    FILE *logins = fopen("/logins", "r");
    for (uint64_t n = 0; logins && fscanf(logins, "%31s %31s %63s %ld", service, user, typed, &when) == 4; n++) {
        struct timespec now = {when, 0};
        if (clock_settime(CLOCK_REALTIME, &now)) fail("the clock");
        code = typed;
        write_marker(2 * n, 0);
        pid_t child = fork();
        if (child == 0) _exit(login(service, user));
        int status;
        waitpid(child, &status, 0);
        write_marker(2 * n + 1, WIFEXITED(status) ? WEXITSTATUS(status) : 255);
        printf("login %d: %d\n", (int)n, WIFEXITED(status) ? WEXITSTATUS(status) : 255);
    }
    reboot(RB_POWER_OFF);
    return 0;
}
