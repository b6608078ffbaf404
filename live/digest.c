#include "live/digest.h"

#include "base/assert.h"
#include "live/digest_internal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* At the workspace's root: what settles how Bazel builds. */
static const char *const settings[] = {
    ".bazelignore", ".bazelrc",  ".bazelversion",   "MODULE.bazel",
    "REPO.bazel",   "WORKSPACE", "WORKSPACE.bazel", "MODULE.bazel.lock",
};

/* Options that cannot change a result; a star stands for any end. */
static const char *const idle_options[] = {
    "announce_rc",
    "bes_*",
    "build_event_*",
    "cache_test_results",
    "color",
    "curses",
    "disk_cache",
    "execution_log_*",
    "experimental_remote_*",
    "experimental_ui_*",
    "google_*",
    "jobs",
    "keep_going",
    "local_cpu_resources",
    "local_ram_resources",
    "local_resources",
    "local_test_jobs",
    "loading_phase_threads",
    "profile",
    "progress_*",
    "remote_*",
    "repository_cache",
    "sandbox_base",
    "sandbox_debug",
    "show_*",
    "subcommands",
    "symlink_prefix",
    "test_output",
    "test_summary",
    "tls_*",
    "tool_tag",
    "ui_*",
    "verbose_failures",
};

static bool matches(const char *name, size_t length, const char *pattern)
{
    const size_t fixed = strcspn(pattern, "*");
    if (pattern[fixed] == '*') return length >= fixed && memcmp(name, pattern, fixed) == 0;
    return length == fixed && memcmp(name, pattern, fixed) == 0;
}

static bool is_idle(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof idle_options / sizeof idle_options[0]; i++)
        if (matches(name, length, idle_options[i])) return true;
    return false;
}

bool td_digest_option_matters(const char *option)
{
    if (strncmp(option, "--", 2) != 0) return true;
    const char *name = option + 2;
    const size_t length = strcspn(name, "=");
    if (is_idle(name, length)) return false;
    return !(length > 2 && strncmp(name, "no", 2) == 0 && is_idle(name + 2, length - 2));
}

/* "//a/... -//a:b" becomes ("//a/..." - "//a:b"). */
static void add_set(const char *patterns, struct td_buffer *out)
{
    td_buffer_string(out, "(");
    for (bool first = true; *(patterns += strspn(patterns, " ")) != '\0'; first = false) {
        size_t length = strcspn(patterns, " ");
        const bool minus = *patterns == '-';
        if (!first) td_buffer_string(out, minus ? " - " : " + ");
        td_buffer_string(out, "\"");
        td_buffer_add(out, patterns + minus, length - minus);
        td_buffer_string(out, "\"");
        patterns += length;
    }
    td_buffer_string(out, ")");
}

void td_digest_query(const char *patterns, struct td_buffer *out)
{
    td_buffer_string(out, "kind(\"source file\", deps(");
    add_set(patterns, out);
    td_buffer_string(out, ")) + buildfiles(deps(");
    add_set(patterns, out);
    td_buffer_string(out, "))");
}

void td_digest_complaint(const struct td_buffer *errors, char *out, size_t size)
{
    const char *line = errors->bytes, *end = line + errors->length;
    out[0] = '\0';
    while (errors->length > 0 && line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        const size_t length = (size_t)((stop == NULL ? end : stop) - line);
        if (length > 0) (void)snprintf(out, size, "%.*s", (int)length, line);
        if (length >= strlen("ERROR") && memcmp(line, "ERROR", strlen("ERROR")) == 0) break;
        line += length + 1;
    }
}

/* Why Bazel has failed. */
static void complaint(int errors, char *out, size_t size)
{
    struct td_buffer text = {0};
    if (!td_scratch_read(errors, &text, NULL)) text.length = 0;
    td_digest_complaint(&text, out, size);
    td_buffer_free(&text);
}

/* Runs a command of Bazel's that only tells something. */
static bool ask_bazel(const struct td_digest_work *work, const char *command,
                      const char *const *arguments, struct td_buffer *out, struct td_error *error)
{
    size_t at, count = 0;
    while (arguments[count] != NULL)
        count++;
    const char **argv = td_bazel_command(work->bazel, command, count, &at);
    if (argv == NULL) return td_error_memory(error, "a command line");
    memcpy(argv + at, arguments, count * sizeof *argv);
    struct td_child_command child = {.argv = argv, .folder = work->bazel->workspace};
    struct td_child_end end;
    child.errors = td_scratch_open(NULL, 0, error);
    child.grace = work->bazel->grace;
    bool good = child.errors >= 0 && td_child_read(&child, work->stop, out, &end, error);
    if (good && (end.signal != 0 || end.status != 0)) {
        char why[512];
        complaint(child.errors, why, sizeof why);
        good = td_error_set(error, TD_FAULT_INPUT, "bazel %s failed: %s", command,
                            end.interrupts > 0 ? "it was interrupted" : why);
    }
    if (child.errors >= 0) (void)close(child.errors);
    free(argv);
    return good;
}

/* What is inside of Bazel, as a hash: versions that were built from source have no number. The
 * folder that Bazel unpacked itself into is named after it; Debian's holds a file with it. */
static void read_key(const char *install_base, char *out, size_t size)
{
    char path[PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/install_base_key", install_base);
    FILE *file = fopen(path, "re");
    const size_t got = file != NULL ? fread(out, 1, size - 1, file) : 0;
    out[got] = '\0';
    if (file != NULL) (void)fclose(file);
    out[strcspn(out, "\n")] = '\0';
    const char *slash = strrchr(install_base, '/');
    if (got == 0) (void)snprintf(out, size, "%.127s", slash != NULL ? slash + 1 : install_base);
}

/* The value of a line "KEY: VALUE"; false if there is none or it does not fit. */
static bool value_of(const struct td_buffer *text, const char *key, char *out, size_t size)
{
    const size_t length = strlen(key);
    if (text->length == 0) return false;
    const char *end = text->bytes + text->length;
    for (const char *line = text->bytes; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (stop == NULL) stop = end;
        if ((size_t)(stop - line) > length + 2 && memcmp(line, key, length) == 0 &&
            memcmp(line + length, ": ", 2) == 0) {
            const int size_needed = snprintf(
                out, size, "%.*s", (int)(stop - line - (long)length - 2), line + length + 2);
            return size_needed < (int)size;
        }
        line = stop + 1;
    }
    return false;
}

bool td_digest_read_place(const struct td_buffer *text, struct td_digest_place *place)
{
    char output_base[PATH_MAX - 16];
    if (!value_of(text, "release", place->release, sizeof place->release) ||
        !value_of(text, "output_base", output_base, sizeof output_base) ||
        !value_of(text, "install_base", place->install_base, sizeof place->install_base) ||
        !value_of(text, "workspace", place->workspace, sizeof place->workspace))
        return false;
    (void)snprintf(place->external, sizeof place->external, "%s/external", output_base);
    return true;
}

static bool find_place(struct td_digest_work *work, struct td_error *error)
{
    static const char *const keys[] = {"release", "output_base", "install_base", "workspace", NULL};
    struct td_digest_place *place = &work->place;
    struct td_buffer text = {0};
    bool good = ask_bazel(work, "info", keys, &text, error);
    if (good && !td_digest_read_place(&text, place))
        good = td_error_set(error, TD_FAULT_RUN,
                            "`bazel info` did not say what it is: use --digests none");
    td_buffer_free(&text);
    if (good) read_key(place->install_base, place->key, sizeof place->key);
    return good;
}

/* Where a repository's files are, from the workspace's root: "" for the workspace itself, NULL for
 * one that lies elsewhere. */
static const char *root_of(const struct td_digest_work *work, const char *name, size_t length,
                           struct td_arena *arena)
{
    char path[PATH_MAX], real[PATH_MAX], root[PATH_MAX];
    if (length == 0) return "";
    const int size =
        snprintf(path, sizeof path, "%s/%.*s", work->place.external, (int)length, name);
    if (size >= (int)sizeof path || realpath(path, real) == NULL ||
        realpath(work->place.workspace, root) == NULL)
        return NULL;
    const size_t depth = strlen(root);
    if (strncmp(real, root, depth) != 0 || real[depth] != '/') return NULL;
    return td_arena_format(arena, "%s/", real + depth + 1);
}

/* Sorts a label "@REPOSITORY//PACKAGE:NAME" under paths (and packages) or labels. */
static bool take_label(const struct td_digest_work *work, const char *label,
                       struct td_digest_inputs *inputs)
{
    const char *slashes = strstr(label, "//"), *colon = strrchr(label, ':');
    const char *name = label + strspn(label, "@");
    const char *root = slashes == NULL || colon == NULL || colon < slashes
                           ? NULL
                           : root_of(work, name, (size_t)(slashes - name), inputs->arena);
    if (root == NULL) {
        inputs->labels[inputs->label_count++] = label;
        return true;
    }
    const char *package =
        td_arena_format(inputs->arena, "%s%.*s", root, (int)(colon - slashes - 2), slashes + 2);
    if (package == NULL) return false;
    const size_t length = strlen(package);
    const char *between = length == 0 || package[length - 1] == '/' ? "" : "/";
    const char *path = td_arena_format(inputs->arena, "%s%s%s", package, between, colon + 1);
    if (path == NULL) return false;
    inputs->packages[inputs->package_count++] = package;
    inputs->paths[inputs->path_count++] = path;
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts and drops what is there twice; the new count. */
static size_t tidy(const char **texts, size_t count)
{
    size_t kept = 0;
    if (count > 0) qsort(texts, count, sizeof *texts, by_text);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || strcmp(texts[kept - 1], texts[i]) != 0) texts[kept++] = texts[i];
    return kept;
}

static bool has(const char *const *texts, size_t count, const char *text)
{
    return count > 0 && bsearch(&text, texts, count, sizeof *texts, by_text) != NULL;
}

/* Whether a file of the base is in one of the step's packages: the nearest folder above it that had
 * a BUILD file then. */
static bool in_packages(const struct td_tree *tree, const struct td_digest_inputs *inputs,
                        const char *path)
{
    static const char *const names[] = {"BUILD.bazel", "BUILD"};
    char folder[PATH_MAX], build[PATH_MAX + 16];
    (void)snprintf(folder, sizeof folder, "%s", path);
    for (;;) {
        char *slash = strrchr(folder, '/');
        *(slash != NULL ? slash : folder) = '\0';
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            (void)snprintf(build, sizeof build, "%s%s%s", folder, slash != NULL ? "/" : "",
                           names[i]);
            if (td_tree_base(tree, build) != NULL)
                return has(inputs->packages, inputs->package_count, folder);
        }
        if (slash == NULL) return false;
    }
}

bool td_digest_read_labels(const struct td_digest_work *work, char *text,
                           struct td_digest_inputs *inputs)
{
    size_t lines = 1;
    for (const char *at = text; *at != '\0'; at++)
        lines += *at == '\n';
    const size_t room = lines + work->tree.gone.count + sizeof settings / sizeof settings[0];
    inputs->paths = td_arena_array(inputs->arena, room, sizeof *inputs->paths);
    inputs->labels = td_arena_array(inputs->arena, lines, sizeof *inputs->labels);
    inputs->packages = td_arena_array(inputs->arena, lines, sizeof *inputs->packages);
    if (inputs->paths == NULL || inputs->labels == NULL || inputs->packages == NULL) return false;
    while (*text != '\0') {
        char *line = text;
        text += strcspn(text, "\n");
        if (*text != '\0') *text++ = '\0';
        if (*line != '\0' && !take_label(work, line, inputs)) return false;
    }
    inputs->package_count = tidy(inputs->packages, inputs->package_count);
    inputs->label_count = tidy(inputs->labels, inputs->label_count);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        inputs->paths[inputs->path_count++] = settings[i];
    for (size_t i = 0; i < work->tree.gone.count; i++) {
        const char *path = work->tree.gone.files[i].path;
        if (in_packages(&work->tree, inputs, path)) inputs->paths[inputs->path_count++] = path;
    }
    inputs->path_count = tidy(inputs->paths, inputs->path_count);
    return true;
}

static bool find_inputs(const struct td_digest_work *work, const char *patterns,
                        struct td_digest_inputs *inputs, struct td_error *error)
{
    struct td_buffer query = {0}, text = {0};
    td_digest_query(patterns, &query);
    td_buffer_add(&query, "", 1);
    bool good = !query.failed || td_error_memory(error, "a query");
    if (good) {
        const char *const arguments[] = {"--noshow_progress", "--output=label", query.bytes, NULL};
        good = ask_bazel(work, "query", arguments, &text, error);
    }
    if (good) {
        char *copy = td_arena_text(inputs->arena, text.length > 0 ? text.bytes : "", text.length);
        good = (copy != NULL && td_digest_read_labels(work, copy, inputs)) ||
               td_error_memory(error, "what a step depends on");
    }
    td_buffer_free(&query);
    td_buffer_free(&text);
    return good;
}

static void add_line(struct td_buffer *out, const char *what, const char *text)
{
    td_buffer_string(out, what);
    td_buffer_string(out, " ");
    td_buffer_string(out, text);
    td_buffer_string(out, "\n");
}

static void add_options(const struct td_bazel *bazel, struct td_buffer *out)
{
    const char *const *option = bazel->options;
    while (option != NULL && *option != NULL) {
        const bool matters = td_digest_option_matters(*option);
        const bool complete = strchr(*option, '=') != NULL;
        if (matters) add_line(out, "option", *option);
        option++;
        /* "--jobs 4": what follows is its value. */
        if (!matters && !complete && *option != NULL && **option != '-') option++;
    }
}

/* Hashes all that was found, with the files as they are or as the base has them. */
static bool hash(const struct td_digest_work *work, const char *patterns,
                 const struct td_digest_inputs *inputs,
                 const char *(*id_of)(const struct td_tree *, const char *),
                 char out[static TD_DIGEST_TEXT], struct td_error *error)
{
    static const char *const argv[] = {"git", "hash-object", "--stdin", NULL};
    struct td_buffer text = {0}, answer = {0};
    add_line(&text, "bazel", work->place.release);
    add_line(&text, "key", work->place.key);
    add_line(&text, "command", work->bazel->tests ? "test" : "build");
    add_line(&text, "patterns", patterns);
    add_options(work->bazel, &text);
    for (size_t i = 0; i < inputs->label_count; i++)
        add_line(&text, "label", inputs->labels[i]);
    for (size_t i = 0; i < inputs->path_count; i++) {
        const char *id = id_of(&work->tree, inputs->paths[i]);
        if (id == NULL) continue;
        add_line(&text, id, inputs->paths[i]);
    }
    bool good = (!text.failed || td_error_memory(error, "a digest")) &&
                td_git(work->place.workspace, argv, &text, work->stop, &answer, error);
    if (good) {
        while (answer.length > 0 && answer.bytes[answer.length - 1] == '\n')
            answer.length--;
        good = answer.length > 0 && answer.length < TD_DIGEST_TEXT;
        if (good)
            (void)snprintf(out, TD_DIGEST_TEXT, "%.*s", (int)answer.length, answer.bytes);
        else
            (void)td_error_set(error, TD_FAULT_RUN, "git hash-object said no hash");
    }
    td_buffer_free(&text);
    td_buffer_free(&answer);
    return good;
}

static bool digest_step(struct td_digest_work *work, const char *patterns,
                        struct td_step_digest *digest, struct td_error *error)
{
    struct td_digest_inputs inputs = {.arena = td_arena_create()};
    if (inputs.arena == NULL) return td_error_memory(error, "a digest");
    bool good = find_inputs(work, patterns, &inputs, error) &&
                td_tree_hash(&work->tree, inputs.paths, inputs.path_count, error) &&
                hash(work, patterns, &inputs, td_tree_own, digest->own, error);
    if (good && work->tree.based)
        good = hash(work, patterns, &inputs, td_tree_base, digest->untouched, error);
    if (!good) *digest = (struct td_step_digest){0};
    td_arena_destroy(inputs.arena);
    return good;
}

bool td_digest_steps(const struct td_bazel *bazel, const char *base, const char *const *patterns,
                     size_t count, const struct td_stop *stop,
                     const struct td_digest_watcher *watcher, struct td_step_digest *digests,
                     struct td_error *error)
{
    TD_ASSERT(watcher != NULL && watcher->warn != NULL);
    struct td_digest_work work = {.bazel = bazel, .stop = stop};
    for (size_t i = 0; i < count; i++)
        digests[i] = (struct td_step_digest){0};
    if (!find_place(&work, error) ||
        !td_tree_read(work.place.workspace, base, stop, &work.tree, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct td_error why;
        if (digest_step(&work, patterns[i], &digests[i], &why)) continue;
        char sentence[sizeof why.text + 256];
        (void)snprintf(sentence, sizeof sentence,
                       "no digest for %.160s, which counts as untouched: %s", patterns[i],
                       why.text);
        watcher->warn(watcher->context, sentence);
    }
    td_tree_destroy(&work.tree);
    return true;
}
