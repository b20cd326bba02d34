/* A PAM module in the place of twostep: it asks one prompt with echo, and notes in /run/probe what came back, who runs it, and which of
 * its functions are called. It lets everybody in. libpam's prototypes are declared here, so that no headers are needed. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAM_SUCCESS = 0, PAM_IGNORE = 25, PAM_USER = 2, PAM_AUTHTOK = 6, PAM_PROMPT_ECHO_ON = 2 };
typedef struct pam_handle pam_handle_t;
int pam_get_item(const pam_handle_t *, int, const void **);
int pam_prompt(pam_handle_t *, int, char **, const char *, ...);

static void note(const char *call, int flags, const char *answer, int result)
{
    FILE *file = fopen("/run/probe", "a");
    if (!file)
        return;
    fprintf(file, "%s uid=%d euid=%d flags=%#x answer=%s result=%d\n", call, getuid(), geteuid(), flags, answer, result);
    fclose(file);
}

static int is_item(pam_handle_t *pam, int item, const char *answer)
{
    const void *value = NULL;
    return pam_get_item(pam, item, &value) == PAM_SUCCESS && value && !strcmp(value, answer);
}

int pam_sm_authenticate(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    char *answer = NULL;
    int result = pam_prompt(pam, PAM_PROMPT_ECHO_ON, &answer, "Verification code: ");
    const char *kind = result != PAM_SUCCESS ? "error"
        : !answer || !*answer                ? "nothing"
        : is_item(pam, PAM_AUTHTOK, answer)  ? "password"
        : is_item(pam, PAM_USER, answer)     ? "user-name"
                                             : "typed";
    note("authenticate", flags, kind, result);
    free(answer);
    return PAM_SUCCESS;
}

int pam_sm_acct_mgmt(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    note("account", flags, "-", 0);
    return PAM_IGNORE;
}

int pam_sm_setcred(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    note("setcred", flags, "-", 0);
    return PAM_SUCCESS;
}

int pam_sm_open_session(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    note("session", flags, "-", 0);
    return PAM_SUCCESS;
}

int pam_sm_close_session(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    return PAM_SUCCESS;
}
