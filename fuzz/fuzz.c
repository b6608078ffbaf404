#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int td_fuzz_file(const uint8_t *bytes, size_t length, char path[static TD_FUZZ_PATH])
{
    int file = memfd_create("input", MFD_CLOEXEC);
    TD_ASSERT(file >= 0);
    ssize_t written = length == 0 ? 0 : write(file, bytes, length);
    TD_ASSERT(written == (ssize_t)length);
    (void)snprintf(path, TD_FUZZ_PATH, "/proc/self/fd/%d", file);
    return file;
}

char *td_fuzz_text(const uint8_t *bytes, size_t length)
{
    char *text = malloc(length + 1);
    TD_ASSERT(text != NULL);
    if (length > 0) memcpy(text, bytes, length);
    text[length] = '\0';
    return text;
}
