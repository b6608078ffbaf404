/* What git says of files; their names are a pull request's author's. */
#include "fuzz/fuzz.h"

#include "live/tree_internal.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct td_buffer text = {0};
    struct td_tree tree = {.arena = td_arena_create()};
    struct td_tree_list paths;
    TD_ASSERT(tree.arena != NULL);
    td_buffer_add(&text, (const char *)bytes, length);
    bool typed = td_tree_records(&tree, &text, &tree.index, true);
    for (size_t i = 0; typed && i < tree.index.count; i++) {
        const char *path = tree.index.files[i].path, *id = td_tree_own(&tree, path);
        TD_ASSERT(id == NULL || strchr(id, ' ') != NULL); /* its mode and its object ID */
    }
    TD_ASSERT(td_tree_records(&tree, &text, &paths, false));
    for (size_t i = 1; i < paths.count; i++)
        TD_ASSERT(strcmp(paths.files[i - 1].path, paths.files[i].path) <= 0);
    td_buffer_free(&text);
    td_tree_destroy(&tree);
    return 0;
}
