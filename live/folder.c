#include "live/folder.h"

#include <ctype.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDERS_OPEN 16

static bool make_one(const char *path, struct td_error *error)
{
    struct stat status;
    if (mkdir(path, 0777) == 0 ||
        (errno == EEXIST && stat(path, &status) == 0 && S_ISDIR(status.st_mode)))
        return true;
    return td_error_set(error, TD_FAULT_INPUT,
                        "the folder %s cannot be made: %s: name another one, or make it", path,
                        strerror(errno));
}

bool td_folder_make(const char *path, struct td_error *error)
{
    char part[PATH_MAX];
    const size_t length = strlen(path);
    if (length >= sizeof part)
        return td_error_set(error, TD_FAULT_INPUT, "the path %s is too long: name another one",
                            path);
    memcpy(part, path, length + 1);
    for (char *slash = strchr(part + (part[0] == '/'), '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (!make_one(part, error)) return false;
        *slash = '/';
    }
    return make_one(part, error);
}

bool td_folder_temporary(const char *parent, char out[static PATH_MAX], struct td_error *error)
{
    char path[PATH_MAX];
    const char *folder = parent != NULL ? parent : getenv("TMPDIR");
    if (folder == NULL || folder[0] == '\0') folder = "/tmp";
    if (!td_folder_make(folder, error)) return false;
    const int length = snprintf(path, sizeof path, "%s/task-director-XXXXXX", folder);
    if (length < (int)sizeof path && mkdtemp(path) != NULL && realpath(path, out) != NULL)
        return true;
    return td_error_set(error, TD_FAULT_INPUT, "%s: no folder can be made there: %s", folder,
                        strerror(length < (int)sizeof path ? errno : ENAMETOOLONG));
}

static int give_rights(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)place;
    /* what cannot be changed is seen when it cannot be removed */
    if (kind == FTW_D || kind == FTW_DNR) (void)chmod(path, S_IRWXU);
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

bool td_folder_remove(const char *path, struct td_error *error)
{
    (void)nftw(path, give_rights, FOLDERS_OPEN, FTW_PHYS);
    if (nftw(path, remove_one, FOLDERS_OPEN, FTW_PHYS | FTW_DEPTH) == 0 || errno == ENOENT)
        return true;
    return td_error_set(error, TD_FAULT_RUN, "%s cannot be removed: %s: remove it yourself", path,
                        strerror(errno));
}

char *td_folder_name(const char *text, char out[static TD_FILE_NAME])
{
    size_t length = 0;
    for (; text[length] != '\0' && length + 1 < TD_FILE_NAME; length++) {
        const unsigned char byte = (unsigned char)text[length];
        const bool plain = byte < 0x80 && (isalnum(byte) != 0 || strchr("._-", byte) != NULL);
        out[length] = plain && (length > 0 || byte != '.') ? (char)byte : '_';
    }
    out[length] = '\0';
    return out;
}
