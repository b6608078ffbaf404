#include "live/tree_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GIT(...)                                                                                   \
    (const char *const[])                                                                          \
    {                                                                                              \
        "git", __VA_ARGS__, NULL                                                                   \
    }

static bool out_of_memory(struct td_error *error)
{
    return td_error_memory(error, "the files of a git repository");
}

/* The last line of what a command complained of. */
static void last_line(int errors, char *out, size_t size)
{
    struct td_buffer text = {0};
    out[0] = '\0';
    if (td_scratch_read(errors, &text, NULL)) {
        while (text.length > 0 && text.bytes[text.length - 1] == '\n')
            text.length--;
        size_t begin = text.length;
        while (begin > 0 && text.bytes[begin - 1] != '\n')
            begin--;
        (void)snprintf(out, size, "%.*s", (int)(text.length - begin), text.bytes + begin);
    }
    td_buffer_free(&text);
}

static bool run_git(struct td_child_command *command, const struct td_stop *stop,
                    struct td_buffer *output, struct td_error *error)
{
    command->errors = td_scratch_open(NULL, 0, error);
    if (command->errors < 0) return false;
    struct td_child_end end;
    bool good = td_child_read(command, stop, output, &end, error);
    if (good && (end.signal != 0 || end.status != 0)) {
        char why[256];
        last_line(command->errors, why, sizeof why);
        good = td_error_set(error, TD_FAULT_INPUT, "git %s failed: %s: is this a git checkout?",
                            command->argv[1], why);
    }
    (void)close(command->errors);
    return good;
}

bool td_git(const char *folder, const char *const *argv, const struct td_buffer *input,
            const struct td_stop *stop, struct td_buffer *output, struct td_error *error)
{
    struct td_child_command command = {.argv = argv, .folder = folder};
    if (input == NULL) return run_git(&command, stop, output, error);
    command.input = td_scratch_open(input->bytes, input->length, error);
    if (command.input < 0) return false;
    const bool good = run_git(&command, stop, output, error);
    (void)close(command.input);
    return good;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct td_tree_file *)a)->path, ((const struct td_tree_file *)b)->path);
}

static const struct td_tree_file *find(const struct td_tree_list *list, const char *path)
{
    const struct td_tree_file key = {.path = path};
    if (list->count == 0) return NULL;
    return bsearch(&key, list->files, list->count, sizeof key, by_path);
}

static bool make_room(struct td_tree *tree, size_t count, struct td_tree_list *list)
{
    list->files = td_arena_array(tree->arena, count, sizeof *list->files);
    list->count = 0;
    return list->files != NULL;
}

bool td_tree_records(struct td_tree *tree, const struct td_buffer *text, struct td_tree_list *list,
                     bool typed)
{
    size_t count = 1;
    for (size_t i = 0; i < text->length; i++)
        count += text->bytes[i] == '\0';
    char *at = td_arena_text(tree->arena, text->length > 0 ? text->bytes : "", text->length);
    if (at == NULL || !make_room(tree, count, list)) return false;
    for (const char *end = at + text->length; at < end;) {
        char *next = at + strlen(at) + 1, *tab = strchr(at, '\t');
        struct td_tree_file file = {.path = at, .id = NULL};
        if (tab != NULL && typed) {
            char mode[16] = "", first[80] = "", second[80] = "";
            file.path = tab + 1;
            /* The type, "blob", stands before the ID in trees, the stage behind it in the index. */
            if (sscanf(at, "%15s %79s %79s", mode, first, second) != 3) return false;
            const char *id =
                strcmp(first, "blob") == 0 || strcmp(first, "commit") == 0 ? second : first;
            file.id = td_arena_format(tree->arena, "%s %s", mode, id);
            if (file.id == NULL) return false;
        }
        list->files[list->count++] = file;
        at = next;
    }
    qsort(list->files, list->count, sizeof *list->files, by_path);
    return true;
}

static bool read_list(struct td_tree *tree, const char *const *argv, struct td_tree_list *list,
                      bool typed, struct td_error *error)
{
    struct td_buffer text = {0};
    bool good = td_git(tree->folder, argv, NULL, tree->stop, &text, error);
    if (good && !td_tree_records(tree, &text, list, typed)) good = out_of_memory(error);
    td_buffer_free(&text);
    return good;
}

/* What lstat() says of a path below the tree's folder. */
static bool look_at(const struct td_tree *tree, const char *path, struct stat *status)
{
    char full[PATH_MAX];
    const int length =
        snprintf(full, sizeof full, "%s/%s", tree->folder != NULL ? tree->folder : ".", path);
    return length < (int)sizeof full && lstat(full, status) == 0;
}

static bool find_gone(struct td_tree *tree)
{
    if (!make_room(tree, tree->base.count + 1, &tree->gone)) return false;
    for (size_t i = 0; i < tree->base.count; i++) {
        const char *path = tree->base.files[i].path;
        const bool clean = find(&tree->index, path) != NULL && find(&tree->changed, path) == NULL;
        struct stat status;
        if (!clean && !look_at(tree, path, &status))
            tree->gone.files[tree->gone.count++] = tree->base.files[i];
    }
    return true;
}

bool td_tree_read(const char *folder, const char *base, const struct td_stop *stop,
                  struct td_tree *tree, struct td_error *error)
{
    *tree = (struct td_tree){.arena = td_arena_create(), .folder = folder, .stop = stop};
    if (tree->arena == NULL) return out_of_memory(error);
    if (!read_list(tree, GIT("ls-files", "-s", "-z"), &tree->index, true, error) ||
        !read_list(tree, GIT("ls-files", "-m", "-z"), &tree->changed, false, error))
        goto fail;
    tree->based = base != NULL && base[0] != '\0' &&
                  read_list(tree, GIT("ls-tree", "-r", "-z", "--end-of-options", base), &tree->base,
                            true, NULL);
    if (!tree->based) tree->base.count = 0;
    if (find_gone(tree)) return true;
    (void)out_of_memory(error);

fail:
    td_tree_destroy(tree);
    return false;
}

void td_tree_destroy(struct td_tree *tree)
{
    td_arena_destroy(tree->arena);
    *tree = (struct td_tree){0};
}

/* Puts what git does not have as it is into `hashed`, and its path into `input`. */
static bool choose(struct td_tree *tree, const char *path, struct td_buffer *input,
                   struct td_error *error)
{
    struct stat status;
    if (find(&tree->index, path) != NULL && find(&tree->changed, path) == NULL) return true;
    if (!look_at(tree, path, &status)) return true;
    if (S_ISDIR(status.st_mode))
        return td_error_set(error, TD_FAULT_INPUT,
                            "%s is a folder, and git has IDs for files only: list its files, with "
                            "a glob()",
                            path);
    const char *mode = S_ISLNK(status.st_mode)    ? "120000"
                       : status.st_mode & S_IXUSR ? "100755"
                                                  : "100644";
    tree->hashed.files[tree->hashed.count++] = (struct td_tree_file){.path = path, .id = mode};
    td_buffer_string(input, path);
    td_buffer_add(input, "\n", 1);
    return true;
}

/* Puts git's answers, one a line, behind the modes. */
static bool take_hashes(struct td_tree *tree, const struct td_buffer *answers)
{
    size_t at = 0;
    for (size_t i = 0; i < tree->hashed.count; i++) {
        const char *line = answers->bytes + at;
        const char *end = at < answers->length ? memchr(line, '\n', answers->length - at) : NULL;
        if (end == NULL) return false;
        struct td_tree_file *file = &tree->hashed.files[i];
        file->id = td_arena_format(tree->arena, "%s %.*s", file->id, (int)(end - line), line);
        if (file->id == NULL) return false;
        at += (size_t)(end - line) + 1;
    }
    qsort(tree->hashed.files, tree->hashed.count, sizeof *tree->hashed.files, by_path);
    return true;
}

bool td_tree_hash(struct td_tree *tree, const char *const *paths, size_t count,
                  struct td_error *error)
{
    struct td_buffer input = {0}, answers = {0};
    bool good = make_room(tree, count + 1, &tree->hashed) || out_of_memory(error);
    for (size_t i = 0; good && i < count; i++)
        good = choose(tree, paths[i], &input, error);
    if (good && tree->hashed.count > 0) {
        good = td_git(tree->folder, GIT("hash-object", "--stdin-paths"), &input, tree->stop,
                      &answers, error);
        if (good && !take_hashes(tree, &answers)) good = out_of_memory(error);
    }
    td_buffer_free(&input);
    td_buffer_free(&answers);
    return good;
}

const char *td_tree_own(const struct td_tree *tree, const char *path)
{
    const struct td_tree_file *file = find(&tree->hashed, path);
    if (file == NULL && find(&tree->changed, path) == NULL) file = find(&tree->index, path);
    return file != NULL ? file->id : NULL;
}

const char *td_tree_base(const struct td_tree *tree, const char *path)
{
    const struct td_tree_file *file = find(&tree->base, path);
    return file != NULL ? file->id : NULL;
}
