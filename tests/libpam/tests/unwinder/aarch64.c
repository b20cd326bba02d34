/* A PAM application and its libpam in one program, for a module of another architecture under qemu: `aarch64 MODULE ROOT WHAT`.
 *
 * WHAT is the answer at the prompt, or "cancel": then the thread is cancelled there. Prints the module's log lines and its code. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERVICE = 1, CONV = 5, NO_DATA = 18 };

struct message { int style; const char *text; };
struct response { char *text; int code; };
struct conv { int (*function)(int, const struct message **, struct response **, void *); void *data; };

static const char *what;

static int converse(int count, const struct message **messages, struct response **out, void *data) {
    (void)count, (void)messages, (void)data;
    if (!strcmp(what, "cancel")) {
        pthread_cancel(pthread_self());
        pthread_testcancel();
    }
    *out = calloc(1, sizeof **out);
    (*out)->text = strdup(what);
    return 0;
}

int pam_get_item(const void *handle, int item, const void **value) {
    static const struct conv conv = {converse, NULL};
    (void)handle;
    *value = item == CONV ? (const void *)&conv : item == SERVICE ? "test" : NULL;
    return 0;
}

int pam_get_user(void *handle, const char **user, const char *prompt) {
    (void)handle, (void)prompt;
    *user = "games";
    return 0;
}

int pam_get_data(const void *handle, const char *name, const void **data) {
    (void)handle, (void)name, (void)data;
    return NO_DATA;
}

const char *pam_getenv(void *handle, const char *name) {
    (void)handle, (void)name;
    return NULL;
}

int pam_set_item(void *handle, int item, const void *value) { return (void)handle, (void)item, (void)value, 0; }
int pam_putenv(void *handle, const char *pair) { return (void)handle, (void)pair, 0; }
int pam_fail_delay(void *handle, unsigned microseconds) { return (void)handle, (void)microseconds, 0; }

int pam_set_data(void *handle, const char *name, void *data, void *cleanup) {
    return (void)handle, (void)name, (void)data, (void)cleanup, 0;
}

void pam_syslog(const void *handle, int priority, const char *format, ...) {
    (void)handle;
    va_list values;
    va_start(values, format);
    printf("log %d ", priority);
    vprintf(format, values);
    puts("");
    fflush(stdout);
    va_end(values);
}

int main(int count, char **words) {
    char handle[4096] = {0}, root[4096];
    if (count != 4) return 2;
    what = words[3];
    void *module = dlopen(words[1], RTLD_NOW);
    if (!module) return puts(dlerror()), 3;
    int (*authenticate)(void *, int, int, const char **) = dlsym(module, "pam_sm_authenticate");
    snprintf(root, sizeof root, "root=%s", words[2]);
    const char *arguments[] = {root, "first_factor=any"};
    printf("code %d\n", authenticate(handle, 0, 2, arguments));
    return 0;
}
