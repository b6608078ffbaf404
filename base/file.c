#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FIRST_READ 65536u

static char *fail(char *text, const char *path, int reason, struct td_error *error)
{
    free(text);
    if (reason == ENOMEM) {
        (void)td_error_memory(error, path);
    } else {
        (void)td_error_set(error, TD_FAULT_INPUT, "%s: cannot be read: %s: %s", path,
                           strerror(reason),
                           reason == EISDIR ? "name a file in it" : "check the path");
    }
    return NULL;
}

static char *read_stream(FILE *stream, const char *path, size_t *length, struct td_error *error)
{
    size_t room = FIRST_READ, used = 0;
    char *text = malloc(room + 1);
    while (text != NULL) {
        used += fread(text + used, 1, room - used, stream);
        if (ferror(stream)) return fail(text, path, errno, error);
        if (used > TD_FILE_MAX) {
            free(text);
            (void)td_error_set(error, TD_FAULT_INPUT,
                               "%s: is larger than 64 MiB: it is not an input of this program",
                               path);
            return NULL;
        }
        if (used < room) {
            text[used] = '\0';
            *length = used;
            return text;
        }
        room *= 2;
        char *larger = realloc(text, room + 1);
        if (larger == NULL) free(text);
        text = larger;
    }
    return fail(NULL, path, ENOMEM, error);
}

char *td_file_read(const char *path, size_t *length, struct td_error *error)
{
    FILE *stream = fopen(path, "rbe");
    if (stream == NULL) return fail(NULL, path, errno, error);
    struct stat status;
    char *text;
    if (fstat(fileno(stream), &status) == 0 && S_ISDIR(status.st_mode))
        text = fail(NULL, path, EISDIR, error);
    else
        text = read_stream(stream, path, length, error);
    (void)fclose(stream);
    return text;
}
