#!/usr/bin/python3
"""Checks the CSV files of a run against their scenario, from the intervals alone.

    check_tasks.py SCENARIO DIR

It plays nothing: it reads what every peer did and says where that cannot be, or where the figures
do not follow from it. Sampled times and the policy `random` are therefore checked too; constant
times are checked to be of the right length besides. One line for each fault; exit status 1 if any.
"""

import sys

sys.dont_write_bytecode = True

import itertools
import re
from dataclasses import dataclass
from fractions import Fraction

import results
import scenario as scenario_file
from policies import REST
from scenario import SECOND, rounded

DIRECTED = {"directed", "longest", "shortest", "critical-path", "most-unlocked", "random"}
NEVER = float("inf")


@dataclass
class Task:
    step: object  # place of a step, REST, or None of a wait
    name: str
    kind: str
    start: int
    end: int
    outcome: str

    def __str__(self):
        what = f"{self.kind} of {self.name}" if self.name else self.kind
        return (f"the {what} from {results.seconds(self.start)} to {results.seconds(self.end)}"
                f" ({self.outcome})")


@dataclass
class Build:
    """Who published an artifact, and when."""

    place: int
    task: Task


class Fault(Exception):
    """What makes looking further pointless."""


def time(text):
    if not re.fullmatch(r"[0-9]+\.[0-9]{9}", text):
        raise Fault(f"no time in seconds with 9 decimals: {text!r}")
    return int(text.replace(".", ""))


def check(scenario, folder):
    """The faults of a results folder, each a sentence."""
    faults, tables = [], {}
    for name, columns in results.HEADERS.items():
        try:
            header, tables[name] = results.read(folder, name)
        except OSError as error:
            faults.append(f"{name}: {error.strerror}")
            continue
        if header[:len(columns.split(","))] != columns.split(","):  # more may follow
            faults.append(f"{name}: the header is {','.join(header)}")
    if faults:
        return faults
    runs = {}
    for row in tables["runs.csv"]:
        key = (row["policy"], row["replication"])
        if key in runs:
            faults.append(f"runs.csv: two rows of {key}")
        runs[key] = row
    peers, tasks = {key: {} for key in runs}, {key: {} for key in runs}
    for row in tables["peers.csv"]:
        of_run = peers.get((row["policy"], row["replication"]))
        if of_run is None or row["peer"] in of_run:
            faults.append(f"peers.csv: a row too many: {','.join(row.values())}")
        else:
            of_run[row["peer"]] = row
    for row in tables["tasks.csv"]:
        of_run = tasks.get((row["policy"], row["replication"]))
        if of_run is None:
            faults.append(f"tasks.csv: a row of no run: {','.join(row.values())}")
        else:
            of_run.setdefault(row["peer"], []).append(row)
    luck = {}  # what all policies must have in common
    for (policy, replication), row in runs.items():
        where = f"{policy}, replication {replication}: "
        try:
            key = (policy, replication)
            run = RunCheck(scenario, policy, row, peers[key], tasks[key])
            found = run.check()
        except Fault as fault:
            faults.append(where + str(fault))
            continue
        for what, value in run.luck():
            if luck.setdefault((replication, what), value) != value:
                found.append(f"{what} is {value}, under another policy"
                             f" {luck[replication, what]}")
        faults += [where + fault for fault in found]
    return faults


class RunCheck:
    """The checks of one policy and replication."""

    def __init__(self, scenario, policy, row, peer_rows, task_rows):
        self.scenario, self.policy, self.row = scenario, policy, row
        self.faults = []
        if set(peer_rows) != {peer.name for peer in scenario.peers}:
            raise Fault(f"peers.csv has the peers {', '.join(sorted(peer_rows))}")
        if not set(task_rows) <= set(peer_rows):
            raise Fault("tasks.csv has a peer that peers.csv has not")
        self.peer_rows = [peer_rows[peer.name] for peer in scenario.peers]
        self.arrival = [time(row["arrival_s"]) for row in self.peer_rows]
        self.completion = [time(row["completion_s"]) for row in self.peer_rows]
        self.tasks = [self.read_tasks(task_rows.get(peer.name, [])) for peer in scenario.peers]
        self.builds = self.find_builds()  # artifact -> its first build

    def check(self):
        for peer in self.scenario.peers:
            self.check_chain(peer)
            self.check_obtained_once(peer)
            self.check_prerequisites(peer)
            self.check_cache(peer)
            self.check_orders(peer)
            self.check_lengths(peer)
            self.check_peer_row(peer)
        self.check_policy()
        self.check_run_row()
        return self.faults

    def luck(self):
        """(what, value) of all that may depend on the replication but on no policy (section 3)."""
        yield "lower_bound_s", self.row["lower_bound_s"]
        for peer in self.scenario.peers:
            yield f"{peer.name}: its arrival", self.arrival[peer.place]
            for task in self.obtained(peer):
                if task.kind == "fetch" or peer.touches.get(task.step, 1) == 1:
                    what = f"{peer.name}: its time to {task.kind} {self.name(task.step)}"
                    yield what, task.end - task.start

    def fault(self, peer, text):
        self.faults.append(f"{peer.name}: {text}")

    def expect(self, where, column, found, expected):
        if found != expected:
            self.faults.append(f"{where}: {column} is {found}, its intervals say {expected}")

    def name(self, step):
        return step if step == REST else self.scenario.steps[step].id

    def names(self, steps):
        return ", ".join(self.name(step) for step in steps)

    # Reading.

    def read_tasks(self, rows):
        places = {step.id: step.place for step in self.scenario.steps}
        tasks = []
        for row in rows:
            name, kind = row["step"], row["kind"]
            if kind not in ("build", "fetch", "wait", "overhead"):
                raise Fault(f"a task of kind {kind}")
            if (kind == "wait") != (name == ""):
                raise Fault(f"a {kind} with the step {name!r}")
            if name and name != REST and name not in places:
                raise Fault(f"no such step: {name}")
            step = places.get(name, REST) if name else None
            tasks.append(Task(step, name, kind, time(row["start_s"]), time(row["end_s"]),
                              row["outcome"]))
        # Rows of one instant keep the order that they have in the file.
        return sorted(tasks, key=lambda task: (task.start, task.end))

    def obtained(self, peer):
        """The builds and fetches of a peer, the rest included."""
        return [task for task in self.tasks[peer.place] if task.kind in ("build", "fetch")]

    def is_private(self, peer, step):
        if step == REST:
            return bool(peer.touches)
        return any(other in peer.touches for other in {step} | self.prerequisites(step))

    def prerequisites(self, step):
        if step == REST:
            return {other.place for other in self.scenario.steps}
        return self.scenario.steps[step].all_after

    def artifact(self, peer, step):
        return (peer.cohort, step, peer.name if self.is_private(peer, step) else None)

    def untouched(self, peer, step):
        return (peer.cohort, step, None)

    def find_builds(self):
        """Section 3.5: of the builds that end at one instant, those that began before it end in
        the order of the scenario, and before one that begins at it and takes no time."""
        builds = {}
        for peer in self.scenario.peers:
            for task in self.obtained(peer):
                if task.kind == "build":
                    builds.setdefault(self.artifact(peer, task.step), []).append(
                        Build(peer.place, task))
        return {artifact: min(of_it, key=lambda build: (
            build.task.end, build.task.start == build.task.end, build.place))
            for artifact, of_it in builds.items()}

    def published_at(self, artifact):
        build = self.builds.get(artifact)
        return build.task.end if build else NEVER

    def was_published(self, artifact, now):
        """Whether an artifact was published when somebody looked at `now`; None if a build that
        took no time, at that very instant, leaves it open."""
        build = self.builds.get(artifact)
        if build is None or build.task.end > now:
            return False
        if build.task.end == now and build.task.start == now:
            return None
        return True

    # The checks of one peer.

    def check_chain(self, peer):
        """From arrival to completion without gap and overlap."""
        now = self.arrival[peer.place]
        for task in self.tasks[peer.place]:
            if task.start != now or task.end < task.start:
                self.fault(peer, f"{task} does not follow on {results.seconds(now)}")
            if task.start == task.end and task.kind in ("wait", "overhead"):
                self.fault(peer, f"{task} takes no time and is a row")
            now = task.end
        if now != self.completion[peer.place]:
            self.fault(peer, f"its last task ends at {results.seconds(now)}, not at its completion")
        for one, other in itertools.pairwise(self.tasks[peer.place]):
            if one.kind == other.kind == "wait":
                self.fault(peer, f"{one} and {other} are one wait")

    def check_obtained_once(self, peer):
        """Section 3.7: it holds every step, and has obtained the rest last."""
        steps = [task.step for task in self.obtained(peer)]
        for step in [step.place for step in self.scenario.steps] + [REST]:
            if steps.count(step) != 1:
                self.fault(peer, f"it obtained {self.name(step)} {steps.count(step)} times")
        if steps and steps[-1] != REST:
            self.fault(peer, "the rest is not the last that it obtained")

    def check_prerequisites(self, peer):
        """Section 3.2: an artifact is gone through after its prerequisites."""
        held = set()
        for task in self.obtained(peer):
            missing = self.prerequisites(task.step) - held
            if missing:
                self.fault(peer, f"{task} before its prerequisites {self.names(missing)}")
            held.add(task.step)

    def check_cache(self, peer):
        """Fetched if and only if published in its cohort's cache; duplicates (section 3.8)."""
        for task in self.tasks[peer.place]:
            expected = "ok"
            if task.kind in ("build", "fetch"):
                artifact = self.artifact(peer, task.step)
                published = self.was_published(artifact, task.start)
                if task.kind == "fetch" and published is False:
                    self.fault(peer, f"{task} is not published then")
                if task.kind == "build":
                    if published:
                        self.fault(peer, f"{task} is published by then")
                    if task is not self.builds[artifact].task and task.step != REST:
                        expected = "duplicate"
            if task.outcome != expected:
                self.fault(peer, f"{task} should be {expected}")

    def runs_of_orders(self, peer):
        """The orders that overheads show: (overhead, what was obtained in it) for each."""
        orders = []
        for task in self.tasks[peer.place]:
            if task.kind == "overhead":
                orders.append((task, []))
            elif task.kind == "wait":
                continue
            elif orders:
                orders[-1][1].append(task)
            else:
                self.fault(peer, f"{task} before any overhead")
        return orders

    def overhead(self, peer):
        """Its length; None if it is sampled."""
        overhead = self.scenario.overhead
        return None if overhead is None else rounded(overhead / peer.speed)

    def going_through(self, order, held):
        """What an order obtains, in dependency order (section 3.2)."""
        left = self.prerequisites(order) | ({order} - {REST})
        path = []
        while left:
            for step in sorted(left):
                if not left & self.prerequisites(step):
                    break
            left.discard(step)
            path.append(step)
        return [step for step in path if step not in held] + [REST] * (order == REST)

    def orders_if_alone(self):
        """The orders of a peer that looks at nobody, and what it obtains in each."""
        if self.policy == "universe":
            return [(REST, self.going_through(REST, set()))]
        orders, held = [], set()
        for step in self.scenario.steps:
            if step.place not in held:
                orders.append((step.place, self.going_through(step.place, held)))
                held.update(orders[-1][1])
        return orders + [(REST, [REST])]

    def check_orders(self, peer):
        """Each order shows as an overhead, then all that it goes through, and nothing else."""
        obtained = [task.step for task in self.obtained(peer)]
        if self.policy in ("universe", "linear", "parallel"):
            expected = sum((steps for _, steps in self.orders_if_alone()), [])
            if obtained != expected:
                self.fault(peer, f"it went through {self.names(obtained)}"
                           f" instead of {self.names(expected)}")
        overhead = self.overhead(peer)
        if overhead is None:
            return
        if overhead == 0:
            if any(task.kind == "overhead" for task in self.tasks[peer.place]):
                self.fault(peer, "an overhead where there is none")
            return
        orders = [(task.step, [other.step for other in tasks])
                  for task, tasks in self.runs_of_orders(peer)]
        held = set()
        for order, steps in orders:
            if steps != self.going_through(order, held):
                self.fault(peer, f"the order of {self.name(order)} went through"
                                 f" {self.names(steps)}")
            held.update(steps)
        if self.policy in ("universe", "linear", "parallel") and orders != self.orders_if_alone():
            self.fault(peer, "its orders were"
                       f" {self.names(order for order, _ in orders)}")
        if self.policy in DIRECTED and (REST, [REST]) not in orders:
            self.fault(peer, "the universe was ordered before it held every step")

    def check_lengths(self, peer):
        """Sections 3.3, 3.4 and 4, where the scenario's times are constant."""
        for task in self.tasks[peer.place]:
            possible = self.possible_lengths(peer, task)
            if possible is not None and task.end - task.start not in possible:
                self.fault(peer, f"{task} should take {possible} ns")

    def possible_lengths(self, peer, task):
        if task.kind == "wait":
            return None
        if task.kind == "overhead":
            overhead = self.overhead(peer)
            return None if overhead is None else [overhead]
        if task.step == REST:
            build, fetch = self.scenario.rest_build, self.scenario.rest_fetch
        else:
            step = self.scenario.steps[task.step]
            build, fetch = step.build, step.fetch
        if task.kind == "fetch":
            return None if fetch is None else [rounded(fetch)]
        if build is None:
            return None
        whole = rounded(build / peer.speed)
        fraction = peer.touches.get(task.step, 1) if task.step != REST else 1
        if fraction == 1:
            return [whole]
        if fetch is None:
            return None
        part = rounded(fetch + fraction * build / peer.speed)
        published = self.was_published(self.untouched(peer, task.step), task.start)
        return {True: [part], False: [whole], None: [whole, part]}[published]

    def check_peer_row(self, peer):
        row, tasks = self.peer_rows[peer.place], self.tasks[peer.place]
        arrival, completion = self.arrival[peer.place], self.completion[peer.place]
        if peer.arrival is not None:
            self.expect(peer.name, "arrival_s", row["arrival_s"], results.seconds(peer.arrival))
        for column, expected in {
            "scenario": self.scenario.name,
            "mode": "simulated",
            "cache": peer.cache_id or "",
            "turnaround_s": results.seconds(max(completion - arrival, 0)),
            "busy_s": results.seconds(results.length(tasks, "build", "fetch", "overhead")),
            "wait_s": results.seconds(results.length(tasks, "wait")),
            "builds": str(results.count(tasks, "build")),
            "fetches": str(results.count(tasks, "fetch")),
            "outcome": "ok",
        }.items():
            self.expect(peer.name, column, row[column], expected)

    # The checks of the whole run.

    def check_policy(self):
        if self.policy in ("universe", "parallel"):
            for peer in self.scenario.peers:
                if any(task.kind == "wait" for task in self.tasks[peer.place]):
                    self.fault(peer, f"it waits under {self.policy}")
        elif self.policy == "linear":
            self.check_linear()
        elif self.policy in DIRECTED:
            self.check_no_shared_duplicate()
            for peer in self.scenario.peers:
                self.check_not_idle(peer)

    def check_linear(self):
        """Section 9: one peer of a cohort at a time, in order of arrival, without a pause."""
        cohorts = {}
        for peer in self.scenario.peers:
            cohorts.setdefault(peer.cohort, []).append(peer)
        for cohort in cohorts.values():
            free = 0
            for peer in sorted(cohort, key=lambda peer: (self.arrival[peer.place], peer.place)):
                working = [task for task in self.tasks[peer.place] if task.kind != "wait"]
                turn = max(free, self.arrival[peer.place])
                if working and working[0].start != turn:
                    self.fault(peer, f"its turn is at {results.seconds(turn)}")
                waits = [task for task in self.tasks[peer.place] if task.kind == "wait"]
                if any(task.start >= turn for task in waits):
                    self.fault(peer, "it waits though it is its turn")
                free = self.completion[peer.place]

    def check_no_shared_duplicate(self):
        """Section 9: a step that is published or being built is nobody's to build."""
        for peer in self.scenario.peers:
            for task in self.obtained(peer):
                build = self.builds.get(self.artifact(peer, task.step))
                if task.kind == "build" and task.step != REST and task is not build.task:
                    self.fault(peer, f"{task} has been built by another, too")

    def check_not_idle(self, peer):
        """Section 5, last paragraph: no ready step is left without a builder, and no published
        one is left, while a peer that lacks it waits. Nor is one fetched where one is ready."""
        held = set()
        for task in self.tasks[peer.place]:
            if task.kind == "wait":
                self.check_wait(peer, task, held)
            elif task.kind == "overhead" and task.step != REST and task.step not in held:
                published = self.was_published(self.artifact(peer, task.step), task.start)
                if published:
                    self.check_nothing_ready(peer, task, held)
            elif task.kind in ("build", "fetch"):
                held.add(task.step)

    def check_wait(self, peer, wait, held):
        for step in self.lacking(held):
            artifact = self.artifact(peer, step)
            if self.published_at(artifact) < wait.end:
                self.fault(peer, f"{wait} though it could fetch {self.name(step)}")
            for begin, end in self.ready(peer, step, held):
                if max(begin, wait.start) < min(end, wait.end):
                    self.fault(peer, f"{wait} though it could build {self.name(step)}")
        if len(held) == len(self.scenario.steps):
            self.fault(peer, f"{wait} though it could build the universe")

    def check_nothing_ready(self, peer, overhead, held):
        for step in self.lacking(held):
            for begin, end in self.ready(peer, step, held):
                if begin < overhead.start < end:
                    self.fault(peer, f"{overhead} to fetch though {self.name(step)} is ready")

    def lacking(self, held):
        return [step.place for step in self.scenario.steps if step.place not in held]

    def ready(self, peer, step, held):
        """When a step that the peer lacks is surely missing, built by nobody, and has its
        prerequisites published or held, as long as the peer itself does nothing."""
        begin = max((self.published_at(self.artifact(peer, other))
                     for other in self.prerequisites(step) - held), default=0)
        if self.is_private(peer, step):
            end = NEVER  # nobody else builds it
        else:
            end = self.ordered_from(self.artifact(peer, step))
        if peer.touches.get(step, 1) == 1:
            return [(begin, end)]
        # Section 4: not ready while somebody builds the untouched artifact.
        untouched = self.untouched(peer, step)
        return [(begin, min(end, self.ordered_from(untouched))),
                (max(begin, self.published_at(untouched)), end)]

    def ordered_from(self, artifact):
        """The earliest moment from which the first build of an artifact may have been ordered: its
        overhead if there are any, else the first of the fetches that may belong to its order."""
        build = self.builds.get(artifact)
        if build is None:
            return NEVER
        peer, step = self.scenario.peers[build.place], build.task.step
        tasks = self.tasks[build.place]
        at = next(at for at, task in enumerate(tasks) if task is build.task)
        while at > 0 and tasks[at - 1].kind == "fetch" \
                and tasks[at - 1].step in self.prerequisites(step):
            at -= 1
        if at > 0 and tasks[at - 1].kind == "overhead":
            at -= 1
        return tasks[at].start

    def check_run_row(self):
        tasks = [task for of_peer in self.tasks for task in of_peer]
        turnarounds = [end - begin for begin, end in zip(self.arrival, self.completion)]
        if min(turnarounds) < 0:
            raise Fault("a peer completes before it arrives")
        makespan = max(self.completion) - min(self.arrival)
        for column, expected in {
            "scenario": self.scenario.name,
            "mode": "simulated",
            "seed": str(self.scenario.seed),
            "peers": str(len(self.scenario.peers)),
            "steps": str(len(self.scenario.steps)),
            "makespan_s": results.seconds(makespan),
            "mean_turnaround_s": results.seconds(
                rounded(Fraction(sum(turnarounds), len(turnarounds)))),
            "p95_turnaround_s": results.seconds(results.nearest_rank(turnarounds, 95)),
            "busy_s": results.seconds(results.length(tasks, "build", "fetch", "overhead")),
            "wait_s": results.seconds(results.length(tasks, "wait")),
            "builds": str(results.count(tasks, "build")),
            "duplicate_builds": str(results.count(tasks, "build", ("duplicate",))),
            "fetches": str(results.count(tasks, "fetch")),
            "failures": str(sum(task.outcome == "failed" for task in tasks)),
            "machine_s": results.seconds(sum(turnarounds)),
        }.items():
            self.expect("runs.csv", column, self.row[column], expected)
        low, high = self.possible_events()
        if not low <= int(self.row["events"]) <= high:
            self.expect("runs.csv", "events", self.row["events"], f"{low} to {high}")
        bound = self.row["lower_bound_s"]
        if bound and time(bound) > makespan:
            self.faults.append(f"runs.csv: the lower bound {bound} is above the makespan")

    def possible_events(self):
        """The orders that ended: exact where overheads or the policy tell, else a range. Under the
        directed policies an order builds at most one step, and each ends with one more held."""
        peers, steps = self.scenario.peers, self.scenario.steps
        if self.policy in ("universe", "linear", "parallel"):
            return [len(peers) * len(self.orders_if_alone())] * 2
        low = high = 0
        for peer in peers:
            if self.overhead(peer):
                orders = len(self.runs_of_orders(peer))
                low, high = low + orders, high + orders
            else:
                built = sum(task.kind == "build" and task.step != REST
                            for task in self.obtained(peer))
                fewest = built if any(step.after for step in steps) else len(steps)
                low, high = low + max(fewest, min(len(steps), 1)) + 1, high + len(steps) + 1
        return low, high


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: check_tasks.py SCENARIO DIR")
    faults = check(scenario_file.read(sys.argv[1]), sys.argv[2])
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
