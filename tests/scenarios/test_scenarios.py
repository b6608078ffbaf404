#!/usr/bin/python3
"""Each shipped scenario shows what its description says.

Usage: test_scenarios.py [PROGRAM]; also $TASK_DIRECTOR. Ends with `N passed, N failed`.
"""
import csv
import glob
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SCENARIOS = os.path.join(HERE, "..", "..", "scenarios")
PROGRAM = (sys.argv[1:] + [os.environ.get("TASK_DIRECTOR", "build/task-director")])[0]


class Run:
    """A scenario's means, its verdicts on pairs, and its peers."""

    def __init__(self, path):
        with tempfile.TemporaryDirectory() as out:
            done = subprocess.run([PROGRAM, "run", path, "--json", "--out", out, "--tasks", "0"],
                                  capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise AssertionError(done.stderr.strip())
            self.table = json.loads(done.stdout)
            self.peers = read(os.path.join(out, "peers.csv"))
            self.pairs = read(os.path.join(out, "compare.csv"))
        self.means = {p["policy"]: {name: metric["mean"] for name, metric in p["metrics"].items()}
                      for p in self.table["policies"]}

    def mean(self, policy, metric="makespan_s"):
        return self.means[policy][metric]

    def faster(self, fast, slow, metric="makespan_s"):
        """The first is faster, and chance does not explain it (where chance plays a part)."""
        assert self.mean(fast, metric) < self.mean(slow, metric), f"{fast} is not below {slow}"
        for row in self.pairs:
            if row["metric"] == metric and {row["policy_a"], row["policy_b"]} == {fast, slow}:
                assert row["p_holm"] == "" or float(row["p_holm"]) < 0.05, f"{fast}, {slow}: chance"

    def outcomes(self, name):
        return {row["outcome"] for row in self.peers if row["peer"] == name}


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def three_strategies(run):
    assert [run.mean(p) for p in ("linear", "parallel", "directed")] == [4800, 3600, 1600]


def live_sleep(run):
    assert [run.mean(p) for p in ("linear", "parallel", "directed")] == [4800, 3800, 1800]
    assert run.mean("directed", "builds") == 6 and run.mean("directed", "duplicate_builds") == 0


def live_bazel(run):
    run.faster("directed", "parallel")
    run.faster("parallel", "linear")
    assert run.mean("directed", "builds") == 4 and run.mean("directed", "duplicate_builds") == 0


def my_universe(run):
    run.faster("directed", "parallel")
    assert run.mean("directed", "builds") == 4


def unequal_steps(run):
    run.faster("critical-path", "directed")
    run.faster("critical-path", "random")
    run.faster("directed", "linear")


def late_arrivals(run):
    run.faster("directed", "parallel", "mean_turnaround_s")
    run.faster("directed", "parallel", "machine_s")


def two_caches(run):
    assert run.mean("directed", "builds") == 12  # everything once for each of two sites
    run.faster("directed", "parallel")


def touching_changes(run):
    assert run.mean("directed", "builds") > 6 and run.mean("directed", "duplicate_builds") == 0


def read_only_cache(run):
    assert run.mean("linear", "builds") == 18  # two leave nothing, the third builds all again
    assert run.mean("directed", "builds") == 12
    run.faster("directed", "linear")


def forgetful_cache(run):
    assert run.mean("directed", "duplicate_builds") > 1
    run.faster("directed", "parallel")


def parts(run):
    assert run.mean("parallel") == 3625  # 4000 with whole steps
    assert run.mean("directed", "duplicate_builds") == 0


def flaky_builds(run):
    assert run.mean("directed", "failures") > 0.5
    run.faster("directed", "parallel")


def broken_base(run):
    assert run.mean("directed", "failures") < 0.6 * run.mean("parallel", "failures")


def vanishing_peers(run):
    names = {row["peer"] for row in run.peers}
    left = {name for name in names if "left" in run.outcomes(name)}
    assert len(left) == 1 and run.outcomes(left.pop()) == {"left"}
    assert all(run.outcomes(name) <= {"ok", "left"} for name in names)  # the healthy complete


def slow_peer(run):
    run.faster("linear", "directed")  # everybody waits for the slow one
    run.faster("parallel", "directed", "mean_turnaround_s")
    assert run.mean("speculative") < 0.62 * run.mean("linear")
    assert run.mean("speculative", "duplicate_builds") == 0  # the slow one's was given up


def gate(run):
    merged = {policy: [float(row["merged_s"]) for row in run.peers
                       if row["policy"] == policy and row["merged_s"]] for policy in run.means}
    ok = sum(row["policy"] == "directed" and row["outcome"] == "ok" for row in run.peers)
    assert len(merged["directed"]) == ok > 2000  # who completes merges; the others failed
    assert run.mean("directed", "failures") > 0.5
    assert 1.9 * sum(merged["directed"]) < sum(merged["parallel"])


def slow_cache(run):
    run.faster("universe", "directed")
    run.faster("weighing", "universe")
    assert run.mean("weighing") == 840


def large(run):
    assert run.mean("directed", "builds") == 300 and len(run.peers) == 20000


def main():
    passed, failed = 0, 0
    for path in sorted(glob.glob(os.path.join(SCENARIOS, "*.json"))):
        with open(path, encoding="utf-8") as file:
            if "peers" not in json.load(file):
                continue  # a schema that lies beside the scenarios
        name = os.path.basename(path)[:-len(".json")]
        try:
            check = globals().get(name.replace("-", "_"))
            assert check is not None, "no test says what it shows"
            check(Run(path))
            passed += 1
            print("ok  ", name)
        except AssertionError as error:
            failed += 1
            print("FAIL", name, error)
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
