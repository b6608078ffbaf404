/* `task-director peer`: a CI job's build, in the order that an authority gives. */
#include "live/peer.h"
#include "base/text.h"
#include "cli/address.h"
#include "cli/cli.h"
#include "cli/interrupt.h"
#include "live/ci.h"
#include "live/digest.h"
#include "live/folder.h"
#include "report/buffer.h"
#include "workload/scenario.h"
#include "workload/values.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SERVER,
    NAME,
    SCHEMA,
    WORKSPACE,
    CACHE_ID,
    REPOSITORY,
    BASE_REF,
    CHANGE,
    PIPELINE,
    BAZEL,
    STARTUP,
    COMMAND,
    DIGESTS,
    FETCH_SHARE,
    EXEC,
    READ_ONLY,
    EVENTS,
    MAX_WAIT,
    MAX_AWAY,
    FALLBACK,
    TOKEN_FILE,
    TLS_CA,
    LOG,
    OPTION_COUNT
};

static const struct td_option options[] = {
    [SERVER] = TD_OPTION_SERVER,
    [NAME] = {.name = "name",
              .kind = TD_OPTION_TEXT,
              .value = "NAME",
              .help = "this peer's name, which no other peer has at the same time"},
    [SCHEMA] = {.name = "schema",
                .kind = TD_OPTION_TEXT,
                .value = "FILE",
                .help = "the steps and the universe, as a scenario's schema file has them"},
    [WORKSPACE] = {.name = "workspace",
                   .kind = TD_OPTION_TEXT,
                   .value = "DIR",
                   .help = "build in DIR (default: the current folder)"},
    [CACHE_ID] = {.name = "cache-id",
                  .kind = TD_OPTION_TEXT,
                  .value = "NAME",
                  .help = "the remote cache: peers share only what is in the same one"},
    [REPOSITORY] = {.name = "repository",
                    .kind = TD_OPTION_TEXT,
                    .value = "NAME",
                    .help =
                        "this and the next three: default: what the CI system's variables say,\n"
                        "or else git"},
    [BASE_REF] = {.name = "base-ref",
                  .kind = TD_OPTION_TEXT,
                  .value = "NAME",
                  .help = "the branch that the change is for"},
    [CHANGE] = {.name = "change",
                .kind = TD_OPTION_TEXT,
                .value = "NAME",
                .help = "the change, such as a pull request's number"},
    [PIPELINE] = {.name = "pipeline",
                  .kind = TD_OPTION_TEXT,
                  .value = "NAME",
                  .help = "the CI pipeline"},
    [BAZEL] = {.name = "bazel",
               .kind = TD_OPTION_TEXT,
               .value = "PATH",
               .help = "Bazel's program (default: bazel)"},
    [STARTUP] = {.name = "startup",
                 .kind = TD_OPTION_TEXT,
                 .value = "OPTIONS",
                 .help = "Bazel's startup options, separated by spaces, as in\n"
                         "--startup=--output_base=/tmp/base"},
    [COMMAND] = {.name = "command",
                 .kind = TD_OPTION_TEXT,
                 .value = "COMMAND",
                 .help = "build or test (default: build)"},
    [DIGESTS] = {.name = "digests",
                 .kind = TD_OPTION_TEXT,
                 .value = "HOW",
                 .help = "auto: ask Bazel and git what each step depends on, so that only equal\n"
                         "steps are shared; none: all steps count as equal (default: auto)"},
    [FETCH_SHARE] = {.name = "fetch-share",
                     .kind = TD_OPTION_REAL,
                     .value = "SHARE",
                     .help =
                         "a step counts as fetched if at most this share of its actions ran, a\n"
                         "number above 0 and below 1 (default: 0.05)",
                     .above = 0,
                     .below = 1},
    [EXEC] = {.name = "exec",
              .kind = TD_OPTION_TEXT,
              .value = "PROGRAM",
              .help = "run PROGRAM, with what stands behind -- and then the targets, instead of\n"
                      "Bazel"},
    [READ_ONLY] = {.name = "read-only",
                   .kind = TD_OPTION_FLAG,
                   .help = "what is built here is not uploaded to the cache"},
    [EVENTS] = {.name = "events",
                .kind = TD_OPTION_TEXT,
                .value = "DIR",
                .help = "keep Bazel's build event files, as DIR/NAME/ORDER-STEP.json"},
    [MAX_WAIT] = {.name = "max-wait",
                  .kind = TD_OPTION_TEXT,
                  .value = "TIME",
                  .help = "who has waited for so long builds all without directions (default:\n"
                          "15m)"},
    [MAX_AWAY] = {.name = "max-away",
                  .kind = TD_OPTION_TEXT,
                  .value = "TIME",
                  .help = "an authority that is not to be had for so long is given up (default:\n"
                          "1m)"},
    [FALLBACK] = {.name = "fallback",
                  .kind = TD_OPTION_FLAG,
                  .help = "then build all without directions, instead of failing"},
    [TOKEN_FILE] = TD_OPTION_TOKEN_FILE,
    [TLS_CA] = TD_OPTION_TLS_CA,
    [LOG] = {.name = "log",
             .kind = TD_OPTION_TEXT,
             .value = "FORM",
             .help = "human or json, on standard error (default: human)"},
};

static const struct td_usage usage = {
    .command = "peer",
    .positionals = "[-- BAZEL-OPTION...]",
    .about = "Connects to an authority, builds the steps that it orders, then the universe, and "
             "ends as the\nbuild did. What stands behind -- goes to each Bazel command.",
    .max_positionals = 0,
    .options = options,
    .option_count = OPTION_COUNT,
};

/* From the command line to the peer's end. */
struct command {
    const struct td_value *given;
    const char *const *rest; /* what stands behind --; ends with NULL */
    bool json;
    td_time last; /* when something was logged */
    struct td_server_access access;
    td_time max_wait, max_away;
    struct td_scenario *schema;
    struct td_hello_step *steps;
    struct td_identity identity;
    char *startup_text;
    const char **words; /* Bazel's startup options, or the program and its arguments */
    struct td_executor_bazel bazel;
    char events[PATH_MAX]; /* of this peer, if it keeps them */
    struct td_executor_command exec;
    const char **targets; /* of the steps, one by one */
    struct td_step_digest *digests;
    struct td_hello_digest *hello_digests;
    size_t digest_count;
};

static void destroy(struct command *command)
{
    td_server_access_close(&command->access);
    td_scenario_destroy(command->schema);
    free(command->steps);
    free(command->startup_text);
    free(command->words);
    free(command->targets);
    free(command->digests);
    free(command->hello_digests);
}

static const char *text_of(const struct command *command, int option, const char *otherwise)
{
    return command->given[option].given ? command->given[option].text : otherwise;
}

/* One line by one write(), so that it stays whole between the build's own lines. */
static void write_log(void *context, td_time at, const char *text)
{
    struct command *command = context;
    struct td_buffer line = {0};
    command->last = at;
    if (command->json) {
        td_buffer_string(&line, "{\"time_s\":");
        td_buffer_sum(&line, at);
        td_buffer_string(&line, ",\"peer\":");
        td_buffer_json_string(&line, command->given[NAME].text);
        td_buffer_string(&line, ",\"text\":");
        td_buffer_json_string(&line, text);
        td_buffer_string(&line, "}\n");
    } else {
        td_buffer_string(&line, "task-director: ");
        td_buffer_string(&line, text);
        for (size_t i = 0; i < line.length && !line.failed; i++)
            if (iscntrl((unsigned char)line.bytes[i])) line.bytes[i] = '?';
        td_buffer_string(&line, "\n");
    }
    /* a log that cannot be written is no reason to fail a build */
    if (!line.failed && write(STDERR_FILENO, line.bytes, line.length) < 0) clearerr(stderr);
    td_buffer_free(&line);
}

static void warn(void *context, const char *sentence)
{
    struct command *command = context;
    if (command->json)
        write_log(command, 0, sentence);
    else
        td_cli_warn(sentence);
}

static void say_end(struct command *command, const struct td_error *error)
{
    if (command->json)
        write_log(command, command->last, error->text);
    else
        (void)td_cli_fail(error);
}

static bool need_options(const struct command *command, struct td_error *error)
{
    static const int needed[] = {SERVER, NAME, SCHEMA};
    static const int of_bazel[] = {BAZEL, STARTUP, COMMAND, DIGESTS, FETCH_SHARE, EVENTS};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!command->given[needed[i]].given)
            return td_error_set(error, TD_FAULT_INPUT, "peer: --%s is missing: --%s %s, %s",
                                options[needed[i]].name, options[needed[i]].name,
                                options[needed[i]].value, options[needed[i]].help);
    for (size_t i = 0; command->given[EXEC].given && i < sizeof of_bazel / sizeof *of_bazel; i++)
        if (command->given[of_bazel[i]].given)
            return td_error_set(error, TD_FAULT_INPUT,
                                "peer: --%s is for Bazel, and --exec runs something else: leave "
                                "one of them out",
                                options[of_bazel[i]].name);
    return true;
}

/* One of two words; whether it is the second. */
static bool choose(const struct command *command, int option, const char *first, const char *second,
                   bool *is_second, struct td_error *error)
{
    const char *text = text_of(command, option, first);
    *is_second = strcmp(text, second) == 0;
    return *is_second || strcmp(text, first) == 0 ||
           td_error_set(error, TD_FAULT_INPUT, "peer: --%s is %s or %s, not '%s'",
                        options[option].name, first, second, text);
}

static bool read_time(const struct command *command, int option, const char *otherwise,
                      td_time *out, struct td_error *error)
{
    const char *text = text_of(command, option, otherwise), *wrong = td_value_time(text, out);
    return wrong == NULL ||
           td_error_set(error, TD_FAULT_INPUT,
                        "peer: --%s needs a time such as 90s, 15m or 1h30m, not '%s': %s",
                        options[option].name, text, wrong);
}

static bool read_schema(struct command *command, struct td_error *error)
{
    command->schema = td_scenario_read_schema(command->given[SCHEMA].text, error);
    if (command->schema == NULL) return false;
    uint32_t count = command->schema->step_count;
    command->steps = calloc(count, sizeof *command->steps);
    command->targets = calloc(count, sizeof *command->targets);
    if (command->steps == NULL || command->targets == NULL)
        return td_error_memory(error, "the schema");
    for (uint32_t i = 0; i < count; i++) {
        command->steps[i].id = command->schema->steps[i].id;
        command->targets[i] = command->steps[i].targets = command->schema->steps[i].targets;
    }
    return true;
}

static const char *variable(void *context, const char *name)
{
    (void)context;
    return getenv(name);
}

/* The authority refuses names that are too long or cannot be printed. */
static bool check_name(int option, const char *name, struct td_error *error)
{
    size_t length = td_text_printable_length(name);
    return (length <= 128 && name[strspn(name, " ")] != '\0') || name[0] == '\0' ||
           td_error_set(error, TD_FAULT_INPUT,
                        "peer: --%s is a name of 1 to 128 printable characters, which '%s' is not: "
                        "give another one",
                        options[option].name, name);
}

/* Who builds what: as given, else as the CI system says, else as git does. */
static bool identify(struct command *command, struct td_error *error)
{
    struct td_identity *identity = &command->identity;
    const struct {
        int option;
        char *text;
    } parts[] = {{REPOSITORY, identity->repository},
                 {BASE_REF, identity->base_ref},
                 {CHANGE, identity->change},
                 {PIPELINE, identity->pipeline}};
    enum { PARTS = sizeof parts / sizeof *parts };
    for (size_t i = 0; i < PARTS; i++)
        (void)snprintf(parts[i].text, TD_IDENTITY_TEXT, "%s",
                       text_of(command, parts[i].option, ""));
    (void)td_identity_from_ci(variable, NULL, identity);
    td_identity_from_git(text_of(command, WORKSPACE, "."), NULL, identity);
    for (size_t i = 0; i < PARTS; i++)
        if (!check_name(parts[i].option, parts[i].text, error)) return false;
    return check_name(NAME, command->given[NAME].text, error) &&
           check_name(CACHE_ID, text_of(command, CACHE_ID, ""), error);
}

static bool check_folder(const char *folder, struct td_error *error)
{
    struct stat status;
    return (stat(folder, &status) == 0 && S_ISDIR(status.st_mode)) ||
           td_error_set(error, TD_FAULT_INPUT,
                        "peer: there is no folder '%s': name one with --workspace", folder);
}

/* The program of --exec, then what stands behind --. */
static bool prepare_exec(struct command *command, struct td_error *error)
{
    size_t count = 0;
    while (command->rest[count] != NULL)
        count++;
    command->words = calloc(count + 2, sizeof *command->words);
    if (command->words == NULL) return td_error_memory(error, "a command line");
    command->words[0] = command->given[EXEC].text;
    for (size_t i = 0; i < count; i++)
        command->words[i + 1] = command->rest[i];
    command->exec = (struct td_executor_command){.words = command->words,
                                                 .folder = text_of(command, WORKSPACE, NULL)};
    return check_folder(text_of(command, WORKSPACE, "."), error);
}

/* The folder of this peer's event files. */
static bool make_events(struct command *command, struct td_error *error)
{
    char name[TD_FILE_NAME], path[PATH_MAX];
    if (!command->given[EVENTS].given) return true;
    const char *folder = command->given[EVENTS].text;
    const int length = snprintf(path, sizeof path, "%s/%s", folder,
                                td_folder_name(command->given[NAME].text, name));
    if (length >= (int)sizeof path)
        return td_error_set(error, TD_FAULT_INPUT,
                            "peer: the path of --events %s is too long: "
                            "name another folder",
                            folder);
    if (!td_folder_make(path, error)) return false;
    command->bazel.events = realpath(path, command->events);
    return command->bazel.events != NULL ||
           td_error_set(error, TD_FAULT_INPUT,
                        "peer: the folder %s cannot be entered: name "
                        "another one with --events",
                        path);
}

static bool prepare_bazel(struct command *command, struct td_error *error)
{
    bool tests;
    size_t count = 0;
    if (!choose(command, COMMAND, "build", "test", &tests, error)) return false;
    command->startup_text = strdup(text_of(command, STARTUP, ""));
    if (command->startup_text == NULL) return td_error_memory(error, "a command line");
    command->words = calloc(strlen(command->startup_text) / 2 + 2, sizeof *command->words);
    if (command->words == NULL) return td_error_memory(error, "a command line");
    char *rest = NULL;
    for (char *word = strtok_r(command->startup_text, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest))
        command->words[count++] = word;
    command->bazel.bazel = (struct td_bazel){.path = text_of(command, BAZEL, NULL),
                                             .startup = command->words,
                                             .tests = tests,
                                             .options = command->rest,
                                             .workspace = text_of(command, WORKSPACE, NULL)};
    if (command->given[FETCH_SHARE].given)
        command->bazel.bazel.fetch_share = command->given[FETCH_SHARE].real;
    return td_bazel_check(&command->bazel.bazel, error) && make_events(command, error);
}

/* Without digests the peer shares less well, but builds what it should. */
static bool find_digests(struct command *command, struct td_error *error)
{
    const struct td_digest_watcher watcher = {command, warn};
    size_t count = command->schema->step_count;
    struct td_error why;
    command->digests = calloc(count, sizeof *command->digests);
    command->hello_digests = calloc(count, sizeof *command->hello_digests);
    if (command->digests == NULL || command->hello_digests == NULL)
        return td_error_memory(error, "digests of the steps");
    if (!td_digest_steps(&command->bazel.bazel, command->identity.base, command->targets, count,
                         NULL, &watcher, command->digests, &why)) {
        warn(command, why.text);
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        const struct td_step_digest *digest = &command->digests[i];
        if (digest->own[0] == '\0') continue;
        command->hello_digests[command->digest_count++] = (struct td_hello_digest){
            .step = command->steps[i].id,
            .digest = digest->own,
            .untouched = digest->untouched[0] != '\0' ? digest->untouched : NULL,
            .fraction = 1};
    }
    return true;
}

/* Everything that can be refused is refused here. */
static bool prepare(struct command *command, struct td_error *error)
{
    bool none = true;
    if (!need_options(command, error) ||
        !choose(command, LOG, "human", "json", &command->json, error) ||
        !choose(command, DIGESTS, "auto", "none", &none, error) ||
        !read_time(command, MAX_WAIT, "15m", &command->max_wait, error) ||
        !read_time(command, MAX_AWAY, "1m", &command->max_away, error) ||
        !td_server_access_open("peer", &command->given[SERVER], &command->given[TOKEN_FILE],
                               &command->given[TLS_CA], &command->access, error) ||
        !read_schema(command, error))
        return false;
    if (command->given[EXEC].given) return prepare_exec(command, error) && identify(command, error);
    return prepare_bazel(command, error) && identify(command, error) &&
           (none || find_digests(command, error));
}

static const char *or_none(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static void run(struct command *command, const atomic_bool *stop, struct td_peer_end *end)
{
    const struct td_identity *identity = &command->identity;
    const struct td_hello hello = {.peer = command->given[NAME].text,
                                   .repository = or_none(identity->repository),
                                   .base_ref = or_none(identity->base_ref),
                                   .change = or_none(identity->change),
                                   .pipeline = or_none(identity->pipeline),
                                   .cache = text_of(command, CACHE_ID, NULL),
                                   .dependent = identity->dependent,
                                   .schema_id = command->schema->schema_id,
                                   .universe = command->schema->universe,
                                   .steps = command->steps,
                                   .step_count = command->schema->step_count,
                                   .read_only = command->given[READ_ONLY].given,
                                   .digests = command->hello_digests,
                                   .digest_count = command->digest_count};
    const struct td_peer_options peer = {.host = command->access.address.host,
                                         .port = command->access.address.port,
                                         .tls = command->access.tls,
                                         .token = command->access.token,
                                         .state = {.hello = hello,
                                                   .server = command->given[SERVER].text,
                                                   .max_wait = command->max_wait,
                                                   .max_away = command->max_away,
                                                   .fallback = command->given[FALLBACK].given},
                                         .executor = command->given[EXEC].given
                                                         ? td_executor_command(&command->exec)
                                                         : td_executor_bazel(&command->bazel),
                                         .log = write_log,
                                         .log_context = command};
    td_peer_run(&peer, stop, end);
}

/* What stands behind -- is not ours: it is cut off before the options are read. */
static int cut_rest(int argc, char **argv, struct command *command)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") != 0) continue;
        command->rest = (const char *const *)(argv + i + 1);
        return i;
    }
    command->rest = (const char *const *)(argv + argc);
    return argc;
}

int td_command_peer(int argc, char **argv)
{
    struct td_arguments arguments;
    struct command command = {0};
    struct td_peer_end end = {0};
    int status, ours = cut_rest(argc, argv, &command);
    if (!td_cli_parse(&usage, ours, argv, &arguments, &status)) return status;

    command.given = arguments.values;
    if (!prepare(&command, &end.error)) {
        end.status = td_cli_fail(&end.error);
    } else {
        const atomic_bool *stop = td_interrupt_watch();
        run(&command, stop, &end);
        if (end.error.fault == TD_FAULT_INTERRUPT) td_interrupt_die(end.error.text);
        td_interrupt_unwatch();
        if (end.error.fault != TD_FAULT_NONE) say_end(&command, &end.error);
    }
    destroy(&command);
    return end.status;
}
