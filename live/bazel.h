/* Bazel builds a step: the command line, what its exit status means, and what it really did.
 *
 *     const struct td_bazel bazel = {.workspace = ".", .options = options};
 *     if (!td_bazel_check(&bazel, &error)) ...              no workspace, no Bazel: a sentence
 *     struct td_build build;
 *     if (!td_bazel_build(&bazel, "//common/... -//common:slow", &stop, &build, &error)) ...
 *     if (build.result == TD_BUILD_OK) ... build.built ? "build" : "fetch" ... build.published
 *
 * td_bazel_build() returns when Bazel has ended, its uploads included: it wants a thread of its own
 * (live/child.h), and td_stop_ask() from another one interrupts it. Bazel's output goes where ours
 * goes, untouched. One folder for outputs (`--output_base`) serves one build at a time; several
 * peers on one machine need several.
 *
 * Exit statuses are Bazel's, https://bazel.build/run/scripts#exit-codes; what was done is read from
 * its build events (live/build_events.h) and not believed from the exit status: Bazel ends well
 * also when nothing could be uploaded.
 */
#ifndef TD_LIVE_BAZEL_H
#define TD_LIVE_BAZEL_H

#include "base/error.h"
#include "base/time.h"
#include "live/build_events.h"
#include "live/child.h"

#include <stdbool.h>
#include <stdint.h>

/* All texts are the caller's and outlive the calls. Arrays end with NULL; NULL is an empty one. */
struct td_bazel {
    const char *path;           /* the program; NULL: "bazel" */
    const char *const *startup; /* options before the command: "--output_base=..." */
    bool tests;                 /* `bazel test` instead of `bazel build` */
    const char *const *options; /* options after the command; the file of events is our own */
    const char *workspace;      /* a folder in it; NULL: the current one */
    const char *scratch;        /* an absolute folder for the file of events; NULL: /tmp */
    const char *events;         /* an absolute path: the file of events is this one, and stays */
    double fetch_share;         /* at most this share of the actions is a fetch; 0: 0.05 */
    td_time grace;              /* between two interrupts; 0: 10 s */
};

enum td_build_result {
    TD_BUILD_OK,
    TD_BUILD_FLAKY,   /* Bazel, the machine or the cache failed: worth another try */
    TD_BUILD_BROKEN,  /* the code is: a build or a test failed, there is no such target */
    TD_BUILD_ABORTED, /* interrupted */
};

struct td_build {
    enum td_build_result result;
    int status;            /* Bazel's exit status; -1: a signal ended it */
    char why[768];         /* a sentence; "" if all is well */
    bool counted;          /* from here on: what it did is known */
    bool built;            /* it was more than a fetch; true where that is not known */
    bool whole;            /* and nothing came from a cache or was there before */
    bool published;        /* it is well, and in a cache that others have */
    char upload[512];      /* a sentence on an upload that did not work; "" */
    int64_t actions;       /* internal ones apart, those that were hits included; -1: not known */
    int64_t hits;          /* -1: not known */
    td_time took;          /* from the start of Bazel to its end */
    td_time critical_path; /* -1: not known */
};

/* That there is a workspace and a Bazel; false with a sentence that says what to do. */
bool td_bazel_check(const struct td_bazel *bazel, struct td_error *error);

/* Builds the patterns, which are separated by spaces; those behind a "-" are left out. `stop` may
 * be NULL. False with an error if Bazel could not be started. */
bool td_bazel_build(const struct td_bazel *bazel, const char *patterns, const struct td_stop *stop,
                    struct td_build *build, struct td_error *error);

/* What an exit status of Bazel's means, and a sentence for people. */
enum td_build_result td_bazel_result(int status, const char **sentence);

/* The start of a command line for another command, such as "query" or "info": the program and its
 * startup options, then the command. An array to be freed, of texts that are not, with room for
 * `more` further ones and the NULL; `at` is where they go. NULL if memory ran short. */
const char **td_bazel_command(const struct td_bazel *bazel, const char *command, size_t more,
                              size_t *at);

#endif
