#include "folder.h"

#include "base/file.h"
#include "live/child.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

int folder_set_up(void **state)
{
    char *path = strdup("/tmp/td-test-XXXXXX");
    *state = path;
    return path != NULL && mkdtemp(path) != NULL ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status, (void)kind, (void)where;
    return remove(path);
}

int folder_tear_down(void **state)
{
    const int status = nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return status;
}

const char *folder_path(const char *folder, const char *name)
{
    static char paths[4][2 * FOLDER_PATH];
    static unsigned next;
    char *path = paths[next++ % 4];
    assert_true(snprintf(path, sizeof paths[0], "%s/%s", folder, name) < (int)sizeof paths[0]);
    return path;
}

static void write_file(const char *folder, const char *name, const char *text, mode_t mode)
{
    char path[2 * FOLDER_PATH];
    (void)snprintf(path, sizeof path, "%s", folder_path(folder, name));
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')) != NULL;) {
        *slash = '\0';
        (void)mkdir(path, 0777);
        *slash++ = '/';
    }
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

void folder_write(const char *folder, const char *name, const char *text)
{
    write_file(folder, name, text, 0644);
}

void folder_script(const char *folder, const char *name, const char *text)
{
    write_file(folder, name, text, 0755);
}

const char *folder_read(const char *folder, const char *name)
{
    static char text[65536];
    size_t length = 0;
    char *read = td_file_read(folder_path(folder, name), &length, NULL);
    (void)snprintf(text, sizeof text, "%s", read != NULL ? read : "");
    free(read);
    return text;
}

bool folder_has(const char *folder, const char *name)
{
    return access(folder_path(folder, name), F_OK) == 0;
}

const char *folder_run(const char *folder, const char *words)
{
    static char text[65536];
    char copy[1024], *rest = NULL;
    const char *argv[32];
    size_t count = 0;
    (void)snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        assert_true(count + 1 < sizeof argv / sizeof argv[0]);
        argv[count++] = word;
    }
    argv[count] = NULL;
    /* A user's own settings don't matter. */
    static const char *const environment[] = {"GIT_CONFIG_GLOBAL=/dev/null",
                                              "GIT_CONFIG_SYSTEM=/dev/null",
                                              "GIT_AUTHOR_NAME=a",
                                              "GIT_AUTHOR_EMAIL=a@example.org",
                                              "GIT_COMMITTER_NAME=a",
                                              "GIT_COMMITTER_EMAIL=a@example.org",
                                              NULL};
    struct td_error error;
    struct td_child_end end;
    struct td_buffer output = {0};
    const struct td_child_command command = {
        .argv = argv, .folder = folder, .environment = environment};
    if (!td_child_read(&command, NULL, &output, &end, &error)) fail_msg("%s", error.text);
    if (end.status != 0 || end.signal != 0) fail_msg("%s: exit status %d", words, end.status);
    (void)snprintf(text, sizeof text, "%.*s", (int)output.length,
                   output.bytes != NULL ? output.bytes : "");
    td_buffer_free(&output);
    return text;
}
