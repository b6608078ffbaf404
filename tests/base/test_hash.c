/* Hashes under a key: values that Python 3.11 gives for the key zero (PYTHONHASHSEED=0), and keys
 * that differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"

#include <string.h>

static uint64_t of(const struct td_hash_key *key, const char *text)
{
    return td_hash(key, text, strlen(text));
}

static void known_values(void **state)
{
    const struct td_hash_key zero = {{0, 0}};
    (void)state;
    assert_int_equal(of(&zero, "a"), UINT64_C(0x407448D2B89B1813));
    assert_int_equal(of(&zero, "abcdefgh"), UINT64_C(0x3F7B849C0B8E35EA));
    assert_int_equal(of(&zero, "task-director"), UINT64_C(0xBBF48C9025700975));
}

static void another_key_another_hash(void **state)
{
    const struct td_hash_key one = td_hash_key_draw(), other = td_hash_key_draw();
    (void)state;
    assert_int_equal(of(&one, "digest"), of(&one, "digest"));
    assert_int_not_equal(of(&one, "digest"), of(&other, "digest"));
    assert_int_not_equal(of(&one, ""), of(&other, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(another_key_another_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
