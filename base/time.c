#include "base/time.h"

#include <string.h>

size_t td_sum_text(td_sum sum, char *out)
{
    char digits[TD_SUM_TEXT];
    size_t at = sizeof digits;
    __extension__ typedef unsigned __int128 magnitude;
    magnitude rest = sum < 0 ? 0 - (magnitude)sum : (magnitude)sum;

    for (int place = 0; place < 10 || rest != 0; place++) {
        if (place == 9) digits[--at] = '.';
        digits[--at] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    }
    if (sum < 0) digits[--at] = '-';

    size_t length = sizeof digits - at;
    memcpy(out, digits + at, length);
    out[length] = '\0';
    return length;
}

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
