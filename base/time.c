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

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

static inline void put_pair(char *out, uint32_t number)
{
    memcpy(out, pairs + 2 * (size_t)number, 2);
}

/* How many decimal digits a number has. */
static inline size_t digits_of(uint64_t number)
{
    size_t digits = 1;
    for (uint64_t limit = 10; number >= limit; limit *= 10) /* of seconds there are few */
        digits++;
    return digits;
}

size_t td_time_text(td_time time, char *out)
{
    uint64_t rest = time < 0 ? 0 - (uint64_t)time : (uint64_t)time;
    uint64_t whole = rest / (uint64_t)TD_NS_PER_S;
    uint32_t fraction = (uint32_t)(rest % (uint64_t)TD_NS_PER_S);
    char *start = out;
    if (time < 0) *start++ = '-';
    char *point = start + digits_of(whole), *at = point;
    for (; at - start >= 2; whole /= 100) {
        at -= 2;
        put_pair(at, (uint32_t)(whole % 100));
    }
    if (at > start) *start = (char)('0' + whole);

    /* .123456789 from two halves, which do not wait for each other */
    uint32_t high = fraction / 10000, low = fraction % 10000;
    point[0] = '.';
    point[1] = (char)('0' + high / 10000);
    put_pair(point + 2, high / 100 % 100);
    put_pair(point + 4, high % 100);
    put_pair(point + 6, low / 100);
    put_pair(point + 8, low % 100);
    point[10] = '\0';
    return (size_t)(point + 10 - out);
}
