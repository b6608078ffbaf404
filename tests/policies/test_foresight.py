#!/usr/bin/python3
"""What no policy can promise: pairs of scenarios that look the same until something is decided.

Usage: test_foresight.py [PROGRAM]; also $TASK_DIRECTOR. Each pair shows every policy the same until
it has had to commit itself, and whatever it does then is more than 2% worse than the best of the
four framing policies in one of the two: docs/policies.md ("What no policy can promise") has the
arguments. Here the figures in them are checked, and that every policy that ships does lose so. Ends
with `N passed, N failed`.
"""
import json
import os
import subprocess
import sys
import tempfile

FRAME = ["universe", "linear", "parallel", "directed"]
PROMISE = 1.02

STEP = {"build": "10m", "fetch": "100s"}


def scenario(peers, steps=1, step=None, replications=1):
    """Steps of 10 min that take 100 s to fetch, and 1 min for each invocation."""
    ids = [str(number + 1) for number in range(steps)]
    return {"name": "foresight",
            "schema": {"id": "few", "universe": "//...",
                       "steps": {step_id: f"//s{step_id}/..." for step_id in ids}},
            "steps": {"default": step or STEP}, "overhead": "1m", "peers": peers,
            "policies": FRAME, "replications": replications, "seed": 1}


def peer(name, **more):
    return {"name": name, **more}


# Of each pair the two scenarios, and the makespans of the four in them, in seconds, as worked out
# by hand; drawn ones are means, and so within 3%.
PAIRS = {
    # one peer, or one more after 30 s
    "who comes": [
        (scenario([peer("first")], steps=2),
         {"universe": 60 + 2 * 600, "linear": 2 * 660 + 60, "parallel": 2 * 660 + 60,
          "directed": 2 * 660 + 60}),
        (scenario([peer("first"), peer("second", arrival="30s")], steps=2),
         {"universe": 30 + 60 + 2 * 600, "linear": 2 * 660 + 60 + 2 * 160 + 60,
          "parallel": 30 + 2 * 660 + 60, "directed": 30 + 660 + 160 + 60}),
    ],
    # two equal peers, or the second at half the speed
    "who is slow": [
        (scenario([peer("first"), peer("second")]),
         {"universe": 660, "linear": 660 + 60 + 160 + 60, "parallel": 660 + 60,
          "directed": 660 + 160 + 60}),
        (scenario([peer("first"), peer("second", speed=0.5)]),
         {"universe": 2 * 660, "linear": 660 + 60 + 220 + 120, "parallel": 2 * 660 + 120,
          "directed": 660 + 220 + 120}),
    ],
    # a build takes 10 min, give or take a second; or 1 min in three of four cases, and else 37
    "what is drawn": [
        (scenario([peer("first"), peer("second")], replications=8000,
                  step={"build": {"uniform": {"min": "599s", "max": "601s"}}, "fetch": "100s"}),
         {"universe": 60 + 600 + 1 / 3, "linear": 660 + 60 + 160 + 60,
          "parallel": 60 + 600 + 1 / 3 + 60, "directed": 660 + 160 + 60}),
        (scenario([peer("first"), peer("second")], replications=8000,
                  step={"build": {"empirical": {"values": [60, 60, 60, 2220]}}, "fetch": "100s"}),
         {"universe": 60 + (9 * 60 + 7 * 2220) / 16, "linear": 660 + 60 + 160 + 60,
          "parallel": 60 + (9 * 60 + 7 * 2220) / 16 + 60, "directed": 660 + 160 + 60}),
    ],
    # a change that touches the step by a tenth, or by nine
    "how much is touched": [
        (scenario([peer("first"), peer("second", arrival="500s", touches={"1": 0.1})]),
         {"universe": 500 + 660, "linear": 660 + 60 + 60 + 100 + 60 + 60,
          "parallel": 500 + 660 + 60, "directed": 660 + 60 + 100 + 60 + 60}),
        (scenario([peer("first"), peer("second", arrival="500s", touches={"1": 0.9})]),
         {"universe": 500 + 660, "linear": 660 + 60 + 60 + 100 + 540 + 60,
          "parallel": 500 + 660 + 60, "directed": 660 + 60 + 100 + 540 + 60}),
    ],
}


def policies(program):
    listed = subprocess.run([program, "policies"], capture_output=True, text=True, check=True)
    return [line.split()[0] for line in listed.stdout.splitlines() if line.strip()]


def makespans(program, data, names):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(data, file)
        file.flush()
        done = subprocess.run([program, "run", file.name, "--json", "--policy", ",".join(names)],
                              capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr.strip()
    return {policy["policy"]: policy["metrics"]["makespan_s"]["mean"]
            for policy in json.loads(done.stdout)["policies"]}


def check(pair, program, names):
    """One line for each thing that is checked, with whether it holds."""
    losses = {name: [] for name in names}
    for data, expected in PAIRS[pair]:
        found = makespans(program, data, names)
        tolerance = 0.03 if data["replications"] > 1 else 1e-9
        for name in FRAME:
            yield (abs(found[name] - expected[name]) <= tolerance * expected[name],
                   f"{pair}: {name} takes {found[name]:.1f}, by hand {expected[name]:.1f}")
        best = min(found[name] for name in FRAME)
        for name in names:
            losses[name].append(found[name] / best)
    for name in names:
        yield (max(losses[name]) > PROMISE,
               f"{pair}: {name} takes {losses[name][0]:.3f} and {losses[name][1]:.3f} of the best")


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TASK_DIRECTOR",
                                                                   "build/task-director")
    names = policies(program)
    results = [result for pair in PAIRS for result in check(pair, program, names)]
    for good, text in results:
        print("ok  " if good else "FAIL", text)
    passed = sum(good for good, text in results)
    print(f"{passed} passed, {len(results) - passed} failed")
    return passed != len(results)


if __name__ == "__main__":
    sys.exit(main())
