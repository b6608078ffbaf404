#include "live/protocol_internal.h"

#define MAY(name, spelling, place)                                                                 \
    .key = (name), .form = TD_FORM_##spelling, .offset = offsetof(struct td_message, place)
#define MUST(name, spelling, place) MAY(name, spelling, place), .required = true
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const pipeline_types[] = {"independent", "dependent"};
static const char *const ways[] = {"fetch", "build"};
static const char *const outcomes[] = {"ok", "failed"};
static const char *const results[TD_RESULTS] = {[TD_ENDED_OK] = "ok",
                                                [TD_ENDED_FLAKY] = "flaky",
                                                [TD_ENDED_BROKEN] = "broken",
                                                [TD_ENDED_ABORTED] = "aborted"};

static const struct td_member hello[] = {
    {MUST("peer", NAME, hello.peer)},
    {MAY("repository", NAME, hello.repository)},
    {MAY("base_ref", NAME, hello.base_ref)},
    {MAY("change", NAME, hello.change)},
    {MAY("pipeline", NAME, hello.pipeline)},
    {MAY("pipeline_type", EITHER, hello.dependent), .words = pipeline_types},
    {MAY("cache", NAME, hello.cache)},
    {MUST("schema", SCHEMA, hello.schema_id)},
    {MAY("publishes", FALSE, hello.read_only)},
    {MAY("holds", HOLDS, hello.holds)},
    {MAY("digests", DIGESTS, hello.digests)},
    {MAY("step", NAME, hello.step)},
    {MAY("resume", ORDER, hello.resume)},
};

static const struct td_member look[] = {
    {MUST("order", ORDER, order)},
    {MAY("step", NAME, step)},
    {MAY("part", PART, look.part)},
};

static const struct td_member obtained[] = {
    {MUST("order", ORDER, order)},
    {MAY("step", NAME, step)},
    {MUST("how", EITHER, obtained.built), .words = ways},
    {MAY("published", TRUE, obtained.published)},
    {MAY("whole", TRUE, obtained.whole)},
    {MAY("last", TRUE, obtained.last)},
    {MAY("part", PART, obtained.part)},
    {MAY("parts", PART, obtained.parts), .otherwise = 1},
    {MUST("took_ns", TIME, obtained.took)},
    {MAY("actions", COUNT, obtained.actions), .otherwise = -1},
    {MAY("hits", COUNT, obtained.hits), .otherwise = -1},
};

static const struct td_member ended[] = {
    {MUST("order", ORDER, order)},
    {MUST("result", RESULT, ended.result), .words = results},
    {MAY("step", NAME, step)},
    {MAY("text", TEXT, text)},
};

static const struct td_member welcome[] = {
    {MAY("grace_ns", TIME, welcome.grace)},
    {MAY("resumed", TRUE, welcome.resumed)},
};

static const struct td_member order[] = {
    {MUST("order", ORDER, order)},
    {MAY("step", NAME, step)},
    {MUST("targets", TARGETS, order_for.targets)},
    {MUST("expect", EITHER, order_for.build), .words = ways},
    {MAY("reason", NAME, reason)},
};

static const struct td_member seen[] = {
    {MUST("order", ORDER, order)},
    {MAY("step", NAME, step)},
    {MUST("published", TRUE, seen.published)},
    {MAY("fraction", FRACTION, seen.fraction), .otherwise = 1},
};

static const struct td_member wait[] = {
    {MAY("reason", NAME, reason)},
};

static const struct td_member give_up[] = {
    {MUST("order", ORDER, order)},
    {MAY("reason", NAME, reason)},
};

static const struct td_member done[] = {
    {MUST("outcome", EITHER, done.failed), .words = outcomes},
    {MAY("reason", NAME, reason)},
    {MAY("text", TEXT, text)},
};

static const struct td_member failure[] = {
    {MUST("code", NAME, error.code)},
    {MAY("text", TEXT, text)},
};

const struct td_message_spec td_message_specs[TD_MESSAGE_KINDS] = {
    [TD_MESSAGE_HELLO] = {"hello", hello, COUNT(hello)},
    [TD_MESSAGE_LOOK] = {"look", look, COUNT(look)},
    [TD_MESSAGE_OBTAINED] = {"obtained", obtained, COUNT(obtained)},
    [TD_MESSAGE_ENDED] = {"ended", ended, COUNT(ended)},
    [TD_MESSAGE_BYE] = {"bye", NULL, 0},
    [TD_MESSAGE_WELCOME] = {"welcome", welcome, COUNT(welcome)},
    [TD_MESSAGE_ORDER] = {"order", order, COUNT(order)},
    [TD_MESSAGE_SEEN] = {"seen", seen, COUNT(seen)},
    [TD_MESSAGE_WAIT] = {"wait", wait, COUNT(wait)},
    [TD_MESSAGE_ABORT] = {"abort", give_up, COUNT(give_up)},
    [TD_MESSAGE_DONE] = {"done", done, COUNT(done)},
    [TD_MESSAGE_ERROR] = {"error", failure, COUNT(failure)},
};

const char *td_reason_word(enum td_reason reason)
{
    switch (reason) { /* without a default: the compiler asks for the word of a new reason */
    case TD_REASON_NONE:
        return "none";
    case TD_REASON_ALL_AT_ONCE:
        return "all-at-once";
    case TD_REASON_IN_TURN:
        return "in-turn";
    case TD_REASON_NEXT_IN_SCHEMA:
        return "next-in-schema";
    case TD_REASON_READY:
        return "ready";
    case TD_REASON_OVERDUE:
        return "overdue";
    case TD_REASON_SUPERSEDED:
        return "superseded";
    case TD_REASON_PUBLISHED:
        return "published";
    case TD_REASON_ALL_PUBLISHED:
        return "all-published";
    case TD_REASON_SOONEST:
        return "soonest";
    case TD_REASON_HOLDS_ALL:
        return "holds-all";
    case TD_REASON_ADOPTED:
        return "adopted";
    case TD_REASON_NOT_ITS_TURN:
        return "not-its-turn";
    case TD_REASON_OTHERS_BUILD:
        return "others-build";
    case TD_REASON_CHANGED:
        return "changed";
    case TD_REASON_COMPLETE:
        return "complete";
    case TD_REASON_BROKEN:
        return "broken";
    case TD_REASON_TOO_FLAKY:
        return "too-flaky";
    }
    return "none"; /* of a damaged journal */
}
