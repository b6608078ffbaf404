#!/usr/bin/python3
"""The checker accepts what the oracle writes, and finds what is spoiled in it."""

import sys

sys.dont_write_bytecode = True

import csv
import json
import os
import tempfile
import unittest

import check_tasks
import generate
import policies
import results
from model import Run
from scenario import parse

# Two peers and a latecomer that touches 2; 3 comes after 1.
CASE = {
    "name": "case",
    "schema": {"id": "s", "universe": "//...", "steps": {"1": "//a", "2": "//b", "3": "//c"}},
    "steps": {"default": {"build": 10, "fetch": 1}, "3": {"after": ["1"]}},
    "rest": {"build": 4, "fetch": 2},
    "overhead": 1,
    "peers": [{"name": "one", "cache_id": "x"}, {"name": "two", "cache_id": "x"},
              {"name": "late", "cache_id": "x", "arrival": 5, "touches": {"2": 0.5}}],
}


# One that returns, one that fails of a flaky 2, one that leaves for good, one that misses.
TROUBLE = {
    **CASE,
    "steps": {"default": {"build": 10, "fetch": 1}, "1": {"hit_rate": 0},
              "2": {"flaky": 1}, "3": {"after": ["1"], "factor": 2}},
    "retries": 1,
    "peers": [{"name": "one", "leaves": 14, "returns": 5}, {"name": "two", "leaves": 12},
              {"name": "late", "arrival": 21, "publishes": False, "slow": {
                  "after": 3, "for": 20, "factor": 0.5}}],
}


GATE = {"cache_id": "x", "pipeline": "gate", "pipeline_type": "dependent"}
# A queue that nobody leaves, with a window of two; and one that changes leave.
QUEUE = {
    **CASE,
    "window": {"start": 2, "floor": 1},
    "peers": [{"name": "one", **GATE, "touches": {"2": 0.5}},
              {"name": "two", **GATE, "touches": {"2": 0.25, "1": 1}},
              {"name": "late", **GATE, "arrival": 5}],
}
MOVING = {
    **QUEUE,
    "peers": [{"name": "one", **GATE, "speed": 0.5, "breaks": {"2": 1}},
              {"name": "two", **GATE, "touches": {"1": 0.25}},
              {"name": "late", **GATE, "arrival": 5, "leaves": 30, "returns": 5}],
}


def write_table(folder, table, header, rows):
    with open(os.path.join(folder, table), "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        writer.writerows(rows)


def written(folder, scenario, names):
    runs = {name: Run(scenario, name).run() for name in names}
    results.write(folder, scenario, runs)
    for name in ("summary.csv", "compare.csv"):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(results.HEADERS[name] + "\n")


class Accepts(unittest.TestCase):
    def test_what_the_oracle_writes(self):
        for profile in generate.PROFILES:
            for seed in range(150):
                scenario = parse(json.dumps(generate.scenario(seed, profile)))
                if scenario.sampled:
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    written(folder, scenario, policies.POLICIES)
                    self.assertEqual(check_tasks.check(scenario, folder), [],
                                     f"{profile} seed {seed}")


class Finds(unittest.TestCase):
    def faults(self, policy, table, spoil, case=CASE):
        """The faults after spoil(rows) has changed a table."""
        scenario = parse(json.dumps(case))
        with tempfile.TemporaryDirectory() as folder:
            written(folder, scenario, [policy])
            self.assertEqual(check_tasks.check(scenario, folder), [])
            header, rows = results.read(folder, table)
            spoil(rows)
            write_table(folder, table, header, rows)
            return check_tasks.check(scenario, folder)

    def find(self, words, policy, table, spoil, case=CASE):
        faults = self.faults(policy, table, spoil, case)
        self.assertTrue(any(words in fault for fault in faults), faults)

    def spoil_figures(self, case):
        """Another figure in each column of each row."""
        for policy in ("universe", "linear", "parallel", "directed"):
            for table in ("runs.csv", "peers.csv"):
                for column in results.HEADERS[table].split(","):
                    if column in ("policy", "replication", "lower_bound_s"):
                        continue
                    if case is MOVING and column in ("makespan_s", "events", "merged_s"):
                        continue  # what of it can be checked is checked below
                    for row in range(1 if table == "runs.csv" else 3):
                        def spoil(rows):
                            value = rows[row][column]
                            if column == "merged_s":
                                rows[row][column] = "9.000000000" if value else "100.000000000"
                            else:
                                rows[row][column] = value + "1" if not value.isdigit() \
                                    else str(int(value) + 1)
                        with self.subTest(policy=policy, column=column, row=row):
                            self.assertNotEqual(self.faults(policy, table, spoil, case), [])

    def test_every_figure_of_every_row(self):
        self.spoil_figures(CASE)

    def test_figures_of_trouble(self):
        self.spoil_figures(TROUBLE)

    def test_figures_of_a_queue(self):
        self.spoil_figures(QUEUE)

    def test_figures_of_a_queue_that_moves(self):
        self.spoil_figures(MOVING)

    def test_merges_of_a_queue_that_moves(self):
        for row, merged in ((0, "100.000000000"), (1, ""), (2, "9.000000000")):
            self.find("merge", "directed", "peers.csv",
                      lambda rows: rows[row].update(merged_s=merged), MOVING)
        self.find("makespan_s", "directed", "runs.csv",
                  lambda rows: rows[0].update(makespan_s="9.000000000"), MOVING)

    def spoil_intervals(self, case):
        for policy in ("universe", "linear", "parallel", "directed"):
            run = Run(parse(json.dumps(case)), policy).run()
            number = sum(len(state.intervals) for state in run.states)
            for row in range(number):
                for column, value in (("start_s", "2.500000000"), ("end_s", "2.500000000"),
                                      ("kind", None), ("step", "1"), ("outcome", None),
                                      ("peer", "two"), (None, None)):
                    def spoil(rows):
                        if column is None:
                            del rows[row]
                        elif column == "kind":
                            rows[row][column] = {"build": "fetch", "fetch": "build",
                                                 "wait": "overhead", "overhead": "wait"}[
                                                     rows[row][column]]
                        elif column == "outcome":
                            rows[row][column] = {"ok": "duplicate", "duplicate": "ok"}[
                                rows[row][column]]
                        else:
                            unchanged.append(rows[row][column] == value)
                            rows[row][column] = value
                    unchanged = []
                    with self.subTest(policy=policy, row=row, column=column):
                        faults = self.faults(policy, "tasks.csv", spoil, case)
                        if not any(unchanged):
                            self.assertNotEqual(faults, [])

    def test_every_interval(self):
        self.spoil_intervals(CASE)

    def test_every_interval_of_a_queue(self):
        self.spoil_intervals(QUEUE)

    def spoil_intervals_of_trouble(self, case, outcomes):
        """Each row left out, and each with another end or another outcome."""
        for policy in ("universe", "linear", "parallel", "directed"):
            run = Run(parse(json.dumps(case)), policy).run()
            for row in range(sum(len(state.intervals) for state in run.states)):
                with self.subTest(policy=policy, row=row):
                    self.assertNotEqual(self.faults(
                        policy, "tasks.csv", lambda rows: rows.pop(row), case), [])
                for column, values in (("end_s", ["2.500000000"]), ("outcome", outcomes)):
                    for value in values:
                        unchanged = []

                        def spoil(rows):
                            unchanged.append(rows[row][column] == value)
                            rows[row][column] = value
                        with self.subTest(policy=policy, row=row, value=value):
                            faults = self.faults(policy, "tasks.csv", spoil, case)
                            if not any(unchanged):
                                self.assertNotEqual(faults, [])

    def test_intervals_of_trouble(self):
        self.spoil_intervals_of_trouble(TROUBLE, ["ok", "duplicate", "failed", "aborted"])

    def test_intervals_of_a_queue_that_moves(self):
        # Why a build ends early does not show there.
        self.spoil_intervals_of_trouble(MOVING, ["failed"])

    def test_names_what_is_wrong_in_trouble(self):
        self.find("though it does not leave then", "parallel", "tasks.csv",
                  lambda rows: rows[1].update(outcome="aborted"), TROUBLE)
        self.find("cannot fail", "parallel", "tasks.csv",
                  lambda rows: rows[1].update(outcome="failed"), TROUBLE)
        self.find("it left for good", "parallel", "peers.csv",
                  lambda rows: rows[0].update(outcome="left"), TROUBLE)

    def test_luck_that_depends_on_the_policy(self):
        data = json.loads(json.dumps(CASE))
        data["steps"]["default"]["build"] = {"exponential": {"mean": 10}}
        scenario, constant = parse(json.dumps(data)), parse(json.dumps(CASE))
        with tempfile.TemporaryDirectory() as folder:
            written(folder, constant, ["linear", "parallel"])
            self.assertEqual(check_tasks.check(scenario, folder), [])
            slow = Run(parse(json.dumps(CASE).replace('"build": 10', '"build": 11')), "parallel")
            slow = results.tables(constant, {"parallel": slow.run()})
            for table, changed in slow.items():
                header, rows = results.read(folder, table)
                rows = [row for row in rows if row["policy"] == "linear"] + changed
                write_table(folder, table, header, rows)
            faults = check_tasks.check(scenario, folder)
        self.assertTrue(faults)
        self.assertTrue(all("under another policy" in fault for fault in faults), faults)

    def test_names_what_is_wrong(self):
        self.find("does not follow on", "directed", "tasks.csv", lambda rows: rows.pop(0))
        self.find("should be ok", "directed", "tasks.csv",
                  lambda rows: rows[1].update(outcome="duplicate"))
        self.find("wait_s is", "linear", "peers.csv",
                  lambda rows: rows[1].update(wait_s="0.000000000"))
        self.find("lower bound", "linear", "runs.csv",
                  lambda rows: rows[0].update(lower_bound_s="1000.000000000"))
        self.find("no time", "linear", "peers.csv", lambda rows: rows[1].update(completion_s="9"))
        self.find("who completes, and nobody else, merges", "linear", "peers.csv",
                  lambda rows: rows[0].update(merged_s=""), QUEUE)
        self.find("has the peers", "linear", "peers.csv", lambda rows: rows.pop())

    def test_header(self):
        scenario = parse(json.dumps(CASE))
        for name in results.HEADERS:
            with tempfile.TemporaryDirectory() as folder:
                written(folder, scenario, ["linear"])
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as file:
                    text = file.read()
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text.replace("scenario,", "scenarios,", 1))
                self.assertIn("the header is", check_tasks.check(scenario, folder)[0])


class FindsIdlePeers(unittest.TestCase):
    """Intervals that follow from themselves but from no policy."""

    STEPS = ["1", "2"]

    def faults(self, policy, peers, **settings):
        """peers: for each the intervals (step, kind, start, end) in seconds."""
        scenario = parse(json.dumps({
            "name": "case",
            "schema": {"universe": "//...", "steps": {step: "//a" for step in self.STEPS}},
            "steps": {"default": {"build": {"exponential": {"mean": 10}},
                                  "fetch": {"exponential": {"mean": 1}}}, **settings},
            "rest": {"build": 0, "fetch": 0},
            "peers": [{"name": f"p{number}"} for number in range(len(peers))],
        }))
        rows = [[{"step": step, "kind": kind, "start_s": f"{start}.000000000",
                  "end_s": f"{end}.000000000", "outcome": outcome}
                 for step, kind, start, end, outcome in peer] for peer in peers]
        row = {name: "" for name in results.HEADERS["runs.csv"].split(",")} | {"events": "0"}
        peer_rows = {f"p{number}": {name: "" for name in results.HEADERS["peers.csv"].split(",")}
                     | {"arrival_s": "0.000000000", "completion_s": peer[-1]["end_s"],
                        "outcome": "ok"}
                     for number, peer in enumerate(rows)}
        check = check_tasks.RunCheck(scenario, policy, row, peer_rows,
                                     {f"p{number}": peer for number, peer in enumerate(rows)})
        return " ".join(fault for fault in check.check() if "its intervals say" not in fault)

    def test_good(self):
        self.assertEqual(self.faults("directed", [
            [("1", "build", 0, 10, "ok"), ("", "wait", 10, 12, "ok"), ("2", "fetch", 12, 13, "ok"),
             ("universe", "build", 13, 13, "ok")],
            [("2", "build", 0, 12, "ok"), ("1", "fetch", 12, 13, "ok"),
             ("universe", "fetch", 13, 13, "ok")]]), "")

    def test_waits_though_a_step_is_ready(self):
        self.assertIn("though it could build 1", self.faults("directed", [
            [("2", "build", 0, 10, "ok"), ("1", "build", 10, 20, "ok"),
             ("universe", "build", 20, 20, "ok")],
            [("", "wait", 0, 10, "ok"), ("2", "fetch", 10, 11, "ok"), ("", "wait", 11, 20, "ok"),
             ("1", "fetch", 20, 21, "ok"), ("universe", "fetch", 21, 21, "ok")]]))

    def test_waits_though_a_step_is_published(self):
        self.assertIn("though it could fetch 1", self.faults("directed", [
            [("1", "build", 0, 10, "ok"), ("2", "build", 10, 20, "ok"),
             ("universe", "build", 20, 20, "ok")],
            [("", "wait", 0, 20, "ok"), ("1", "fetch", 20, 21, "ok"), ("2", "fetch", 21, 22, "ok"),
             ("universe", "fetch", 22, 22, "ok")]], **{"2": {"after": ["1"]}}))

    def test_shared_step_built_twice(self):
        self.assertIn("has been built by another, too", self.faults("directed", [
            [("1", "build", 0, 10, "ok"), ("2", "build", 10, 20, "ok"),
             ("universe", "build", 20, 20, "ok")],
            [("1", "build", 0, 12, "duplicate"), ("", "wait", 12, 20, "ok"),
             ("2", "fetch", 20, 21, "ok"), ("universe", "fetch", 21, 21, "ok")]]))

    def test_fetched_before_it_is_published(self):
        self.assertIn("is not published then", self.faults("parallel", [
            [("1", "build", 0, 10, "ok"), ("2", "build", 10, 20, "ok"),
             ("universe", "build", 20, 20, "ok")],
            [("1", "fetch", 0, 10, "ok"), ("2", "build", 10, 21, "duplicate"),
             ("universe", "fetch", 21, 21, "ok")]]))

    def test_built_though_published(self):
        self.assertIn("is published by then", self.faults("parallel", [
            [("1", "build", 0, 10, "ok"), ("2", "build", 10, 20, "ok"),
             ("universe", "build", 20, 20, "ok")],
            [("1", "build", 0, 10, "duplicate"), ("2", "build", 10, 21, "duplicate"),
             ("universe", "build", 21, 21, "ok")]]))

    def test_prerequisite_skipped(self):
        self.assertIn("before its prerequisites", self.faults("parallel", [
            [("1", "build", 0, 10, "ok"), ("2", "build", 10, 20, "ok"),
             ("universe", "build", 20, 20, "ok")]], **{"1": {"after": ["2"]}}))

    def test_overlap_under_linear(self):
        self.assertIn("its turn is at 20", self.faults("linear", [
            [("1", "build", 0, 10, "ok"), ("2", "build", 10, 20, "ok"),
             ("universe", "build", 20, 20, "ok")],
            [("", "wait", 0, 15, "ok"), ("1", "fetch", 15, 16, "ok"),
             ("2", "build", 16, 26, "duplicate"), ("universe", "fetch", 26, 26, "ok")]]))


if __name__ == "__main__":
    unittest.main()
