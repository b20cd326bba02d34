/* A directory service such as SSSD or winbind, for tests. It reads /run/directory anew for each look-up; a line is one of
 *
 *   user:NAME:PASSWORD:UID:GID:GECOS:HOME:SHELL:SPELLING:...   passwd(5), then other names that are answered with this entry
 *   group:NAME:PASSWORD:GID:MEMBER,...:SPELLING:...            group(5), likewise
 *   status:passwd:STATUS   all look-ups of users end with this enum nss_status: 0 not found, -1 unavailable, -2 try again
 *   status:group:STATUS    the same of groups
 *   status:NAME:STATUS     the same of one user or group, by any spelling
 *   delay:SECONDS          each look-up takes so long
 *
 * Without the file it is unavailable. Where /run/directory-asked exists, each name that is looked up is a line in it. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 64 };

/* Address space, of which the libraries of real directories need more than this one does. */
char nss_directory_weight[1 << 20];

struct entry {
    char text[4096];
    char *field[MOST];
    int fields;
};

static char *get(const struct entry *entry, int number) { return number < entry->fields ? entry->field[number] : ""; }

static int next(FILE *file, struct entry *entry) {
    if (!fgets(entry->text, sizeof entry->text, file)) return 0;
    entry->text[strcspn(entry->text, "\n")] = 0;
    char *rest = entry->text, *field;
    for (entry->fields = 0; entry->fields < MOST && (field = strsep(&rest, ":"));) entry->field[entry->fields++] = field;
    return 1;
}

static void note(const char *name) {
    int file = open("/run/directory-asked", O_WRONLY | O_APPEND | O_CLOEXEC);
    if (file < 0) return;
    dprintf(file, "%s\n", name);
    close(file);
}

/* As the libraries of SSSD and Samba. */
static int is_silent(void) { return getenv("_SSS_LOOPS") || getenv("_NO_WINBINDD"); }

static enum nss_status failed(int status, int *error) {
    *error = status == NSS_STATUS_NOTFOUND ? ENOENT : status == NSS_STATUS_TRYAGAIN ? EAGAIN : ECONNREFUSED;
    return status;
}

/* The entry of `kind` that is called `name`, or has the number `id` in the field `number`. Spellings begin at `spellings`. */
static enum nss_status find(const char *kind, const char *name, const char *id, int number, int spellings,
                            struct entry *found, int *error) {
    const char *database = strcmp(kind, "user") ? "group" : "passwd";
    int status = NSS_STATUS_NOTFOUND, forced = NSS_STATUS_SUCCESS;
    struct entry line;
    note(name ? name : id);
    if (is_silent()) return failed(NSS_STATUS_NOTFOUND, error);
    FILE *file = fopen("/run/directory", "re");
    if (!file) return failed(NSS_STATUS_UNAVAIL, error);
    while (next(file, &line)) {
        if (!strcmp(get(&line, 0), "delay")) usleep(atof(get(&line, 1)) * 1e6);
        if (!strcmp(get(&line, 0), "status") && (!strcmp(get(&line, 1), database) || (name && !strcmp(get(&line, 1), name))))
            forced = atoi(get(&line, 2));
        if (strcmp(get(&line, 0), kind) || status == NSS_STATUS_SUCCESS) continue;
        int same = name ? !strcmp(get(&line, 1), name) : !strcmp(get(&line, number), id);
        for (int i = spellings; name && i < line.fields; i++) same |= !strcmp(line.field[i], name);
        if (!same) continue;
        memcpy(found, &line, sizeof line);
        for (int i = 0; i < line.fields; i++) found->field[i] = found->text + (line.field[i] - line.text);
        status = NSS_STATUS_SUCCESS;
    }
    fclose(file);
    if (forced != NSS_STATUS_SUCCESS) status = forced;
    return status == NSS_STATUS_SUCCESS ? status : failed(status, error);
}

/* Puts `text` into the caller's buffer. */
static char *keep(const char *text, char **buffer, size_t *room) {
    size_t length = strlen(text) + 1;
    if (length > *room) return NULL;
    char *kept = memcpy(*buffer, text, length);
    *buffer += length;
    *room -= length;
    return kept;
}

static enum nss_status fill_user(const struct entry *found, struct passwd *user, char *buffer, size_t room, int *error) {
    user->pw_uid = strtoul(get(found, 3), NULL, 10);
    user->pw_gid = strtoul(get(found, 4), NULL, 10);
    if ((user->pw_name = keep(get(found, 1), &buffer, &room)) && (user->pw_passwd = keep(get(found, 2), &buffer, &room)) &&
        (user->pw_gecos = keep(get(found, 5), &buffer, &room)) && (user->pw_dir = keep(get(found, 6), &buffer, &room)) &&
        (user->pw_shell = keep(get(found, 7), &buffer, &room)))
        return NSS_STATUS_SUCCESS;
    *error = ERANGE;
    return NSS_STATUS_TRYAGAIN;
}

static enum nss_status fill_group(const struct entry *found, struct group *group, char *buffer, size_t room, int *error) {
    char *members = get(found, 4), *member;
    size_t space = MOST * sizeof(char *), skew = (size_t)buffer % sizeof(char *) ? sizeof(char *) - (size_t)buffer % sizeof(char *) : 0;
    *error = ERANGE;
    if (room < space + skew) return NSS_STATUS_TRYAGAIN;
    group->gr_mem = (char **)(buffer + skew);
    buffer += space + skew;
    room -= space + skew;
    group->gr_gid = strtoul(get(found, 3), NULL, 10);
    if (!(group->gr_name = keep(get(found, 1), &buffer, &room)) || !(group->gr_passwd = keep(get(found, 2), &buffer, &room)))
        return NSS_STATUS_TRYAGAIN;
    int count = 0;
    while (count < MOST - 1 && (member = strsep(&members, ",")))
        if (*member && !(group->gr_mem[count++] = keep(member, &buffer, &room))) return NSS_STATUS_TRYAGAIN;
    group->gr_mem[count] = NULL;
    return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_directory_getpwnam_r(const char *name, struct passwd *user, char *buffer, size_t room, int *error) {
    struct entry found;
    enum nss_status status = find("user", name, "", 3, 8, &found, error);
    return status == NSS_STATUS_SUCCESS ? fill_user(&found, user, buffer, room, error) : status;
}

enum nss_status _nss_directory_getpwuid_r(uid_t uid, struct passwd *user, char *buffer, size_t room, int *error) {
    struct entry found;
    char id[16];
    snprintf(id, sizeof id, "%u", uid);
    enum nss_status status = find("user", NULL, id, 3, 8, &found, error);
    return status == NSS_STATUS_SUCCESS ? fill_user(&found, user, buffer, room, error) : status;
}

enum nss_status _nss_directory_getgrnam_r(const char *name, struct group *group, char *buffer, size_t room, int *error) {
    struct entry found;
    enum nss_status status = find("group", name, "", 3, 5, &found, error);
    return status == NSS_STATUS_SUCCESS ? fill_group(&found, group, buffer, room, error) : status;
}

enum nss_status _nss_directory_getgrgid_r(gid_t gid, struct group *group, char *buffer, size_t room, int *error) {
    struct entry found;
    char id[16];
    snprintf(id, sizeof id, "%u", gid);
    enum nss_status status = find("group", NULL, id, 3, 5, &found, error);
    return status == NSS_STATUS_SUCCESS ? fill_group(&found, group, buffer, room, error) : status;
}

/* The groups that list `user` among their members. */
enum nss_status _nss_directory_initgroups_dyn(const char *user, gid_t first, long *used, long *size, gid_t **groups, long most,
                                              int *error) {
    struct entry line;
    struct group group;
    char buffer[8192];
    int forced = NSS_STATUS_SUCCESS;
    if (is_silent()) return failed(NSS_STATUS_NOTFOUND, error);
    FILE *file = fopen("/run/directory", "re");
    if (!file) return failed(NSS_STATUS_UNAVAIL, error);
    while (next(file, &line)) {
        if (!strcmp(get(&line, 0), "status") && !strcmp(get(&line, 1), "group")) forced = atoi(get(&line, 2));
        if (strcmp(get(&line, 0), "group") || fill_group(&line, &group, buffer, sizeof buffer, error) != NSS_STATUS_SUCCESS)
            continue;
        for (char **member = group.gr_mem; *member; member++) {
            if (strcmp(*member, user) || group.gr_gid == first) continue;
            if (*used == *size) {
                long more = *size * 2;
                gid_t *larger = most > 0 && *size >= most ? NULL : realloc(*groups, more * sizeof **groups);
                if (!larger) break;
                *groups = larger;
                *size = more;
            }
            (*groups)[(*used)++] = group.gr_gid;
        }
    }
    fclose(file);
    return forced == NSS_STATUS_SUCCESS ? NSS_STATUS_SUCCESS : failed(forced, error);
}
