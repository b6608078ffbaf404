#include "base/time.h"

#include <string.h>

size_t td_time_text(td_time time, char *out)
{
    char digits[TD_TIME_TEXT];
    size_t at = sizeof digits;
    uint64_t rest = time < 0 ? 0 - (uint64_t)time : (uint64_t)time;
    uint64_t whole = rest / (uint64_t)TD_NS_PER_S;
    uint32_t fraction = (uint32_t)(rest % (uint64_t)TD_NS_PER_S);

    for (int i = 0; i < 9; i++, fraction /= 10)
        digits[--at] = (char)('0' + fraction % 10);
    digits[--at] = '.';
    do {
        digits[--at] = (char)('0' + whole % 10);
        whole /= 10;
    } while (whole != 0);
    if (time < 0) digits[--at] = '-';

    size_t length = sizeof digits - at;
    memcpy(out, digits + at, length);
    out[length] = '\0';
    return length;
}
