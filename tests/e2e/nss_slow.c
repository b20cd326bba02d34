/* A name service that is slow, or dead: what /run/name-service says, "SECONDS STATUS". It knows nobody. If the process that asks
 * holds a lock (flock) then, a byte comes into /run/asked-under-a-lock. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void note(void) {
    int file = open("/run/asked-under-a-lock", O_WRONLY | O_APPEND | O_CLOEXEC);
    if (write(file, ".", 1) == 1) close(file);
}

static enum nss_status ask(int *error) {
    char line[256], mine[32];
    double seconds = 0;
    int status = NSS_STATUS_NOTFOUND;
    FILE *file = fopen("/run/name-service", "re");
    if (file && fscanf(file, "%lf %d", &seconds, &status) != 2) status = NSS_STATUS_NOTFOUND;
    if (file) fclose(file);
    snprintf(mine, sizeof mine, " WRITE %d ", getpid());
    file = fopen("/proc/locks", "re");
    while (file && fgets(line, sizeof line, file))
        if (strstr(line, "FLOCK") && strstr(line, mine)) note();
    if (file) fclose(file);
    usleep(seconds * 1e6);
    *error = status == NSS_STATUS_NOTFOUND ? ENOENT : status == NSS_STATUS_TRYAGAIN ? EAGAIN : ECONNREFUSED;
    return status;
}

enum nss_status _nss_slow_getpwnam_r(const char *n, struct passwd *p, char *b, size_t s, int *e) { return ask(e); }
enum nss_status _nss_slow_getpwuid_r(uid_t u, struct passwd *p, char *b, size_t s, int *e) { return ask(e); }
enum nss_status _nss_slow_getgrnam_r(const char *n, struct group *g, char *b, size_t s, int *e) { return ask(e); }
enum nss_status _nss_slow_getgrgid_r(gid_t n, struct group *g, char *b, size_t s, int *e) { return ask(e); }
