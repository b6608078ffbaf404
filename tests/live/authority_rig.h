/* The authority's mind, with links and a clock by hand and without sockets: every message that goes
 * out is kept as text, and in the end all is decided once more from what went in. */
#ifndef TD_TESTS_LIVE_AUTHORITY_RIG_H
#define TD_TESTS_LIVE_AUTHORITY_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "live/authority.h"
#include "live/replay.h"

#define LINKS 8u

struct rig {
    struct td_authority *authority;
    char sent[LINKS][4096]; /* since the last look, a line a message */
    bool closed[LINKS];
    struct td_replay *replay;
    uint32_t inputs; /* that have changed something; of the last one: */
    enum td_input_kind kept;
    char kept_text[TD_TEXT_KEPT + 2];
    bool read_only; /* the token of who comes */
    const struct td_policy *policy;
    td_time now;
};

/* What a hello tells of its schema, and a report of a step that was built; for say(). */
#define SCHEMA                                                                                     \
    "'schema': {'id': 's', 'universe': '//...', 'steps': {'a': '//a', 'b': {'targets': '//b', "    \
    "'after': ['a']}}}"
#define BUILT(order, step)                                                                         \
    "{'type': 'obtained', 'order': '" order "', 'step': '" step "', 'how': 'build', "              \
    "'published': true, 'last': true, 'took_ns': '10'}"

void authority_open(struct rig *rig, const char *policy);
/* What went in, once more: the same must come out. */
void authority_close(struct rig *rig);

/* A link says something, in JSON with ' for ". */
void say(struct rig *rig, uint32_t link, const char *format, ...);
void hello(struct rig *rig, uint32_t link, const char *name);
/* What was sent to a link since the last look has this in it, which is a look; or is nothing. */
void heard(struct rig *rig, uint32_t link, const char *part);
void silent(const struct rig *rig, uint32_t link);

#endif
