#!/usr/bin/python3
"""Kills the authority and its peers at random moments, for so long, and looks at what is left.

    torture.py [--seconds N] [--seed N] [--peers N] [PROGRAM]       also $TASK_DIRECTOR

CI jobs of ever new cohorts (`task-director peer --exec`) work under `serve --journal`.
Every moment somebody is killed (SIGKILL), the authority and its journal included, or a peer is
stopped for a while. In the end:

- every peer that was not killed has completed;
- no step of a cohort was ordered to be built twice, unless its earlier builder was killed;
- `task-director replay` lives the whole journal again and finds no difference.

Ends with `N passed, N failed`; a failing seed is printed.
"""
import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time

SCHEMA = {"id": "torture", "universe": "//...",
          "steps": {"0": "//a", "1": "//b", "2": "//c", "3": "//d", "4": "//e", "5": "//f"}}
SCENARIO = {"name": "torture", "schema": SCHEMA, "rest": {"build": 0.5, "fetch": 0.05},
            "steps": {"default": {"build": 0.5, "fetch": 0.05}, "2": {"after": ["0"]},
                      "3": {"after": ["1"]}, "4": {"after": ["2", "3"]}},
            "peers": [{"name": "nobody"}]}
# A build: its begin and its end are lines of one file, written at once each.
BUILD = """#!/bin/sh
cohort=$1 name=$2 log=$3
say() { echo "$1 $cohort ${TD_STEP:-rest} $TD_EXPECT $name $TD_ORDER" >>"$log"; }
say begin
case $TD_EXPECT in build) sleep 0.5 ;; *) sleep 0.05 ;; esac
say end
"""
COHORT = 10  # peers that share
GRACE = 30


class Torture:
    def __init__(self, program, seed, peers, folder):
        self.program, self.folder, self.room = program, folder, peers
        self.random = random.Random(seed)
        self.port = free_port()
        self.journal = os.path.join(folder, "journal")
        self.build = os.path.join(folder, "build.sh")
        self.schema = os.path.join(folder, "schema.json")
        self.scenario = os.path.join(folder, "scenario.json")
        self.log = os.path.join(folder, "log")
        with open(self.log, "x", encoding="utf-8"):
            pass
        self.authority, self.peers, self.started = None, {}, 0
        self.killed, self.stopped, self.wrong, self.completed = set(), {}, [], 0
        self.counts = {"authority": 0, "peer": 0, "stop": 0}
        with open(self.build, "w", encoding="utf-8") as file:
            file.write(BUILD)
        os.chmod(self.build, 0o755)
        for path, value in ((self.schema, SCHEMA), (self.scenario, SCENARIO)):
            with open(path, "w", encoding="utf-8") as file:
                json.dump(value, file)

    def serve(self):
        """Starts the authority; the address of one that was killed may be busy for a moment."""
        for _ in range(50):
            process = subprocess.Popen(
                [self.program, "serve", "--listen", f"127.0.0.1:{self.port}", "--journal",
                 self.journal, "--grace", str(GRACE), "--quiet", self.scenario],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            line = process.stdout.readline()
            if line.startswith("listening"):
                self.authority = process
                return
            said = process.communicate()[1]
            if "listen" not in said:
                break
            time.sleep(0.1)
        raise AssertionError(f"the authority does not start: {said}")

    def kill_authority(self):
        self.counts["authority"] += 1
        self.authority.kill()
        self.authority.communicate()
        time.sleep(self.random.choice((0, 0, 0.3, 1.5)))
        self.serve()

    def start_peer(self):
        name = f"pr-{self.started}"
        cohort = f"base-{self.started // COHORT}"
        self.started += 1
        self.peers[name] = subprocess.Popen(
            [self.program, "peer", "--server", f"ws://127.0.0.1:{self.port}", "--name", name,
             "--schema", self.schema, "--workspace", self.folder, "--repository", "r",
             "--base-ref", cohort, "--exec", self.build, "--", cohort, name, self.log],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def kill_peer(self, name):
        """The machine is gone: the peer and, in a group of its own, what it runs."""
        process = self.peers.pop(name)
        self.counts["peer"] += 1
        self.killed.add(name)
        children = [int(pid) for pid in children_of(process.pid)]
        for pid in [process.pid, *children]:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.communicate()

    def stop_peer(self, name):
        self.counts["stop"] += 1
        self.peers[name].send_signal(signal.SIGSTOP)
        self.stopped[name] = time.monotonic() + self.random.uniform(0.2, 3)

    def reap(self):
        now = time.monotonic()
        for name in [name for name, until in self.stopped.items() if until < now]:
            del self.stopped[name]
            if name in self.peers:
                self.peers[name].send_signal(signal.SIGCONT)
        for name, process in list(self.peers.items()):
            if process.poll() is None:
                continue
            said = process.communicate()[1]
            del self.peers[name]
            self.completed += 1
            if process.returncode != 0:
                self.wrong.append(f"{name} ended with {process.returncode}: {said[-300:]}")

    def run(self, seconds):
        self.serve()
        end, due = time.monotonic() + seconds, time.monotonic() + 2
        while time.monotonic() < end or self.peers:
            self.reap()
            if time.monotonic() < end and len(self.peers) < self.room:
                self.start_peer()
            if self.authority.poll() is not None:
                self.wrong.append(f"the authority ended: {self.authority.communicate()[1]}")
                return
            if time.monotonic() > end + 180:
                self.wrong.append(f"stuck: {' '.join(self.peers)}")
                return
            if time.monotonic() < end and time.monotonic() > due:
                due = time.monotonic() + self.random.uniform(0.1, 2)
                self.strike()
            time.sleep(0.05)
        self.authority.send_signal(signal.SIGTERM)
        if self.authority.wait(timeout=60) != 0:
            self.wrong.append(f"the authority ended with {self.authority.returncode}")

    def strike(self):
        what = self.random.choices(("authority", "peer", "stop"), (3, 2, 1))[0]
        running = sorted(name for name in self.peers if name not in self.stopped)
        if what == "authority":
            self.kill_authority()
        elif running and what == "peer":
            self.kill_peer(self.random.choice(running))
        elif running:
            self.stop_peer(self.random.choice(running))

    def clean(self):
        for name in list(self.peers):
            self.kill_peer(name)
        if self.authority is not None and self.authority.poll() is None:
            self.authority.kill()
            self.authority.communicate()

    def doubles(self):
        """Builds that were ordered although nobody who built the same before was killed."""
        builders = {}
        with open(self.log, encoding="utf-8") as file:
            for line in file:
                what, cohort, step, expected, name, order = line.split()
                if what != "begin" or expected != "build" or step == "rest" or order == "0":
                    continue
                before = builders.setdefault((cohort, step), [])
                if any(builder not in self.killed for builder in before):
                    yield f"{cohort} step {step}: {before} and then {name}"
                before.append(name)

    def replay(self):
        return subprocess.run([self.program, "replay", self.journal], capture_output=True,
                              text=True, check=False, timeout=600)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def children_of(pid):
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        for task in tasks:
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                yield from file.read().split()
    except FileNotFoundError:
        return


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", nargs="?",
                        default=os.environ.get("TASK_DIRECTOR", "build/task-director"))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--peers", type=int, default=8)
    options = parser.parse_args()
    checks = []
    with tempfile.TemporaryDirectory() as folder:
        torture = Torture(os.path.abspath(options.program), options.seed, options.peers, folder)
        try:
            torture.run(options.seconds)
        finally:
            torture.clean()
        doubles, replay = list(torture.doubles()), torture.replay()
    counts = torture.counts
    print(f"note seed {options.seed}: {torture.completed} peers ended, {len(torture.killed)} were "
          f"killed, {counts['stop']} stopped; the authority was killed {counts['authority']} times")
    checks.append(("every peer that was not killed completes", torture.wrong))
    checks.append(("nothing is ordered to be built twice", doubles))
    checks.append(("replay finds no difference", [replay.stderr] if replay.returncode else []))
    checks.append(("there was something to look at",
                   [] if torture.completed and counts["authority"] else ["nothing happened"]))
    for what, wrong in checks:
        print("FAIL" if wrong else "ok  ", what, *wrong[:5], sep="\n     " if wrong else " ")
    failed = sum(bool(wrong) for _, wrong in checks)
    print(f"{len(checks) - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
