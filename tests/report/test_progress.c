/* The progress bar: its text, and when it is drawn. */
#include "report/progress.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void texts(void **state)
{
    (void)state;
    static const struct {
        double done, elapsed;
        int columns;
        const char *text;
    } cases[] = {
        {0.5, 4.26, 200, " 50% [###############               ] 4.2 s, 4.2 s left"},
        {0.25, 100.0, 200, " 25% [#######                       ] 1 min 40 s, 5 min left"},
        {0.0, 1.0, 200, "  0% [                              ] 1 s"},
        {1.0, 61.7, 200, "100% [##############################] 1 min 1 s, 0 s left"},
        {1.5, 2.0, 200, "100% [##############################] 2 s, 0 s left"},
        {-1.0, 2.0, 200, "  0% [                              ] 2 s"},
        {(double)NAN, 2.0, 200, "  0% [                              ] 2 s"},
        {0.5, 4.0, 10, " 50% [####"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        int length =
            td_progress_text(cases[i].done, cases[i].elapsed, cases[i].columns, text, sizeof text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(length, strlen(text));
    }
}

static void nothing_without_a_terminal(void **state)
{
    (void)state;
    FILE *out = tmpfile();
    assert_non_null(out);
    struct td_progress progress;
    td_progress_start(&progress, out);
    progress.next_ns = 0;
    td_progress_update(&progress, 0.5);
    td_progress_end(&progress);
    assert_int_equal(ftell(out), 0);
    (void)fclose(out);
}

/* Reads what a terminal was given so far. */
static size_t received(int master, char *text, size_t room)
{
    ssize_t got = read(master, text, room - 1);
    size_t length = got > 0 ? (size_t)got : 0;
    text[length] = '\0';
    return length;
}

static void drawn_on_a_terminal_after_a_second(void **state)
{
    (void)state;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    char name[128], text[1024];
    assert_int_equal(ptsname_r(master, name, sizeof name), 0);
    FILE *terminal = fopen(name, "we");
    assert_non_null(terminal);

    struct td_progress progress;
    td_progress_start(&progress, terminal);
    assert_true(progress.terminal);
    td_progress_update(&progress, 0.1);
    td_progress_end(&progress);
    assert_int_equal(received(master, text, sizeof text), 0);

    /* As if two seconds had passed. */
    progress.start_ns -= INT64_C(2000000000);
    progress.next_ns -= INT64_C(2000000000);
    td_progress_update(&progress, 0.5);
    td_progress_update(&progress, 0.6);
    assert_true(received(master, text, sizeof text) > 0);
    assert_true(strncmp(text, "\r\033[K 50% [###", 13) == 0);
    assert_null(strstr(text, "60%"));
    td_progress_end(&progress);
    assert_true(received(master, text, sizeof text) > 0);
    assert_string_equal(text, "\r\033[K");
    td_progress_end(&progress);
    assert_int_equal(received(master, text, sizeof text), 0);
    (void)fclose(terminal);
    (void)close(master);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(nothing_without_a_terminal),
        cmocka_unit_test(drawn_on_a_terminal_after_a_second),
    };
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
