/* What Bazel answers, as it is read for digests: the input is several answers, and a zero byte ends
 * each. The first is git's list of the base's files, where lines stand for records; then what
 * `bazel info` says; then what queries say. All of it may be an error's text instead. */
#include "fuzz/fuzz.h"

#include "live/digest_internal.h"

#include <stdlib.h>
#include <string.h>

static void check_sorted(const char *const *texts, size_t count)
{
    for (size_t i = 1; i < count; i++)
        TD_ASSERT(strcmp(texts[i - 1], texts[i]) < 0);
}

static void read_base(struct td_tree *tree, const char *text, size_t length)
{
    struct td_buffer records = {0};
    td_buffer_add(&records, text, length);
    for (size_t i = 0; i < length; i++)
        if (records.bytes[i] == '\n') records.bytes[i] = '\0';
    if (!td_tree_records(tree, &records, &tree->base, true)) tree->base = (struct td_tree_list){0};
    tree->gone = tree->base;
    td_buffer_free(&records);
}

static void read_info(struct td_digest_place *place, const char *text, size_t length)
{
    char why[512];
    const struct td_buffer buffer = {.bytes = (char *)(uintptr_t)text, .length = length};
    td_digest_complaint(&buffer, why, sizeof why);
    TD_ASSERT(strlen(why) <= length);
    (void)td_digest_read_place(&buffer, place);
}

static void read_query(const struct td_digest_work *work, char *text)
{
    struct td_digest_inputs inputs = {.arena = td_arena_create()};
    TD_ASSERT(inputs.arena != NULL && td_digest_read_labels(work, text, &inputs));
    check_sorted(inputs.labels, inputs.label_count);
    check_sorted(inputs.packages, inputs.package_count);
    check_sorted(inputs.paths, inputs.path_count);
    td_arena_destroy(inputs.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct td_digest_work *work = calloc(1, sizeof *work);
    char *text = td_fuzz_text(bytes, length);
    TD_ASSERT(work != NULL);
    work->tree.arena = td_arena_create();
    TD_ASSERT(work->tree.arena != NULL);
    size_t at = 0;
    for (unsigned i = 0; i < 8 && at <= length; i++) {
        size_t size = strlen(text + at);
        if (i == 0) read_base(&work->tree, text + at, size);
        if (i == 1) read_info(&work->place, text + at, size);
        if (i > 1) read_query(work, text + at);
        at += size + 1;
    }
    td_tree_destroy(&work->tree);
    free(text);
    free(work);
    return 0;
}
