#include "live/recording.h"

#include "report/tally.h"

#include <stdlib.h>

struct recorded {
    td_time arrival, since; /* since: of what goes on, or of the absence */
    td_time busy, wait, absent;
    td_time end;    /* of the last result: where the row at hand ends if nothing follows */
    uint32_t order; /* what was ordered */
    uint32_t step;  /* of the row */
    uint32_t task;  /* what was looked for */
    uint32_t looks; /* within the order */
    uint32_t builds, fetches;
    uint32_t actions, hits;     /* of the row; no actions: not known */
    uint8_t outcome;            /* enum td_peer_outcome */
    bool looked;                /* a task goes on, since `end` */
    bool fetching;              /* by what the look found */
    bool row, built, duplicate; /* there is a row of results, of this kind */
    td_time row_start;
    bool arrived, present, waiting, ordered, ended;
};

struct td_recording {
    struct td_recorder recorder;
    struct td_run_record record;
    struct recorded *peers;
    uint32_t peer_count;
    enum td_recording_form form;
};

struct td_recording *td_recording_create(uint32_t peers, enum td_recording_form form,
                                         const struct td_recorder *recorder, struct td_error *error)
{
    struct td_recording *recording = calloc(1, sizeof *recording);
    struct recorded *items = calloc(peers == 0 ? 1 : peers, sizeof *items);
    if (recording == NULL || items == NULL) {
        free(recording);
        free(items);
        (void)td_error_memory(error, "the record of a live run");
        return NULL;
    }
    recording->peers = items;
    recording->peer_count = peers;
    recording->form = form;
    recording->recorder = *recorder;
    return recording;
}

void td_recording_destroy(struct td_recording *recording)
{
    if (recording == NULL) return;
    free(recording->peers);
    free(recording);
}

bool td_recording_has(const struct td_recording *recording, uint32_t peer)
{
    return peer < recording->peer_count;
}

static void put(const struct td_recording *recording, uint32_t peer, uint32_t step,
                enum td_interval_kind kind, enum td_interval_outcome outcome, td_time start,
                td_time end)
{
    if (recording->recorder.interval == NULL) return;
    const struct td_interval interval = {.start = start,
                                         .end = end,
                                         .peer = peer,
                                         .step = step,
                                         .kind = (uint8_t)kind,
                                         .outcome = (uint8_t)outcome,
                                         .actions = recording->peers[peer].actions,
                                         .hits = recording->peers[peer].hits};
    recording->recorder.interval(recording->recorder.context, &interval);
}

static void end_wait(struct td_recording *recording, uint32_t peer, td_time at)
{
    struct recorded *who = &recording->peers[peer];
    if (!who->waiting) return;
    who->waiting = false;
    who->wait += at - who->since;
    if (at > who->since)
        put(recording, peer, TD_RECORD_NO_STEP, TD_KIND_WAIT, TD_TASK_OK, who->since, at);
}

/* The row of results ends with the last of them. */
static void end_row(struct td_recording *recording, uint32_t peer)
{
    struct recorded *who = &recording->peers[peer];
    if (!who->row) return;
    who->row = false;
    bool duplicate = who->built && who->duplicate;
    if (who->step != TD_RECORD_REST) {
        who->builds += who->built;
        who->fetches += !who->built;
        recording->record.duplicate_builds += duplicate;
    }
    put(recording, peer, who->step, who->built ? TD_KIND_BUILD : TD_KIND_FETCH,
        duplicate ? TD_TASK_DUPLICATE : TD_TASK_OK, who->row_start, who->end);
    who->actions = who->hits = 0;
}

void td_recording_arrive(struct td_recording *recording, uint32_t peer, td_time at)
{
    struct recorded *who = &recording->peers[peer];
    if (!who->arrived)
        who->arrival = at;
    else if (!who->present)
        who->absent += at - who->since;
    who->arrived = true;
    who->present = true;
    who->ended = false;
    who->since = at;
}

void td_recording_wait(struct td_recording *recording, uint32_t peer, td_time at)
{
    struct recorded *who = &recording->peers[peer];
    if (who->waiting) return; /* an ask in vain does not split a wait */
    who->waiting = true;
    who->since = at;
}

void td_recording_order(struct td_recording *recording, uint32_t peer, uint32_t step, bool build,
                        td_time at)
{
    struct recorded *who = &recording->peers[peer];
    end_wait(recording, peer, at);
    who->ordered = true;
    who->order = step;
    who->looks = 0;
    who->looked = recording->form == TD_RECORD_ORDERS;
    who->fetching = !build;
    who->task = step;
    who->since = who->end = at;
}

void td_recording_look(struct td_recording *recording, uint32_t peer, uint32_t step, bool fetch,
                       td_time at)
{
    struct recorded *who = &recording->peers[peer];
    if (who->looks++ == 0 && recording->form == TD_RECORD_OVERHEADS) {
        who->busy += at - who->since;
        if (at > who->since)
            put(recording, peer, who->order, TD_KIND_OVERHEAD, TD_TASK_OK, who->since, at);
        who->end = at;
    }
    if (who->row && who->step != step) end_row(recording, peer);
    who->looked = true;
    who->fetching = fetch;
    who->task = step;
}

void td_recording_actions(struct td_recording *recording, uint32_t peer, int64_t actions,
                          int64_t hits)
{
    struct recorded *who = &recording->peers[peer];
    const bool known = hits >= 0 && actions >= hits && actions <= UINT32_MAX;
    who->actions = known ? (uint32_t)actions : 0;
    who->hits = known ? (uint32_t)hits : 0;
}

void td_recording_obtain(struct td_recording *recording, uint32_t peer, uint32_t step, bool built,
                         bool duplicate, td_time at)
{
    struct recorded *who = &recording->peers[peer];
    if (recording->form == TD_RECORD_ORDERS && step != who->order) return;
    if (who->row && (who->step != step || who->built != built)) end_row(recording, peer);
    if (!who->row) {
        who->row = true;
        who->step = step;
        who->built = built;
        who->duplicate = false;
        who->row_start = who->end;
    }
    who->duplicate = who->duplicate || duplicate;
    who->busy += at - who->end;
    who->end = at;
    who->looked = false;
}

/* What goes on is given up or fails, as a row from the end of the last result. */
static void cut(struct td_recording *recording, uint32_t peer, uint32_t step,
                enum td_interval_kind kind, enum td_interval_outcome outcome, td_time at)
{
    struct recorded *who = &recording->peers[peer];
    td_time start = who->end;
    bool same = who->row && who->step == step && who->built == (kind == TD_KIND_BUILD);
    if (outcome == TD_TASK_ABORTED && same) { /* given up within a part: so is the whole step */
        start = who->row_start;
        who->row = false;
    }
    end_row(recording, peer);
    who->busy += at - who->end;
    if (kind == TD_KIND_OVERHEAD && at == start) return;
    put(recording, peer, step, kind, outcome, start, at);
}

void td_recording_end(struct td_recording *recording, uint32_t peer,
                      enum td_interval_outcome outcome, uint32_t failed, td_time at)
{
    struct recorded *who = &recording->peers[peer];
    if (!who->ordered) return;
    if (outcome == TD_TASK_FAILED)
        cut(recording, peer, failed, TD_KIND_BUILD, outcome, at);
    else if (outcome == TD_TASK_ABORTED && who->looked)
        cut(recording, peer, who->task, who->fetching ? TD_KIND_FETCH : TD_KIND_BUILD, outcome, at);
    else if (outcome == TD_TASK_ABORTED && who->looks == 0)
        cut(recording, peer, who->order, TD_KIND_OVERHEAD, outcome, at);
    else
        end_row(recording, peer);
    recording->record.failures += outcome == TD_TASK_FAILED;
    recording->record.events++;
    who->ordered = false;
    who->looked = false;
}

void td_recording_leave(struct td_recording *recording, uint32_t peer, td_time at)
{
    struct recorded *who = &recording->peers[peer];
    if (!who->present) return;
    end_wait(recording, peer, at);
    td_recording_end(recording, peer, TD_TASK_ABORTED, 0, at);
    who->present = false;
    who->since = at;
    who->ended = true;
    who->outcome = TD_PEER_LEFT; /* unless it comes back */
}

void td_recording_done(struct td_recording *recording, uint32_t peer, enum td_peer_outcome outcome,
                       td_time at)
{
    struct recorded *who = &recording->peers[peer];
    end_wait(recording, peer, at);
    who->present = false;
    who->since = at;
    who->ended = true;
    who->outcome = (uint8_t)outcome;
}

bool td_recording_finish(struct td_recording *recording, td_time at, struct td_run_record *record,
                         struct td_error *error)
{
    struct td_tally tally;
    td_time *turnarounds =
        calloc(recording->peer_count == 0 ? 1 : recording->peer_count, sizeof *turnarounds);
    if (turnarounds == NULL) return td_error_memory(error, "the record of a live run");
    td_tally_begin(&tally, &recording->record, turnarounds);
    for (uint32_t peer = 0; peer < recording->peer_count; peer++) {
        struct recorded *who = &recording->peers[peer];
        if (!who->arrived) who->arrival = who->since = at;
        if (!who->ended) td_recording_done(recording, peer, TD_PEER_ABORTED, at);
        const struct td_peer_record row = {.arrival = who->arrival,
                                           .completion = who->since,
                                           .busy = who->busy,
                                           .wait = who->wait,
                                           .builds = who->builds,
                                           .fetches = who->fetches,
                                           .outcome = who->outcome,
                                           .merged = TD_NOT_MERGED};
        if (recording->recorder.peer != NULL)
            recording->recorder.peer(recording->recorder.context, peer, &row);
        td_tally_peer(&tally, &row, who->absent);
    }
    td_tally_end(&tally);
    free(turnarounds);
    *record = recording->record;
    return true;
}
