#include "lives.h"

#include "live/history.h"
#include "policies/policies.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCHEMA                                                                                     \
    "\"schema\": {\"id\": \"s\", \"universe\": \"//...\", \"steps\": {\"a\": \"//a\", \"b\": "     \
    "\"//b\", \"c\": {\"targets\": \"//c\", \"after\": [\"a\"]}, \"d\": \"//d\"}}"

static const char ids[] = "abcd";

void life_folder(char *folder, size_t size)
{
    /* in memory, where there is such a folder: what is synced is not what is tested */
    const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(folder, size, "%s/td-journal-XXXXXX", parent);
    assert_non_null(mkdtemp(folder));
}

void life_clean(const char *folder)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[512];
        if (entry->d_name[0] == '.') continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        (void)unlink(path);
    }
    (void)closedir(dir);
    assert_int_equal(rmdir(folder), 0);
}

uint32_t life_roll(struct life *life, uint32_t below)
{
    life->dice = life->dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((life->dice >> 33) % below);
}

static void on_order(struct life_peer *peer, const struct td_message *message)
{
    assert_int_equal(peer->order, 0);
    peer->order = message->order;
    peer->aborted = false;
    peer->build = message->order_for.build;
    peer->step = message->step == NULL ? LIFE_STEPS : (td_step)(message->step[0] - 'a');
}

static void on_send(void *context, uint32_t link, const struct td_message *message)
{
    struct life *life = context;
    if (link >= LIFE_PEERS) return; /* a stranger */
    struct life_peer *peer = &life->peers[link];
    if (message->kind == TD_MESSAGE_WELCOME) {
        life->resumed += message->welcome.resumed;
        peer->welcome = true;
        if (!message->welcome.resumed) peer->order = 0;
    } else if (message->kind == TD_MESSAGE_ORDER) {
        on_order(peer, message);
        life->orders++;
    } else if (message->kind == TD_MESSAGE_ABORT) {
        peer->aborted = peer->order == message->order;
    } else if (message->kind == TD_MESSAGE_DONE) {
        peer->done = true;
        peer->failed = message->done.failed;
    }
}

static void on_close(void *context, uint32_t link)
{
    struct life *life = context;
    if (link >= LIFE_PEERS) return;
    life->peers[link].here = life->peers[link].linked = false;
    life->peers[link].order = 0;
}

static void on_log(void *context, td_time at, const char *peer, const char *text)
{
    struct life *life = context;
    (void)at, (void)peer;
    life->said_full += strstr(text, "make room on its disk") != NULL;
    life->said_unfolded += strstr(text, "it is not folded") != NULL;
    life->folds += strstr(text, "is folded") != NULL;
}

/* One in eight may not publish, another one belongs to somebody, and what a third one may changes
 * while it is away. Of the strangers some are guests, and some are not let in. */
static bool on_vouch(void *context, uint32_t link, const struct td_hello *hello,
                     struct td_voucher *voucher, struct td_error *error)
{
    const struct life *life = context;
    if (link >= LIFE_PEERS && link % 4 > 0) {
        voucher->owner = link % 4 == 1 ? "nobody" : "guest";
        return link % 4 > 1 || td_error_set(error, TD_FAULT_INPUT, "it may not come in");
    }
    unsigned number = (unsigned)strtoul(hello->peer + 1, NULL, 10);
    voucher->read_only = number % 8 == 3 || (number % 8 == 1 && life->resumed % 2 == 1);
    if (number % 8 == 5) voucher->owner = "team";
    return true;
}

static void on_wake(void *context)
{
    (void)context; /* the next thing that happens looks after it */
}

bool life_open(struct life *life, const char *path, const char *policy, struct td_error *error)
{
    struct td_error refused;
    const struct td_authority_outlet outlet = {
        .context = life, .send = on_send, .close = on_close, .vouch = on_vouch, .log = on_log};
    life->path = path;
    life->options.policy = td_policy_find(policy);
    life->options.grace = 50;
    life->options.engine = (struct td_engine_options){.retries = 2, .learn = true, .patience = 40};
    life->journal.path = path;
    life->journal.find_policy = td_policy_find;
    if (life->journal.most_bytes == 0) life->journal.most_bytes = 1 << 20;
    if (life->journal.retain == 0) life->journal.retain = 10;
    life->keeper = td_keeper_open(&life->journal, &life->options, &outlet, 1000000 + life->now,
                                  error == NULL ? &refused : error);
    if (life->keeper == NULL && error == NULL) fail_msg("%s", refused.text);
    if (life->keeper == NULL) return false;
    if (life->aside) assert_true(td_keeper_commit_aside(life->keeper, on_wake, life, &refused));
    life->now = td_keeper_start(life->keeper);
    for (uint32_t i = 0; i < LIFE_PEERS; i++)
        life->peers[i].linked = false;
    return true;
}

void life_close(struct life *life)
{
    td_keeper_close(life->keeper);
    life->keeper = NULL;
}

/* The peer at a link says something. */
static void say(struct life *life, uint32_t link, const char *format, ...)
{
    char text[1024];
    struct td_error error;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct td_message *message = td_message_read(text, strlen(text), &error);
    if (message == NULL) fail_msg("%s: %s", text, error.text);
    if (td_keeper_admit(life->keeper, link, message, life->now) == TD_ADMIT)
        td_authority_receive(td_keeper_authority(life->keeper), link, message, life->now);
    td_message_destroy(message);
}

static void say_hello(struct life *life, uint32_t link)
{
    struct life_peer *peer = &life->peers[link];
    char holds[64] = "", resume[64] = "", digests[128] = "";
    for (td_step step = 0, at = 0; step < LIFE_STEPS; step++)
        if (peer->held[step])
            at += (td_step)snprintf(holds + at, sizeof holds - at, "%s\"%c\"", at == 0 ? "" : ", ",
                                    ids[step]);
    if (peer->order != 0)
        (void)snprintf(resume, sizeof resume, ", \"resume\": \"%llu\"",
                       (unsigned long long)peer->order);
    if (peer->variant)
        (void)snprintf(digests, sizeof digests,
                       ", \"digests\": {\"b\": {\"digest\": \"%s\", \"untouched\": \"base\", "
                       "\"fraction\": 0.5}}",
                       peer->name);
    peer->here = peer->linked = true;
    say(life, link, "{\"type\": \"hello\", \"peer\": \"%s\", " SCHEMA ", \"holds\": [%s]%s%s}",
        peer->name, holds, resume, digests);
}

/* Another peer in the place of one that is done. */
static void arrive(struct life *life, uint32_t link)
{
    struct life_peer *peer = &life->peers[link];
    memset(peer, 0, sizeof *peer);
    (void)snprintf(peer->name, sizeof peer->name, "p%u", life->generation++);
    peer->variant = life_roll(life, 4) == 0;
    say_hello(life, link);
}

static void end(struct life *life, uint32_t link, const char *result)
{
    struct life_peer *peer = &life->peers[link];
    td_order order = peer->order;
    char step[32] = "";
    if (peer->step < LIFE_STEPS)
        (void)snprintf(step, sizeof step, ", \"step\": \"%c\"", ids[peer->step]);
    peer->order = 0;
    say(life, link, "{\"type\": \"ended\", \"order\": \"%llu\", \"result\": \"%s\"%s}",
        (unsigned long long)order, result, step);
}

/* The universe, which brings with it what the peer still lacks: one thing at a time. */
static void build_universe(struct life *life, uint32_t link)
{
    struct life_peer *peer = &life->peers[link];
    for (td_step step = 0; step < LIFE_STEPS; step++) {
        if (peer->held[step]) continue;
        peer->held[step] = true;
        say(life, link,
            "{\"type\": \"obtained\", \"order\": \"%llu\", \"step\": \"%c\", \"how\": "
            "\"fetch\", \"took_ns\": \"3\"}",
            (unsigned long long)peer->order, ids[step]);
        return;
    }
    end(life, link, "ok");
}

/* The order ends well, or goes on well. */
static void complete(struct life *life, uint32_t link)
{
    struct life_peer *peer = &life->peers[link];
    td_order order = peer->order;
    if (peer->step == LIFE_STEPS) {
        build_universe(life, link);
        return;
    }
    peer->held[peer->step] = true;
    peer->order = 0;
    bool built = peer->build || (!life->healthy && life_roll(life, 6) == 0); /* not in the cache */
    bool published = built && (life->healthy || life_roll(life, 10) > 0);
    life->built += built;
    say(life, link,
        "{\"type\": \"obtained\", \"order\": \"%llu\", \"step\": \"%c\", \"how\": \"%s\", "
        "\"published\": %s, \"whole\": true, \"last\": true, \"took_ns\": \"%u\"}",
        (unsigned long long)order, ids[peer->step], built ? "build" : "fetch",
        published ? "true" : "false", 1 + life_roll(life, 30));
}

static void lose(struct life *life, uint32_t link)
{
    if (link < LIFE_PEERS) life->peers[link].linked = false;
    td_keeper_forget(life->keeper, link);
    td_authority_lose(td_keeper_authority(life->keeper), link, life->now);
}

/* Somebody comes and goes who may be refused: by whom it is, by its schema, by a quota. */
static void stranger(struct life *life)
{
    static const char *const schemas[] = {
        SCHEMA,
        "\"schema\": \"nobody's\"",
        "\"schema\": {\"id\": \"s\", \"universe\": \"//x\", \"steps\": {\"a\": \"//a\"}}",
        "\"schema\": {\"id\": \"t\", \"universe\": \"//t\", \"steps\": {\"a\": \"//a\"}}",
        "\"schema\": {\"id\": \"u\", \"universe\": \"//u\", \"steps\": {\"a\": \"//a\"}}",
        "\"schema\": {\"id\": \"v\", \"universe\": \"//v\", \"steps\": {\"a\": \"//a\", \"b\": "
        "\"//b\"}}",
        "\"schema\": {\"id\": \"c\", \"universe\": \"//c\", \"steps\": {\"b\": {\"targets\": "
        "\"//b\", \"after\": [\"d\"]}, \"d\": {\"targets\": \"//d\", \"after\": [\"b\"]}}}"};
    uint32_t link = LIFE_PEERS + life_roll(life, 8);
    const struct life_peer *victim = &life->peers[life_roll(life, LIFE_PEERS)];
    const char *schema = schemas[life_roll(life, sizeof schemas / sizeof *schemas)];
    char name[32];
    (void)snprintf(name, sizeof name, "g%u", life->generation++);
    say(life, link,
        "{\"type\": \"hello\", \"peer\": \"%s\", \"cache\": \"c%u\", %s, \"digests\": {\"b\": "
        "{\"digest\": \"%s\", \"untouched\": \"base\"}}}",
        victim->linked && life_roll(life, 2) == 0 ? victim->name : name, life_roll(life, 3), schema,
        name);
    if (life_roll(life, 2) == 0) say(life, link, "{\"type\": \"bye\"}");
    lose(life, link);
}

/* What a peer can do that has a connection. */
static void act(struct life *life, uint32_t link)
{
    struct life_peer *peer = &life->peers[link];
    uint32_t dice = life->healthy ? 99 : life_roll(life, 100);
    if (dice < 6) {
        lose(life, link);
    } else if (dice < 8) {
        say(life, link, "{\"type\": \"bye\"}");
    } else if (dice < 10) {
        td_authority_refuse(td_keeper_authority(life->keeper), link, "bad-message", "nonsense",
                            life->now);
    } else if (peer->order == 0) {
        return;
    } else if (peer->aborted) {
        end(life, link, "aborted");
    } else if (dice < 18 && peer->step < LIFE_STEPS) {
        end(life, link, dice < 16 ? "flaky" : "broken");
    } else if (dice < 30 && peer->step < LIFE_STEPS) {
        say(life, link, "{\"type\": \"look\", \"order\": \"%llu\", \"step\": \"%c\"}",
            (unsigned long long)peer->order, ids[peer->step]);
    } else if (dice < 34) {
        say(life, link, "{\"type\": \"ended\", \"order\": \"%llu\", \"result\": \"ok\"}",
            (unsigned long long)peer->order + 77); /* late, or too early */
    } else {
        complete(life, link);
    }
}

static void commit(struct life *life)
{
    const struct td_error *fault = td_authority_fault(td_keeper_authority(life->keeper));
    if (fault != NULL) fail_msg("%s", fault->text);
    bool kept = td_keeper_commit(life->keeper, life->now, life->clock_ns);
    if (!life->aside) assert_int_equal(kept, !life->full);
}

void life_step(struct life *life)
{
    uint32_t link = life_roll(life, LIFE_PEERS);
    struct life_peer *peer = &life->peers[link];
    life->now += life_roll(life, 12);
    td_authority_wake(td_keeper_authority(life->keeper), life->now);
    if (!life->healthy && life->orders > 0 && life_roll(life, 8) == 0) stranger(life);
    if (peer->linked)
        act(life, link);
    else if (peer->done || peer->name[0] == '\0')
        arrive(life, link);
    else
        say_hello(life, link);
    commit(life);
}

void life_finish(struct life *life)
{
    life->healthy = true;
    for (uint32_t round = 0; round < 400; round++) {
        bool all = true;
        for (uint32_t link = 0; link < LIFE_PEERS; link++) {
            struct life_peer *peer = &life->peers[link];
            life->now++;
            if (peer->done || peer->name[0] == '\0') continue;
            all = false;
            td_authority_wake(td_keeper_authority(life->keeper), life->now);
            if (peer->linked)
                act(life, link);
            else
                say_hello(life, link);
            commit(life);
        }
        if (all) return;
    }
    fail_msg("somebody is stuck");
}

void life_prove(const char *path, const char *policy)
{
    struct td_error error = {0};
    struct td_journal *journal = td_journal_open(path, false, &error);
    if (journal == NULL) fail_msg("%s", error.text);
    struct td_history *history = td_history_create(journal, td_policy_find(policy), &error);
    if (history == NULL) fail_msg("%s", error.text);
    td_history_destroy(history);
    td_journal_close(journal);
}
