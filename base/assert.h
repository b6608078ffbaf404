/* Assertions for what only our own mistake can break, in release builds too.
 *
 * Input is never asserted: it is answered with a td_error. A condition must have no side effects.
 */
#ifndef TD_BASE_ASSERT_H
#define TD_BASE_ASSERT_H

/* Prints the condition and its place, then aborts. */
_Noreturn void td_assert_failed(const char *condition, const char *file, int line);

#define TD_ASSERT(condition)                                                                       \
    (__builtin_expect(!(condition), 0) ? td_assert_failed(#condition, __FILE__, __LINE__) : (void)0)

#endif
