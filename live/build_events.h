/* What Bazel did, from the file of its build events (`--build_event_json_file`): one JSON object a
 * line. It is read line by line; only the few kinds of events that matter here are parsed, and a
 * line that cannot be parsed is counted and passed over.
 *
 *     struct td_build_events events;
 *     if (!td_build_events_read(path, &events, &error)) ...
 *     if (events.counted && td_build_events_built(&events, 0.05)) ...   more than a fetch
 *
 * The counts are those of the line that people see at the end of a build, "25 processes: 4 remote
 * cache hit, 9 internal, 12 linux-sandbox."; from newer versions of Bazel, its `runnerCount`.
 */
#ifndef TD_LIVE_BUILD_EVENTS_H
#define TD_LIVE_BUILD_EVENTS_H

#include "base/error.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TD_EVENT_TEXT 256

struct td_build_events {
    bool complete;         /* the last event is there */
    bool counted;          /* the three counts are known; else they are 0 */
    int64_t ran;           /* actions that were run, here or on remote workers */
    int64_t hits;          /* results from a remote or a disk cache */
    int64_t kept;          /* results that Bazel's own folder still had, where it counts them */
    td_time critical_path; /* -1: not known */
    bool cached;           /* there is a cache that others may fetch from */
    bool uploads;          /* and results go there */
    char upload[TD_EVENT_TEXT];  /* why an upload did not work; "": nothing was said of any */
    char pattern[TD_EVENT_TEXT]; /* a target pattern that there is nothing for, and why; "" */
    char failed[TD_EVENT_TEXT];  /* the label of the first action that failed; "" */
    size_t unread;               /* lines that could not be parsed */
};

/* False with an error if the file cannot be read. Cost: its length. */
bool td_build_events_read(const char *path, struct td_build_events *events, struct td_error *error);

/* Whether that was a build: more than this share of the actions, internal ones apart, ran. Nothing
 * to do at all is no build. */
bool td_build_events_built(const struct td_build_events *events, double share);

/* The counts of a line such as the one above; false if it is none. */
bool td_build_events_count(const char *line, struct td_build_events *events);

#endif
