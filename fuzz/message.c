/* Messages between authority and peers. What was read can be written, and is then read as the same:
 * written once more it has the same text. */
#include "fuzz/fuzz.h"

#include "live/protocol.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct td_error error = {0};
    const char *text = length == 0 ? NULL : (const char *)bytes; /* as a socket's buffer is */
    struct td_message *message = td_message_read(text, length, &error);
    TD_ASSERT((message == NULL) == (error.fault != TD_FAULT_NONE));
    if (message == NULL) return 0;
    struct td_buffer once = {0}, twice = {0};
    td_message_write(message, &once);
    td_message_destroy(message);
    if (once.length <= TD_MESSAGE_MAX) { /* escapes can make it longer */
        message = td_message_read(once.bytes, once.length, &error);
        TD_ASSERT(message != NULL);
        td_message_write(message, &twice);
        td_message_destroy(message);
        TD_ASSERT(once.length == twice.length && memcmp(once.bytes, twice.bytes, once.length) == 0);
    }
    td_buffer_free(&once);
    td_buffer_free(&twice);
    return 0;
}
