/* How many of its random cases a test lives: all, or one in TEST_SHARE (environment), for a checker
 * that makes each cost thirty times as much. */
#ifndef TD_TESTS_SHARE_H
#define TD_TESTS_SHARE_H

#include <stdlib.h>

static inline unsigned share_of(unsigned cases)
{
    const char *text = getenv("TEST_SHARE");
    unsigned long share = text == NULL ? 1 : strtoul(text, NULL, 10);
    return share <= 1 ? cases : (unsigned)((cases + share - 1) / share);
}

#endif
