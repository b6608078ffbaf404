/* Scenarios from texts, in a folder of their own that ends with the program. */
#ifndef TESTS_WORKLOAD_FIXTURE_H
#define TESTS_WORKLOAD_FIXTURE_H

#include "workload/scenario.h"

/* The table of good and bad scenarios, from the repository's root. */
#define CASES "tests/workload/cases.json"

/* A fresh folder, removed with what write_file() put into it; group fixtures of cmocka. */
int make_folder(void **state);
int remove_folder(void **state);

/* Writes a file into the folder and returns its path, which lives until the next call. */
const char *write_file(const char *name, const char *text, size_t length);

/* The text as a scenario; fails the test if it is none. */
struct td_scenario *scenario_of(const char *text);

/* The build time of the one step of a scenario with this duration. The scenario goes to `owner`. */
const struct td_dist *duration(const char *json, struct td_scenario **owner);

#endif
