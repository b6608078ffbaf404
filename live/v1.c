/* Texts of v1's clients in, messages for the authority out, and back. */
#include "base/assert.h"
#include "base/json.h"
#include "base/text.h"
#include "live/protocol_internal.h"
#include "live/v1_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_PREFIX "v1:"

struct td_v1 *td_v1_create(uint32_t start)
{
    struct td_v1 *v1 = calloc(1, sizeof *v1);
    if (v1 == NULL) return NULL;
    v1->start = start;
    v1->last_acting = &v1->acting;
    return v1;
}

static void client_free(struct v1_client *client)
{
    td_arena_destroy(client->arena);
    free(client);
}

void td_v1_destroy(struct td_v1 *v1)
{
    if (v1 == NULL) return;
    for (uint32_t link = 0; link < v1->client_capacity; link++) {
        if (v1->clients[link] == NULL) continue;
        td_v1_part(v1, v1->clients[link]);
        client_free(v1->clients[link]);
    }
    td_v1_sweep(v1);
    free(v1->clients);
    free(v1);
}

const char *td_v1_client_id(char *path)
{
    if (strncmp(path, TD_V1_PATH, strlen(TD_V1_PATH)) != 0) return NULL;
    char *id = path + strlen(TD_V1_PATH);
    size_t length = strlen(id);
    if (length > 0 && id[length - 1] == '/') id[--length] = '\0';
    return length == 0 ? NULL : id;
}

/* Why its connection is closed: as much of a sentence as a close can say, in whole characters. */
static void set_reason(struct v1_client *client, const char *text)
{
    size_t length = 0, size;
    while ((size = td_utf8_decode(text + length, strlen(text + length), NULL)) > 0 &&
           length + size <= TD_V1_REASON_MOST)
        length += size;
    memcpy(client->reason, text, length);
    client->reason[length] = '\0';
}

static bool reserve(struct td_v1 *v1, uint32_t link)
{
    if (link < v1->client_capacity) return true;
    uint32_t capacity = link + link / 2 + 16;
    struct v1_client **clients = realloc(v1->clients, capacity * sizeof *clients);
    if (clients == NULL) return false;
    for (uint32_t i = v1->client_capacity; i < capacity; i++)
        clients[i] = NULL;
    v1->clients = clients;
    v1->client_capacity = capacity;
    return true;
}

bool td_v1_open(struct td_v1 *v1, uint32_t link, const char *client_id, struct td_error *error)
{
    size_t length = td_text_printable_length(client_id);
    struct v1_client *client = NULL;
    if (!reserve(v1, link) || (client = calloc(1, sizeof *client)) == NULL)
        return td_error_memory(error, "a client");
    TD_ASSERT(v1->clients[link] == NULL);
    v1->clients[link] = client;
    client->link = link;
    bool good = length >= 1 && length <= TD_V1_ID_MOST; /* SIZE_MAX: not printable */
    (void)snprintf(client->name, sizeof client->name, NAME_PREFIX "%s", good ? client_id : "?");
    if (good) return true;
    client->state = V1_OVER;
    (void)td_error_set(error, TD_FAULT_INPUT,
                       "the client ID in the URL must have 1 to %u printable characters",
                       TD_V1_ID_MOST);
    set_reason(client, error->text);
    return false;
}

static struct v1_client *find_client(const struct td_v1 *v1, uint32_t link)
{
    return link < v1->client_capacity ? v1->clients[link] : NULL;
}

static struct v1_client *client_of(const struct td_v1 *v1, uint32_t link)
{
    struct v1_client *client = find_client(v1, link);
    TD_ASSERT(client != NULL);
    return client;
}

bool td_v1_has(const struct td_v1 *v1, uint32_t link)
{
    return find_client(v1, link) != NULL;
}

const char *td_v1_name(const struct td_v1 *v1, uint32_t link)
{
    return client_of(v1, link)->name;
}

bool td_v1_is_in(const struct td_v1 *v1, uint32_t link)
{
    return client_of(v1, link)->state == V1_IN;
}

const char *td_v1_reason(const struct td_v1 *v1, uint32_t link)
{
    return client_of(v1, link)->reason;
}

bool td_v1_leaves(const struct td_v1 *v1, uint32_t link)
{
    return client_of(v1, link)->leaves;
}

/* It takes part in nothing any more. */
static void end_client(struct td_v1 *v1, struct v1_client *client)
{
    td_v1_part(v1, client);
    client->state = V1_OVER;
    client->order = 0;
}

/* v1 will have to say something for it. */
static void act_later(struct td_v1 *v1, struct v1_client *client)
{
    if (client->acts) return;
    client->acts = true;
    client->next_act = NULL;
    *v1->last_acting = client;
    v1->last_acting = &client->next_act;
}

/* Two clients may come with one ID; the authority wants each to have a name of its own: "v1:ID",
 * then "v1:ID#2". */
static bool choose_name(const struct td_v1 *v1, struct v1_client *client)
{
    size_t length = strlen(client->name);
    uint8_t *taken = calloc(v1->client_capacity + (size_t)2, 1); /* by number */
    if (taken == NULL) return false;
    for (uint32_t link = 0; link < v1->client_capacity; link++) {
        const struct v1_client *other = v1->clients[link];
        if (other == NULL || other->state != V1_IN ||
            strncmp(other->name, client->name, length) != 0)
            continue;
        const char *rest = other->name + length;
        unsigned long number = rest[0] == '\0'  ? 1
                               : rest[0] == '#' ? strtoul(rest + 1, NULL, 10)
                                                : 0;
        if (number <= v1->client_capacity) taken[number] = 1;
    }
    uint32_t number = 1;
    while (taken[number] != 0)
        number++;
    free(taken);
    if (number > 1)
        (void)snprintf(client->name + length, sizeof client->name - length, "#%" PRIu32, number);
    return true;
}

/* Each brings the schema along: whoever came before may not be known to the authority yet. */
static void make_hello(const struct v1_client *client, struct td_message *out)
{
    const struct v1_instance *instance = client->instance;
    *out = (struct td_message){.kind = TD_MESSAGE_HELLO,
                               .hello = {.peer = client->name,
                                         .repository = instance->repository,
                                         .base_ref = instance->base_ref,
                                         .cache = instance->cache,
                                         .schema_id = instance->schema,
                                         .universe = "//...",
                                         .steps = instance->steps,
                                         .step_count = instance->tasks}};
}

static enum td_v1_read read_init(struct td_v1 *v1, struct v1_client *client,
                                 const struct td_values *v, struct td_message *out)
{
    if (client->state != V1_NEW) {
        (void)td_error_set(v->error, TD_FAULT_INPUT, "INIT comes once, as the first message");
        return TD_V1_BAD;
    }
    if (!td_v1_read_init(v, &client->init)) return TD_V1_BAD;
    client->held = td_arena_array(client->arena, client->init.tasks, sizeof *client->held);
    if (client->held == NULL || !choose_name(v1, client)) {
        (void)td_error_memory(v->error, "a client");
        return TD_V1_BAD;
    }
    if (!td_v1_join(v1, client, v->error)) return TD_V1_BAD;
    client->state = V1_IN;
    make_hello(client, out);
    return TD_V1_MESSAGE;
}

/* True if the message is about the task that the client was told. */
static bool is_its_task(const struct v1_client *client, const struct td_values *v)
{
    uint32_t schema, task;
    const char *text;
    if (!td_member_require(v, 0, "schema_id", &schema) || !td_value_name(v, schema, &text))
        return false;
    if (strcmp(text, client->init.schema_id) != 0)
        return td_json_error(v->json, schema, TD_JSON_VALUE, v->error,
                             "is not the schema of this client's INIT");
    if (!td_member_require(v, 0, "task_id", &task) || !td_value_name(v, task, &text)) return false;
    if (!client->told)
        return td_json_error(v->json, task, TD_JSON_VALUE, v->error,
                             "the client has no task to complete");
    return strcmp(text, client->instance->steps[client->task].id) == 0 ||
           td_json_error(v->json, task, TD_JSON_VALUE, v->error,
                         "is not the client's task, which is \"%u\"", client->task);
}

/* The task of an order for one, or one of the tasks on the way to the universe. */
static void complete_task(struct td_v1 *v1, struct v1_client *client, td_time now,
                          struct td_message *out)
{
    *out = (struct td_message){.kind = TD_MESSAGE_OBTAINED,
                               .order = client->order,
                               .step = client->instance->steps[client->task].id,
                               .obtained = {.built = true,
                                            .published = true,
                                            .last = !client->universe,
                                            .parts = 1,
                                            .took = now - client->since,
                                            .actions = -1,
                                            .hits = -1}};
    client->held[client->task] = 1;
    if (client->universe)
        act_later(v1, client);
    else
        client->order = 0;
}

static void fail_task(struct v1_client *client, struct td_message *out)
{
    struct v1_instance *instance = client->instance;
    *out = (struct td_message){.kind = TD_MESSAGE_ENDED,
                               .order = client->order,
                               .step = instance->steps[client->task].id,
                               .ended = {.result = TD_ENDED_BROKEN}};
    client->failed = true;
    client->order = 0;
    /* the second time nobody is given it any more, so the instance cannot become complete */
    if (instance->failed[client->task] != 0) instance->closed = true;
    instance->failed[client->task] = 1;
}

static enum td_v1_read read_complete(struct td_v1 *v1, struct v1_client *client,
                                     const struct td_values *v, td_time now, struct td_message *out)
{
    uint32_t success;
    bool good = false;
    if (client->state == V1_NEW) {
        (void)td_error_set(v->error, TD_FAULT_INPUT, "the first message must be INIT");
        return TD_V1_BAD;
    }
    if (!is_its_task(client, v) || !td_member_require(v, 0, "task_success", &success) ||
        !td_member_bool(v, success, &good))
        return TD_V1_BAD;
    client->told = false;
    if (good)
        complete_task(v1, client, now, out);
    else
        fail_task(client, out);
    return TD_V1_MESSAGE;
}

static enum td_v1_read read_message(struct td_v1 *v1, struct v1_client *client,
                                    const struct td_values *v, td_time now, struct td_message *out)
{
    uint32_t type;
    double number = 0;
    if (td_json_type(v->json, 0) != TD_JSON_OBJECT) {
        (void)td_member_wrong_type(v, 0, "an object");
        return TD_V1_BAD;
    }
    if (!td_member_require(v, 0, "message_type", &type) ||
        !td_member_number(v, type, true, 1, 6, &number))
        return TD_V1_BAD;
    if ((enum v1_type)number == V1_INIT) return read_init(v1, client, v, out);
    if ((enum v1_type)number == V1_TASK_COMPLETE) return read_complete(v1, client, v, now, out);
    (void)td_json_error(v->json, type, TD_JSON_VALUE, v->error,
                        "a client sends 1 (INIT) and 3 (TASK_COMPLETE)");
    return TD_V1_BAD;
}

enum td_v1_read td_v1_read(struct td_v1 *v1, uint32_t link, const char *text, size_t length,
                           td_time now, struct td_message *out, struct td_error *error)
{
    struct v1_client *client = client_of(v1, link);
    td_v1_sweep(v1);
    if (client->state == V1_OVER) return TD_V1_NOTHING; /* it does not know that yet */
    struct td_values v = {.arena = td_arena_create(), .error = error};
    struct td_json *json = NULL;
    enum td_v1_read result = TD_V1_BAD;
    if (v.arena == NULL) {
        (void)td_error_memory(error, "a message");
        return TD_V1_BAD;
    }
    v.json = json = td_json_parse("message", text, length, error);
    if (client->state == V1_NEW) { /* what an INIT says lives as long as the client */
        td_arena_destroy(client->arena);
        client->arena = v.arena;
    }
    if (json != NULL) result = read_message(v1, client, &v, now, out);
    td_json_destroy(json);
    if (client->arena != v.arena) td_arena_destroy(v.arena);
    return result;
}

/* The client runs a task. */
static void instruct(struct v1_client *client, td_time now, struct td_buffer *out)
{
    client->told = true;
    client->since = now;
    td_buffer_string(out, "{\"message_type\": 2, \"schema_id\": ");
    td_buffer_json_string(out, client->init.schema_id);
    td_buffer_string(out, ", \"task_id\": ");
    td_buffer_json_string(out, client->instance->steps[client->task].id);
    td_buffer_string(out, "}");
}

static void take_order(struct td_v1 *v1, struct v1_client *client, const struct td_message *message,
                       td_time now, struct td_buffer *out)
{
    client->order = message->order;
    client->universe = message->step == NULL;
    if (!client->universe) {
        client->task = (uint32_t)strtoul(message->step, NULL, 10);
        TD_ASSERT(client->task < client->instance->tasks);
    }
    if (client->universe || !message->order_for.build)
        act_later(v1, client);
    else
        instruct(client, now, out);
}

/* The authority has nothing more for it. */
static void take_done(struct td_v1 *v1, struct v1_client *client, const struct td_message *message,
                      struct td_buffer *out)
{
    if (!message->done.failed) {
        td_buffer_string(out, "{\"message_type\": 4, \"schema_id\": ");
        td_buffer_json_string(out, client->init.schema_id);
        td_buffer_string(out, "}");
        client->instance->closed = true;
    } else if (!client->failed) {
        client->instance->closed = true;
        set_reason(client, "a task of the schema has failed on two clients, so nobody is given it "
                           "any more");
    }
    client->leaves = !message->done.failed || client->failed;
    end_client(v1, client);
}

void td_v1_write(struct td_v1 *v1, uint32_t link, const struct td_message *message, td_time now,
                 struct td_buffer *out)
{
    struct v1_client *client = client_of(v1, link);
    switch (message->kind) {
    case TD_MESSAGE_ORDER:
        take_order(v1, client, message, now, out);
        break;
    case TD_MESSAGE_DONE:
        take_done(v1, client, message, out);
        break;
    case TD_MESSAGE_ERROR:
        set_reason(client, message->text);
        end_client(v1, client);
        break;
    default: /* welcome and wait: it waits in silence; abort: its task ends by itself */
        break;
    }
}

/* For a client that runs nothing: its order is carried out without it, as far as that goes. */
static void act(struct v1_client *client, td_time now, struct td_message *message,
                struct td_buffer *text)
{
    if (!client->universe) {
        *message =
            (struct td_message){.kind = TD_MESSAGE_OBTAINED,
                                .order = client->order,
                                .step = client->instance->steps[client->task].id,
                                .obtained = {.last = true, .parts = 1, .actions = -1, .hits = -1}};
        client->held[client->task] = 1;
        client->order = 0;
        return;
    }
    for (client->task = 0; client->task < client->instance->tasks; client->task++) {
        if (client->held[client->task] != 0) continue;
        instruct(client, now, text); /* under policies that begin with everything */
        return;
    }
    *message = (struct td_message){
        .kind = TD_MESSAGE_ENDED, .order = client->order, .ended = {.result = TD_ENDED_OK}};
    client->order = 0;
}

static struct v1_client *next_acting(struct td_v1 *v1)
{
    struct v1_client *client = v1->acting;
    if (client == NULL) return NULL;
    v1->acting = client->next_act;
    if (v1->acting == NULL) v1->last_acting = &v1->acting;
    client->acts = false;
    return client;
}

bool td_v1_act(struct td_v1 *v1, td_time now, uint32_t *link, struct td_message *message,
               struct td_buffer *text)
{
    struct v1_client *client;
    td_v1_sweep(v1);
    do
        client = next_acting(v1);
    while (client != NULL && client->order == 0);
    if (client == NULL) return false;
    *link = client->link;
    act(client, now, message, text);
    return true;
}

bool td_v1_close(struct td_v1 *v1, uint32_t link, struct td_message *out)
{
    struct v1_client *client = client_of(v1, link);
    bool in = client->state == V1_IN;
    struct v1_client **at = &v1->acting;
    while (*at != NULL && *at != client)
        at = &(*at)->next_act;
    if (*at != NULL) {
        *at = client->next_act;
        if (client->next_act == NULL) v1->last_acting = at;
    }
    td_v1_part(v1, client);
    client_free(client);
    v1->clients[link] = NULL;
    *out = (struct td_message){.kind = TD_MESSAGE_BYE};
    return in;
}
