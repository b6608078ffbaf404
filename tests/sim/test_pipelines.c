/* Dependent pipelines, worked out by hand from the model's sections 4 and 5 and held against what
 * Zuul's documentation says of its gate: changes are tested on top of those ahead of them, start
 * again without one that fails, and merge in order; a window bounds how many are tested. */
#include "support.h"

#define SCHEMA1 "{\"name\":\"x\",\"schema\":{\"universe\":\"//...\",\"steps\":{\"a\":\"//a\"}},"
#define SCHEMA2                                                                                    \
    "{\"name\":\"x\",\"schema\":{\"universe\":\"//...\",\"steps\":{\"a\":\"//a\",\"b\":\"//b\"}},"
#define STEPS "\"steps\":{\"default\":{\"build\":10,\"fetch\":1}},"
#define GATE "\"pipeline\":\"gate\",\"pipeline_type\":\"dependent\""
#define TAIL "],\"policies\":[\"directed\"]}"
#define NEVER (-1)

static const struct pipeline_case {
    const char *what, *text, *policy;
    struct {
        const char *intervals;
        double merged_s, machine_s;
        enum td_peer_outcome outcome;
    } peers[4];
} cases[] = {
    {"those who agree on the changes ahead share a touched step, and the rest",
     SCHEMA2 STEPS "\"peers\":[{\"name\":\"p\"," GATE
                   ",\"touches\":{\"a\":1}},{\"name\":\"q\"," GATE "}" TAIL,
     "directed",
     {{"b0[0,10] f1[10,11] b*[11,11]", 11, 11, TD_PEER_OK},
      {"b1[0,10] f0[10,11] f*[11,11]", 11, 11, TD_PEER_OK}}},
    {"a merged change stays in the lists of those who join later; an independent peer is not "
     "affected",
     SCHEMA1 STEPS "\"peers\":[{\"name\":\"p\"," GATE
                   ",\"touches\":{\"a\":1}},{\"name\":\"q\"," GATE
                   ",\"arrival\":20},{\"name\":\"r\",\"arrival\":20}" TAIL,
     "directed",
     {{"b0[0,10] b*[10,10]", 10, 10, TD_PEER_OK},
      {"f0[20,21] f*[21,21]", 21, 1, TD_PEER_OK},
      {"b0[20,30] b*[30,30]", NEVER, 10, TD_PEER_OK}}},
    {"the one ahead fails: those behind start again without it, and lose what they built on it",
     SCHEMA2 "\"steps\":{\"default\":{\"build\":10,\"fetch\":1},\"b\":{\"build\":15}},"
             "\"peers\":[{\"name\":\"p\"," GATE ",\"breaks\":{\"a\":1}},{\"name\":\"q\"," GATE
             "}" TAIL,
     "directed",
     {{"b0[0,10]f", NEVER, 10, TD_PEER_FAILED},
      {"b1[0,10]a b0[10,20] b1[20,35] b*[35,35]", 35, 35, TD_PEER_OK}}},
    {"fractions add up, from the longest shorter list that is published; while a better one is "
     "built, the build waits",
     SCHEMA1 STEPS "\"peers\":[{\"name\":\"r\"},{\"name\":\"p\"," GATE
                   ",\"touches\":{\"a\":0.3}},{\"name\":\"q\"," GATE
                   ",\"touches\":{\"a\":0.25}}" TAIL,
     "directed",
     /* p: 1 + 0.3 x 10 from the untouched one; q: 1 + 0.25 x 10 from p's */
     {{"b0[0,10] b*[10,10]", NEVER, 10, TD_PEER_OK},
      {"w[0,10] b0[10,14] b*[14,14]", 14, 14, TD_PEER_OK},
      {"w[0,14] b0[14,17.5] b*[17.5,17.5]", 17.5, 17.5, TD_PEER_OK}}},
    {"where only the untouched one is published, the fractions of all ahead count",
     SCHEMA1 STEPS "\"peers\":[{\"name\":\"r\"},{\"name\":\"p\"," GATE
                   ",\"arrival\":12,\"touches\":{\"a\":0.3},\"speed\":0.1},{\"name\":\"q\"," GATE
                   ",\"arrival\":12,\"touches\":{\"a\":0.25}}" TAIL,
     "parallel",
     /* p: 1 + 0.3 x 100; q: 1 + 0.55 x 10, and waits for p to merge */
     {{"b0[0,10] b*[10,10]", NEVER, 10, TD_PEER_OK},
      {"b0[12,43] b*[43,43]", 43, 31, TD_PEER_OK},
      {"b0[12,18.5] b*[18.5,18.5]", 43, 6.5, TD_PEER_OK}}},
    {"fractions that come to 1 make a whole build, which waits for nobody and fetches nothing",
     SCHEMA1 STEPS "\"peers\":[{\"name\":\"r\"},{\"name\":\"p\"," GATE
                   ",\"touches\":{\"a\":0.9},\"speed\":0.1},{\"name\":\"q\"," GATE
                   ",\"touches\":{\"a\":0.1}}" TAIL,
     "parallel",
     {{"b0[0,10] b*[10,10]", NEVER, 10, TD_PEER_OK},
      {"b0[0,100] b*[100,100]", 100, 100, TD_PEER_OK},
      {"b0[0,10] b*[10,10]", 100, 10, TD_PEER_OK}}},
    {"only the window runs: those behind it are not present until a merge lets them in",
     SCHEMA1 STEPS "\"window\":{\"start\":1,\"floor\":1},\"peers\":[{\"count\":3," GATE "}" TAIL,
     "directed",
     {{"b0[0,10] b*[10,10]", 10, 10, TD_PEER_OK},
      {"f0[10,11] f*[11,11]", 11, 1, TD_PEER_OK},
      {"f0[10,11] f*[11,11]", 11, 1, TD_PEER_OK}}},
    {"a failure halves the window: who falls out of it finishes its order, and is in again later",
     SCHEMA2 STEPS
     "\"window\":{\"start\":4,\"floor\":1},\"peers\":[{\"count\":2,\"speed\":0.25," GATE
     "},{\"name\":\"r\",\"speed\":0.5," GATE "},{\"name\":\"s\"," GATE
     ",\"breaks\":{\"a\":1}}" TAIL,
     "parallel",
     {{"b0[0,40]d b1[40,80] b*[80,80]", 80, 80, TD_PEER_OK},
      {"b0[0,40]d b1[40,80]d f*[80,80]", 80, 80, TD_PEER_OK},
      {"b0[0,20] f1[80,81] f*[81,81]", 81, 21, TD_PEER_OK},
      {"b0[0,10]f", NEVER, 10, TD_PEER_FAILED}}},
    {"broken by the change ahead: not its own failure; it is absent until that one has left",
     SCHEMA2 STEPS "\"peers\":[{\"name\":\"p\",\"speed\":0.5," GATE
                   ",\"breaks\":{\"b\":1}},{\"name\":\"q\"," GATE "}" TAIL,
     "directed",
     {{"b0[0,20] b1[20,40]f", NEVER, 40, TD_PEER_FAILED},
      {"b1[0,10]f b1[40,50] f0[50,51] b*[51,51]", 51, 21, TD_PEER_OK}}},
    {"known to be broken by the change ahead: absent, not failed",
     SCHEMA1 STEPS "\"peers\":[{\"name\":\"p\",\"speed\":0.1," GATE
                   ",\"breaks\":{\"a\":1}},{\"count\":2,\"name\":\"q\"," GATE
                   "},{\"name\":\"r\",\"arrival\":12," GATE "}" TAIL,
     "linear",
     /* p alone runs, and r never comes to its turn before p has left */
     {{"b0[0,100]f", NEVER, 100, TD_PEER_FAILED},
      {"w[0,100] b0[100,110] b*[110,110]", 110, 110, TD_PEER_OK},
      {"w[0,110] f0[110,111] f*[111,111]", 111, 111, TD_PEER_OK},
      {"w[12,111] f0[111,112] f*[112,112]", 112, 100, TD_PEER_OK}}},
    {"complete, but not merged, and the one ahead leaves: what was built on it is built again",
     SCHEMA2 STEPS "\"peers\":[{\"name\":\"p\",\"speed\":0.1,\"leaves\":30," GATE
                   ",\"touches\":{\"b\":1}},{\"name\":\"q\"," GATE "}" TAIL,
     "parallel",
     {{"b0[0,30]a", NEVER, 30, TD_PEER_LEFT},
      {"b0[0,10] b1[10,20] b*[20,20] b1[30,40] b*[40,40]", 40, 30, TD_PEER_OK}}},
    {"a change that returns joins the tail",
     SCHEMA1 STEPS "\"peers\":[{\"name\":\"p\",\"leaves\":5,\"returns\":7," GATE
                   ",\"touches\":{\"a\":1}},{\"name\":\"q\"," GATE "}" TAIL,
     "directed",
     {{"b0[0,5]a b0[12,22] b*[22,22]", 22, 15, TD_PEER_OK},
      {"w[0,5] b0[5,15] b*[15,15]", 15, 15, TD_PEER_OK}}},
    {"who is complete when its departure is due does not leave",
     SCHEMA1 STEPS "\"peers\":[{\"name\":\"p\",\"speed\":0.1," GATE
                   "},{\"name\":\"q\",\"leaves\":50," GATE "}" TAIL,
     "parallel",
     {{"b0[0,100]d f*[100,100]", 100, 100, TD_PEER_OK},
      {"b0[0,10] b*[10,10]", 100, 10, TD_PEER_OK}}},
    {"queues are one for each pipeline, whatever the cache",
     SCHEMA1 STEPS
     "\"peers\":[{\"name\":\"p\",\"cache_id\":\"muc9\",\"breaks\":{\"a\":1}," GATE
     "},{\"name\":\"q\",\"cache_id\":\"muc10\",\"speed\":0.5," GATE
     "},{\"name\":\"r\",\"pipeline\":\"other\",\"pipeline_type\":\"dependent\",\"speed\":0.5}" TAIL,
     "parallel",
     {{"b0[0,10]f", NEVER, 10, TD_PEER_FAILED},
      {"b0[0,10]a b0[10,30] b*[30,30]", 30, 30, TD_PEER_OK},
      {"b0[0,20] b*[20,20]", 20, 20, TD_PEER_OK}}},
};

static td_time ns(double seconds)
{
    return (td_time)(seconds * 1e9 + 0.5);
}

static void test_pipelines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct pipeline_case *it = &cases[i];
        struct run run;
        char text[1024];
        td_time machine = 0;
        run_policy(it->text, it->policy, 1, &run);
        for (uint32_t peer = 0; peer < 4 && it->peers[peer].intervals != NULL; peer++) {
            const struct td_peer_record *is = &run.peers[peer];
            td_time merged =
                it->peers[peer].merged_s == NEVER ? TD_NOT_MERGED : ns(it->peers[peer].merged_s);
            run_text(&run, peer, text, sizeof text);
            if (strcmp(text, it->peers[peer].intervals) != 0)
                fail_msg("%s: peer %u: %s, not %s", it->what, peer, text,
                         it->peers[peer].intervals);
            if (is->merged != merged)
                fail_msg("%s: peer %u merges at %g, not %g", it->what, peer,
                         (double)is->merged * 1e-9, it->peers[peer].merged_s);
            if (is->outcome != it->peers[peer].outcome)
                fail_msg("%s: peer %u has outcome %d", it->what, peer, is->outcome);
            machine += ns(it->peers[peer].machine_s);
        }
        if (run.record.machine != machine)
            fail_msg("%s: present for %g s, not %g", it->what, (double)run.record.machine * 1e-9,
                     (double)machine * 1e-9);
        run_free(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pipelines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
