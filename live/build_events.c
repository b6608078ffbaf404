#include "live/build_events.h"

#include "base/json.h"
#include "report/buffer.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The warning's text of 4.2.3, and that of later versions, which say so of downloads, too: better a
 * result that counts as unpublished than one that nobody finds. */
static const char *const upload_warnings[] = {"WARNING: Writing to Remote Cache:",
                                              "WARNING: Remote Cache:"};

struct reader {
    const char *path;
    struct td_build_events *events;
    struct td_buffer line;    /* of what Bazel printed: the one that is going on */
    bool wants_rest, escaped; /* the next line says why; within a colour's escape sequence */
    bool by_runners;          /* runnerCount is better than the text */
};

static void copy(char out[static TD_EVENT_TEXT], const char *text)
{
    (void)snprintf(out, TD_EVENT_TEXT, "%s", text);
}

static uint32_t member(const struct td_json *json, uint32_t object, const char *key)
{
    if (object == TD_JSON_NONE || td_json_type(json, object) != TD_JSON_OBJECT) return TD_JSON_NONE;
    uint32_t node = td_json_first(json, object);
    while (node != TD_JSON_NONE && strcmp(td_json_key(json, node), key) != 0)
        node = td_json_next(json, node);
    return node;
}

/* NULL if there is no text under the key. */
static const char *text_of(const struct td_json *json, uint32_t object, const char *key)
{
    const uint32_t node = member(json, object, key);
    return node != TD_JSON_NONE && td_json_type(json, node) == TD_JSON_STRING
               ? td_json_string(json, node)
               : NULL;
}

static uint32_t first_of(const struct td_json *json, uint32_t array)
{
    return array != TD_JSON_NONE && td_json_type(json, array) == TD_JSON_ARRAY
               ? td_json_first(json, array)
               : TD_JSON_NONE;
}

/* A count, which protobuf's JSON writes as a number or, of 64 bits, as a text; -1 for neither. */
static int64_t count_of(const struct td_json *json, uint32_t object, const char *key)
{
    const uint32_t node = member(json, object, key);
    double number = -1;
    if (node == TD_JSON_NONE) return -1;
    if (td_json_type(json, node) == TD_JSON_NUMBER) number = td_json_number(json, node);
    if (td_json_type(json, node) == TD_JSON_STRING)
        number = strtod(td_json_string(json, node), NULL);
    return number >= 0 && number < 1e15 ? (int64_t)number : -1;
}

/* Adds a count under a runner's name, such as "internal", "remote cache hit", "linux-sandbox". */
static void add_runner(struct td_build_events *events, const char *name, size_t length,
                       int64_t count)
{
    static const struct {
        const char *name;
        size_t counter; /* offset; SIZE_MAX: none */
    } runners[] = {
        {"internal", SIZE_MAX},
        {"total", SIZE_MAX},
        {"remote cache hit", offsetof(struct td_build_events, hits)},
        {"disk cache hit", offsetof(struct td_build_events, hits)},
        {"action cache hit", offsetof(struct td_build_events, kept)},
    };
    int64_t *counter = &events->ran;
    for (size_t i = 0; i < sizeof runners / sizeof runners[0]; i++) {
        if (strlen(runners[i].name) != length || memcmp(runners[i].name, name, length) != 0)
            continue;
        if (runners[i].counter == SIZE_MAX) return;
        counter = (int64_t *)(void *)((char *)events + runners[i].counter);
    }
    *counter += count;
}

bool td_build_events_count(const char *line, struct td_build_events *events)
{
    char *at;
    if (strtoll(line, &at, 10) < 0 || at == line) return false;
    if (strncmp(at, " process", strlen(" process")) != 0) return false;
    events->ran = events->hits = events->kept = 0;
    at += strcspn(at, ":.");
    while (*at == ':' || *at == ',') {
        char *name;
        const int64_t count = strtoll(at + 1, &name, 10);
        if (name == at + 1 || *name != ' ' || count < 0) return false;
        name++;
        at = name + strcspn(name, ",.");
        add_runner(events, name, (size_t)(at - name), count);
    }
    events->counted = true;
    return true;
}

/* The bytes of a text in base64, with a zero behind them; cut to the room. */
static void decode(const char *text, char *out, size_t room)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    size_t length = 0;
    unsigned held = 0;
    for (; *text != '\0' && length + 1 < room; text++) {
        const char *digit = strchr(digits, *text);
        if (digit == NULL) break;
        bits = bits << 6 | (uint32_t)(digit - digits);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        out[length++] = (char)(unsigned char)(bits >> held & 0xff);
    }
    out[length] = '\0';
}

/* "Critical Path: 2.20s, Remote ..." */
static void take_critical_path(const char *text, struct td_build_events *events)
{
    static const char prefix[] = "Critical Path: ";
    if (strncmp(text, prefix, strlen(prefix)) != 0) return;
    const double seconds = strtod(text + strlen(prefix), NULL);
    if (seconds >= 0 && seconds < 1e9)
        events->critical_path = (td_time)llround(seconds * (double)TD_NS_PER_S);
}

static void read_tool_logs(struct reader *reader, const struct td_json *json)
{
    const uint32_t list = member(json, member(json, 0, "buildToolLogs"), "log");
    for (uint32_t log = first_of(json, list); log != TD_JSON_NONE; log = td_json_next(json, log)) {
        const char *name = text_of(json, log, "name"), *contents = text_of(json, log, "contents");
        if (name == NULL || contents == NULL) continue;
        char text[1024];
        decode(contents, text, sizeof text);
        if (strcmp(name, "critical path") == 0) take_critical_path(text, reader->events);
        if (strcmp(name, "process stats") == 0 && !reader->by_runners)
            (void)td_build_events_count(text, reader->events);
    }
}

static void read_metrics(struct reader *reader, const struct td_json *json)
{
    const uint32_t summary = member(json, member(json, 0, "buildMetrics"), "actionSummary");
    uint32_t runner = first_of(json, member(json, summary, "runnerCount"));
    if (runner == TD_JSON_NONE) return;
    struct td_build_events *events = reader->events;
    events->ran = events->hits = events->kept = 0;
    for (; runner != TD_JSON_NONE; runner = td_json_next(json, runner)) {
        const char *name = text_of(json, runner, "name");
        const int64_t count = count_of(json, runner, "count");
        if (name != NULL && count > 0) add_runner(events, name, strlen(name), count);
    }
    events->counted = reader->by_runners = true;
}

/* The value of an option `--NAME=VALUE`, NULL if it is another. */
static const char *value_of(const char *option, const char *name)
{
    const size_t length = strlen(name);
    if (strncmp(option, name, length) != 0 || option[length] != '=') return NULL;
    return option + length + 1;
}

static bool is_false(const char *value)
{
    static const char *const words[] = {"0", "false", "no", "f", "n"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(value, words[i]) == 0) return true;
    return false;
}

/* All options, those of .bazelrc included; the last one of a name counts. */
static void read_options(struct reader *reader, const struct td_json *json)
{
    static const char *const caches[] = {"--remote_cache", "--disk_cache", "--remote_executor"};
    static const char upload[] = "--remote_upload_local_results";
    bool cached[sizeof caches / sizeof caches[0]] = {false};
    bool uploads = true;
    uint32_t node = first_of(json, member(json, member(json, 0, "optionsParsed"), "cmdLine"));
    for (; node != TD_JSON_NONE; node = td_json_next(json, node)) {
        if (td_json_type(json, node) != TD_JSON_STRING) continue;
        const char *option = td_json_string(json, node);
        for (size_t i = 0; i < sizeof caches / sizeof caches[0]; i++) {
            const char *value = value_of(option, caches[i]);
            if (value != NULL) cached[i] = *value != '\0';
        }
        if (strcmp(option, upload) == 0) uploads = true;
        if (strcmp(option, "--noremote_upload_local_results") == 0) uploads = false;
        const char *value = value_of(option, upload);
        if (value != NULL) uploads = !is_false(value);
    }
    reader->events->cached = cached[0] || cached[1] || cached[2];
    reader->events->uploads = reader->events->cached && uploads;
}

static void read_pattern(struct reader *reader, const struct td_json *json)
{
    const uint32_t aborted = member(json, 0, "aborted");
    const char *reason = text_of(json, aborted, "reason");
    if (reason == NULL || strcmp(reason, "LOADING_FAILURE") != 0) return;
    const char *why = text_of(json, aborted, "description");
    const uint32_t id = member(json, 0, "id");
    uint32_t name = first_of(json, member(json, member(json, id, "pattern"), "pattern"));
    if (name == TD_JSON_NONE || td_json_type(json, name) != TD_JSON_STRING) return;
    (void)snprintf(reader->events->pattern, TD_EVENT_TEXT, "%s: %s", td_json_string(json, name),
                   why != NULL ? why : "there is no such target");
}

/* Unless asked for all, Bazel gives events only to actions that failed. */
static void read_action(struct reader *reader, const struct td_json *json)
{
    const uint32_t action = member(json, 0, "action");
    if (member(json, action, "failureDetail") == TD_JSON_NONE) return;
    const char *label = text_of(json, action, "label");
    if (label == NULL)
        label = text_of(json, member(json, member(json, 0, "id"), "actionCompleted"), "label");
    if (label != NULL && reader->events->failed[0] == '\0') copy(reader->events->failed, label);
}

static void end_line(struct reader *reader)
{
    struct td_build_events *events = reader->events;
    td_buffer_add(&reader->line, "", 1);
    const char *line = reader->line.failed ? "" : reader->line.bytes;
    if (reader->wants_rest) copy(events->upload, line);
    reader->wants_rest = false;
    for (size_t i = 0; i < sizeof upload_warnings / sizeof upload_warnings[0]; i++) {
        const char *warning = upload_warnings[i];
        if (events->upload[0] != '\0' || strncmp(line, warning, strlen(warning)) != 0) continue;
        line += strlen(warning);
        line += strspn(line, " ");
        copy(events->upload, *line != '\0' ? line : "it did not say why");
        reader->wants_rest = *line == '\0';
        break;
    }
    reader->line.length = 0;
}

/* A piece of what Bazel printed: lines may go on in the next piece, and have colours. */
static void read_printed(struct reader *reader, const char *text)
{
    for (; *text != '\0'; text++) {
        if (reader->escaped)
            reader->escaped = strchr("[0123456789;", *text) != NULL;
        else if (*text == '\033')
            reader->escaped = true;
        else if (*text == '\n' || *text == '\r')
            end_line(reader);
        else if (reader->line.length < TD_EVENT_TEXT)
            td_buffer_add(&reader->line, text, 1);
    }
}

static void read_progress(struct reader *reader, const struct td_json *json)
{
    const char *printed = text_of(json, member(json, 0, "progress"), "stderr");
    if (printed != NULL) read_printed(reader, printed);
}

/* What cannot be parsed, since a tool printed bytes that are none of JSON, may still tell of an
 * upload. */
static void search_unread(struct reader *reader, const char *line)
{
    reader->events->unread++;
    if (strstr(line, "Writing to Remote Cache:") != NULL && reader->events->upload[0] == '\0')
        copy(reader->events->upload, "its reason could not be read");
}

static void read_line(struct reader *reader, const char *line, size_t length)
{
    static const struct {
        const char *start; /* Bazel writes the ID first, without blanks */
        void (*read)(struct reader *, const struct td_json *);
    } kinds[] = {
        {"{\"id\":{\"progress\":", read_progress},
        {"{\"id\":{\"optionsParsed\":", read_options},
        {"{\"id\":{\"pattern\":", read_pattern},
        {"{\"id\":{\"actionCompleted\":", read_action},
        {"{\"id\":{\"buildMetrics\":", read_metrics},
        {"{\"id\":{\"buildToolLogs\":", read_tool_logs},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strncmp(line, kinds[i].start, strlen(kinds[i].start)) != 0) continue;
        struct td_json *json = td_json_parse(reader->path, line, length, NULL);
        if (json == NULL) {
            search_unread(reader, line);
            return;
        }
        kinds[i].read(reader, json);
        td_json_destroy(json);
    }
    if (strstr(line, "\"lastMessage\":true") != NULL) reader->events->complete = true;
}

bool td_build_events_read(const char *path, struct td_build_events *events, struct td_error *error)
{
    *events = (struct td_build_events){.critical_path = -1};
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return td_error_set(error, TD_FAULT_RUN,
                            "%s: Bazel's build events cannot be read: %s: check its messages", path,
                            strerror(errno));
    struct reader reader = {.path = path, .events = events};
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    while ((length = getline(&line, &room, file)) > 0)
        read_line(&reader, line, (size_t)length);
    end_line(&reader);
    const bool good = !ferror(file) && feof(file);
    if (!good)
        (void)td_error_set(error, TD_FAULT_RUN, "%s: cannot be read to its end: %s", path,
                           strerror(errno));
    free(line);
    td_buffer_free(&reader.line);
    (void)fclose(file);
    return good;
}

bool td_build_events_built(const struct td_build_events *events, double share)
{
    const int64_t all = events->ran + events->hits + events->kept;
    return (double)events->ran > share * (double)all;
}
