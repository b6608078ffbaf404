/* Folders that a live run makes and removes. */
#include "live/folder.h"

#include "folder.h"

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

static void one_below_another(void **state)
{
    struct td_error error;
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/a/b/c", (const char *)*state);
    assert_true(td_folder_make(path, &error));
    assert_true(td_folder_make(path, &error)); /* it is there */
    folder_write(*state, "file", "");
    (void)snprintf(path, sizeof path, "%s/file/b", (const char *)*state);
    assert_false(td_folder_make(path, &error));
    assert_non_null(strstr(error.text, "cannot be made"));
}

static void removed_with_what_is_in_it(void **state)
{
    struct td_error error;
    char path[PATH_MAX], below[PATH_MAX + 8];
    assert_true(td_folder_temporary(*state, path, &error));
    (void)snprintf(below, sizeof below, "%s/a/b", path);
    assert_true(td_folder_make(below, &error));
    folder_write(path, "a/file", "");
    assert_int_equal(symlink("/etc", folder_path(path, "link")), 0);
    assert_int_equal(chmod(folder_path(path, "a/b"), 0), 0);
    assert_int_equal(chmod(folder_path(path, "a"), 0500), 0);
    assert_true(td_folder_remove(path, &error));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(access("/etc", F_OK), 0); /* links are not followed */
    assert_true(td_folder_remove(path, &error));
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name;
    } cases[] = {{"peer-1", "peer-1"}, {"a/b c", "a_b_c"}, {"..", "_."}, {"\303\244.Z", "__.Z"}};
    char name[TD_FILE_NAME], text[2 * TD_FILE_NAME];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(td_folder_name(cases[i].text, name), cases[i].name);
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(strlen(td_folder_name(text, name)), TD_FILE_NAME - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_below_another, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(removed_with_what_is_in_it, folder_set_up,
                                        folder_tear_down),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
