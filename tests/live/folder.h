/* A folder of a test's own below /tmp, and files in it. Whatever fails here ends the test. */
#ifndef TD_TESTS_LIVE_FOLDER_H
#define TD_TESTS_LIVE_FOLDER_H

#include <stdbool.h>

#define FOLDER_PATH 128

/* Fixtures: `*state` is the path of a folder, as realpath() spells it. */
int folder_set_up(void **state);
int folder_tear_down(void **state);

/* Writes a file "NAME" or "FOLDER/NAME" in it; a script may be executed. */
void folder_write(const char *folder, const char *name, const char *text);
void folder_script(const char *folder, const char *name, const char *text);
/* The path of a file in it, until the next call but three. */
const char *folder_path(const char *folder, const char *name);
/* A file's text, until the next call; "" if there is none. */
const char *folder_read(const char *folder, const char *name);
bool folder_has(const char *folder, const char *name);

/* Runs a command in it, which has to do well; the words are separated by spaces. Returns what it
 * wrote, until the next call. */
const char *folder_run(const char *folder, const char *words);

#endif
