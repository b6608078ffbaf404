#!/usr/bin/python3
"""Checks the CSV files of a run against their scenario, from the intervals alone.

    check_tasks.py SCENARIO DIR

It plays nothing: it reads what every peer did and says where that cannot be, or where the figures
do not follow from it. Sampled times and the policy `random` are therefore checked too; constant
times are checked to be of the right length besides. One line for each fault; exit status 1 if any.

Parts do not show in the rows, nor why a build fails: where steps have parts, builds can fail or
peers leave, some checks are looser, and those of who had to do what (orders, idleness, turns) are
left to the oracle. A queue from which changes may leave moves: which variants its changes need, and
when they are present, is left to it as well. Where nobody can fail or leave, all of it is checked.
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
    for name in results.HEADERS:
        try:
            header, tables[name] = results.read(folder, name)
        except OSError as error:
            faults.append(f"{name}: {error.strerror}")
            continue
        columns = results.HEADERS[name].split(",")
        if header[:len(columns)] != columns:  # more may follow
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
        self.completion = [time(row["completion_s"]) if row["outcome"] == "ok" else None
                           for row in self.peer_rows]
        self.outcome = [row["outcome"] for row in self.peer_rows]
        self.merged = [time(row["merged_s"]) if row.get("merged_s") else None
                       for row in self.peer_rows]
        self.tasks = [self.read_tasks(task_rows.get(peer.name, [])) for peer in scenario.peers]
        # Without these, every peer does all, and all that is built is seen as one row.
        self.certain = not any(
            peer.departure or any(value is not False for value in peer.breaks.values())
            for peer in scenario.peers) and not any(
            step.flaky is not False or step.broken is not False for step in scenario.steps)
        self.one_part = all(step.parts == 1 for step in scenario.steps)
        self.queues = {}  # its changes, in order as long as none has left
        for peer in sorted(scenario.peers, key=lambda peer: (self.arrival[peer.place], peer.place)):
            if peer.queue:
                self.queues.setdefault(peer.queue, []).append(peer)
        self.unclear = {(peer.cohort, step) for peer in scenario.peers
                        for step in [step.place for step in scenario.steps] + [REST]
                        if self.moves(peer) and self.concerned(peer, step)}
        self.builds = self.find_builds()  # artifact -> its first build that was published
        self.end_of_tasks = {}

    def check(self):
        for peer in self.scenario.peers:
            if peer.queue:
                self.check_merge(peer)
            if self.moves(peer):
                self.check_chain_of_absences(peer)
            else:
                self.check_chain(peer)
            self.check_outcome(peer)
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
            for task in self.ended(peer):
                if self.parts(task.step) > 1 or peer.slow and task.kind == "build":
                    continue
                if task.kind == "fetch" or not self.fractions(peer, task.step):
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

    def tried(self, peer):
        """The builds and fetches of a peer, however they ended, the rest included."""
        return [task for task in self.tasks[peer.place] if task.kind in ("build", "fetch")]

    def ended(self, peer):
        """Those that took their whole time."""
        return [task for task in self.tried(peer) if task.outcome != "aborted"]

    def obtained(self, peer):
        """Those that ended well."""
        return [task for task in self.tried(peer) if task.outcome in ("ok", "duplicate")]

    def parts(self, step):
        return 1 if step == REST else self.scenario.steps[step].parts

    def hits(self, step):
        return True if step == REST else self.scenario.steps[step].hits

    def changes(self, peer):
        """Those on which it may be tested: of its queue, or itself."""
        return self.queues[peer.queue] if peer.queue else [peer]

    def may_break(self, peer, step):
        return any(other.breaks.get(step, False) is not False for other in self.changes(peer))

    def may_fail(self, peer, step):
        if step == REST:
            return False
        settings = self.scenario.steps[step]
        return not (settings.broken is False and settings.flaky is False
                    and not self.may_break(peer, step))

    def moves(self, peer):
        """Whether a change of its queue may leave before it merges."""
        return bool(peer.queue) and any(
            other.departure or any(self.may_fail(other, step.place) for step in self.scenario.steps)
            for other in self.queues[peer.queue])

    def absence(self, peer):
        """(from, to): when a peer is away, if it leaves; None where that is sampled, and from where
        it does not return NEVER."""
        departure, arrival = peer.departure, self.arrival[peer.place]
        if departure is None:
            return NEVER, NEVER
        begin = None if departure.after is None else arrival + departure.after
        if not departure.returns:
            return begin, NEVER
        if begin is None or departure.away is None:
            return begin, None
        return begin, begin + departure.away

    def concerns(self, change, step):
        """Whether it touches the step, or what that comes after."""
        if step == REST:
            return bool(change.touches)
        return any(other in change.touches for other in {step} | self.prerequisites(step))

    def concerned(self, peer, step):
        return any(self.concerns(change, step) for change in self.changes(peer))

    def prerequisites(self, step):
        if step == REST:
            return {other.place for other in self.scenario.steps}
        return self.scenario.steps[step].all_after

    def artifact(self, peer, step):
        """(cohort, step, list of changes); None where the rows leave it open."""
        if self.moves(peer) and self.concerned(peer, step):
            return None
        changes = self.changes(peer)
        return self.unless_unclear((peer.cohort, step, tuple(
            change.place for change in changes[:changes.index(peer) + 1]
            if self.concerns(change, step))))

    def unless_unclear(self, artifact):
        """Changes at the head of a queue that moves may publish what is untouched."""
        cohort, step, changes = artifact
        return None if not changes and (cohort, step) in self.unclear else artifact

    def shorter(self, artifact):
        """(artifact, fraction): what a build of it may start from, the longest list first."""
        cohort, step, changes = artifact
        fraction = Fraction(0)
        for length in reversed(range(len(changes))):
            fraction += self.scenario.peers[changes[length]].touches.get(step, 1)
            yield self.unless_unclear((cohort, step, changes[:length])), fraction

    def fractions(self, peer, step):
        """Those below 1 that a build of the step may be."""
        if step == REST:
            return set()
        artifact = self.artifact(peer, step)
        if artifact is not None:
            sums = {fraction for _, fraction in self.shorter(artifact)}
        else:
            sums = {Fraction(0)}
            for change in self.changes(peer):
                if self.concerns(change, step):
                    share = change.touches.get(step, 1)
                    sums |= {fraction + share for fraction in sums if fraction + share < 1}
        return {fraction for fraction in sums if 0 < fraction < 1}

    def find_builds(self):
        """Section 3.5: of the builds that end at one instant, those that began before it end in
        the order of the scenario, and before one that begins at it and takes no time. Of several
        that take no time the first is the one that is no duplicate."""
        builds = {}
        for peer in self.scenario.peers:
            for task in self.obtained(peer):
                artifact = self.artifact(peer, task.step)
                if task.kind == "build" and peer.publishes and artifact is not None:
                    builds.setdefault(artifact, []).append(
                        Build(peer.place, task))
        return {artifact: min(of_it, key=self.end_key) for artifact, of_it in builds.items()}

    @staticmethod
    def end_key(build):
        task = build.task
        instantly = task.start == task.end
        return task.end, instantly, instantly and task.outcome == "duplicate", build.place

    def published_at(self, artifact):
        build = self.builds.get(artifact)
        return build.task.end if build else NEVER

    def was_published(self, artifact, now):
        """Whether an artifact was published when somebody looked at `now`; None if a build that
        took no time, at that very instant, leaves it open, or the artifact itself is open."""
        if artifact is None:
            return None
        build = self.builds.get(artifact)
        if build is None or build.task.end > now:
            return False
        if build.task.end == now and build.task.start == now:
            return None
        return True

    # The checks of one peer.

    def check_chain(self, peer):
        """From arrival, or from when it is within the window, to the end without gap and overlap,
        but for an absence."""
        now, tasks = self.arrival[peer.place], self.tasks[peer.place]
        if peer.queue:
            now = max(now, self.within_window(peer))
        away, back = self.absence(peer)
        left = not tasks and away is not None and back is not None and away <= now
        if left and back != NEVER:
            now = back
        for task in tasks:
            if away not in (None, NEVER) and not left and now == away and task.start == back:
                left, now = True, back
            elif peer.departure and peer.departure.returns and None in (away, back) and not left \
                    and task.start > now:
                left, now = True, task.start
            if task.start != now or task.end < task.start:
                self.fault(peer, f"{task} does not follow on {results.seconds(now)}")
            if task.start == task.end and task.kind in ("wait", "overhead"):
                self.fault(peer, f"{task} takes no time and is a row")
            if away is not None and not left and task.end > away:
                self.fault(peer, f"{task} though it leaves at {results.seconds(away)}")
            if task.outcome == "aborted" and (left or away not in (None, task.end)
                                              or peer.departure is None):
                self.fault(peer, f"{task} though it does not leave then")
            now = task.end
        self.end_of_tasks[peer.place] = now
        outcome = self.outcome[peer.place]
        if outcome == "ok" and now != self.completion[peer.place]:
            self.fault(peer, f"its last task ends at {results.seconds(now)}, not at its completion")
        if outcome == "left" and away not in (None, now):
            self.fault(peer, f"its last task ends at {results.seconds(now)}, not when it leaves")
        for one, other in itertools.pairwise(tasks):
            if one.kind == other.kind == "wait" and one.end == other.start \
                    and away not in (None, one.end):
                self.fault(peer, f"{one} and {other} are one wait")

    def within_window(self, peer):
        """Section 5, of a queue that nobody leaves: when it is among its first changes that have
        not merged, of which there is one more with each merge."""
        changes = self.queues[peer.queue]
        needed = max((changes.index(peer) - self.scenario.window_start) // 2 + 1, 0)
        if needed == 0:
            return 0
        return self.merged[changes[needed - 1].place] or 0

    def check_chain_of_absences(self, peer):
        """It may not be present at any time (section 5), but no two tasks overlap."""
        now, tasks = self.arrival[peer.place], self.tasks[peer.place]
        away, back = self.absence(peer)
        completed = None  # when it first was
        for task in tasks:
            if task.start < now or task.end < task.start:
                self.fault(peer, f"{task} begins before {results.seconds(now)}")
            if task.start == task.end and task.kind in ("wait", "overhead"):
                self.fault(peer, f"{task} takes no time and is a row")
            if None not in (away, back) and task.end > away and task.start < back \
                    and (completed is None or completed > away):
                self.fault(peer, f"{task} though it is away from {results.seconds(away)}")
            now = task.end
            if task.step == REST and task.outcome in ("ok", "duplicate") and completed is None:
                completed = now
        self.end_of_tasks[peer.place] = now
        outcome = self.outcome[peer.place]
        if outcome == "ok" and now != self.completion[peer.place]:
            self.fault(peer, f"its last task ends at {results.seconds(now)}, not at its completion")
        if outcome == "left" and away is not None:
            self.end_of_tasks[peer.place] = max(now, away)

    def check_merge(self, peer):
        """Sections 4 and 5: who merges, and after whom."""
        merged, complete = self.merged[peer.place], self.completion[peer.place]
        if (merged is None) != (complete is None):
            self.fault(peer, "who completes, and nobody else, merges")
        if merged is None or complete is None:
            return
        if merged < complete:
            self.fault(peer, "it merged before it was complete")
        changes = self.queues[peer.queue]
        ahead = changes[:changes.index(peer)]
        if not self.moves(peer):
            ends = [complete] + [self.completion[other.place] or 0 for other in ahead]
            if merged != max(ends):
                self.fault(peer, f"it merged at {results.seconds(merged)}, all ahead of it were"
                           f" complete at {results.seconds(max(ends))}")
        elif not peer.departure:
            for other in ahead:
                if not other.departure and (self.merged[other.place] or 0) > merged:
                    self.fault(peer, f"it merged before {other.name}")

    def check_outcome(self, peer):
        """Section 5: who fails, who leaves, and how often one tries."""
        outcome = self.outcome[peer.place]
        if outcome not in ("ok", "failed", "left"):
            self.fault(peer, f"its outcome is {outcome}")
        if outcome == "left" and (peer.departure is None or peer.departure.returns):
            self.fault(peer, "it left for good")
        failures = {}
        tried = self.tried(peer)
        for at, task in enumerate(tried):
            if task.outcome != "failed":
                continue
            if task.kind != "build" or not self.may_fail(peer, task.step):
                self.fault(peer, f"{task} cannot fail")
                continue
            failures[task.step] = failures.get(task.step, 0) + 1
            last = at == len(tried) - 1
            settings = self.scenario.steps[task.step]
            broken = settings.broken or peer.breaks.get(task.step)
            if peer.queue and any(other is not peer and other.breaks.get(task.step, False)
                                  is not False for other in self.changes(peer)):
                continue  # a change ahead may have broken it
            if (broken or failures[task.step] > self.scenario.retries) \
                    and not (last and outcome == "failed"):
                self.fault(peer, f"it goes on after {task}")
        if outcome == "failed":
            known = self.policy not in ("universe", "parallel") and any(
                step.broken is not False or peer.queue and self.may_break(peer, step.place)
                for step in self.scenario.steps)
            if not known and not (tried and tried[-1].outcome == "failed"):
                self.fault(peer, "it failed without a failed build")

    def away_from(self, peer):
        """When it loses what it held; NEVER if it keeps it, or is complete by then."""
        if peer.departure is None or peer.departure.keeps or self.moves(peer):
            return NEVER
        begin, _ = self.absence(peer)
        tasks = self.tasks[peer.place]
        if begin is not None:
            # What begins at that instant does so after the departure (section 3.5).
            complete = self.outcome[peer.place] == "ok" and tasks and tasks[-1].start < begin \
                and tasks[-1].end <= begin
            return NEVER if complete else begin
        return next((other.start for one, other in itertools.pairwise(tasks)
                     if one.end < other.start or one.outcome == "aborted"), NEVER)

    def check_obtained_once(self, peer):
        """Section 3.7: who completes holds every step, and has obtained the rest last. A step with
        parts shows in several rows; what was lost is obtained again."""
        lost = self.away_from(peer)
        # Where the departure is sampled and the return at once, it need not show.
        unclear = peer.departure and not peer.departure.keeps and self.absence(peer)[0] is None
        obtained = self.obtained(peer)
        for step in [step.place for step in self.scenario.steps] + [REST]:
            times = [task for task in obtained if task.step == step]
            kept = sum(task.start >= lost or lost == NEVER for task in times)
            least = 1 if self.outcome[peer.place] == "ok" else 0
            most = NEVER if self.parts(step) > 1 or unclear or self.moves(peer) else 1
            # Of the zero-length ones at the very instant it is unclear on which side they are.
            if step == REST and self.outcome[peer.place] != "ok" and not self.moves(peer):
                most = 0
            if lost != NEVER:
                too_many = max(kept, len(times) - kept) > most and not any(
                    task.start == lost for task in times)
            else:
                too_many = kept > most
            if too_many or kept < least and not any(task.end == lost for task in times):
                self.fault(peer, f"it obtained {self.name(step)} {len(times)} times")
        if self.outcome[peer.place] == "ok" and obtained and obtained[-1].step != REST:
            self.fault(peer, "the rest is not the last that it obtained")

    def check_prerequisites(self, peer):
        """Section 3.2: an artifact is gone through after its prerequisites. Of a step with parts,
        one that was given up may have been obtained."""
        held, lost = set(), self.away_from(peer)
        for task in self.tried(peer):
            if task.start >= lost:
                held, lost = set(), NEVER
            missing = self.prerequisites(task.step) - held
            if missing:
                self.fault(peer, f"{task} before its prerequisites {self.names(missing)}")
            if task.outcome in ("ok", "duplicate"):
                held.add(task.step)

    def check_cache(self, peer):
        """Fetched if and only if published in its cohort's cache; duplicates (section 3.8)."""
        for task in self.tasks[peer.place]:
            if task.kind in ("wait", "overhead"):
                if task.outcome != "ok" and (task.kind, task.outcome) != ("overhead", "aborted"):
                    self.fault(peer, f"{task} should be ok")
            elif self.parts(task.step) > 1:
                self.check_cache_of_parts(peer, task)
            else:
                self.check_cache_of_whole(peer, task)

    def check_cache_of_whole(self, peer, task):
        artifact, hits = self.artifact(peer, task.step), self.hits(task.step)
        if artifact is None:
            self.check_cache_of_parts(peer, task)
            return
        published = self.was_published(artifact, task.start)
        if task.kind == "fetch" and published is False:
            self.fault(peer, f"{task} is not published then")
        if task.kind == "fetch" and hits is False:
            self.fault(peer, f"{task} though it always misses")
        if task.kind == "build" and published and hits:
            self.fault(peer, f"{task} is published by then")
        if task.outcome in ("aborted", "failed"):
            return
        expected = ["ok"]
        if task.kind == "build" and task.step != REST:
            first, this = self.builds.get(artifact), Build(peer.place, task)
            if first is None or first.task is task:
                pass
            elif first.task.start == first.task.end == task.start == task.end:
                expected = ["ok", "duplicate"]  # which was first does not show
            elif peer.publishes or self.end_key(first) < self.end_key(this):
                expected = ["duplicate"]
        if task.outcome not in expected:
            self.fault(peer, f"{task} should be {' or '.join(expected)}")

    def check_cache_of_parts(self, peer, task):
        """What somebody may have published of a step by then, or of which variants is open."""
        artifact = self.artifact(peer, task.step)
        others = [Build(other.place, theirs) for other in self.scenario.peers
                  if other.publishes and other.cohort == peer.cohort
                  and self.artifact(other, task.step) == artifact
                  for theirs in self.tried(other)
                  if theirs.kind == "build" and theirs.step == task.step and theirs is not task
                  and theirs.outcome != "failed" and theirs.start <= task.end]
        if task.kind == "fetch":
            if not others:
                self.fault(peer, f"{task} has no published part")
            if self.hits(task.step) is False:
                self.fault(peer, f"{task} though it always misses")
        if task.outcome == "duplicate" and (task.kind == "fetch" or not others):
            self.fault(peer, f"{task} should be ok")

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

    def overheads(self, peer):
        """Its possible lengths; None if it is sampled."""
        overhead = self.scenario.overhead
        if overhead is None:
            return None
        return {rounded(overhead / speed) for speed in self.speeds(peer)}

    def speeds(self, peer, now=None):
        """The speeds that a peer can have at a moment (if none is given, at any)."""
        if peer.slow is None:
            return [peer.speed]
        if now is None or None in (peer.slow.after, peer.slow.length):
            return [peer.speed, peer.speed * peer.slow.factor]
        return [peer.speed_at(now, self.arrival[peer.place])]

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
        alone = self.policy in ("universe", "linear", "parallel") and self.certain
        obtained = self.distinct(self.tried(peer))
        if alone:
            expected = sum((steps for _, steps in self.orders_if_alone()), [])
            if obtained != expected:
                self.fault(peer, f"it went through {self.names(obtained)}"
                           f" instead of {self.names(expected)}")
        overheads = self.overheads(peer)
        if overheads is None:
            return
        if 0 in overheads:
            if overheads == {0} and any(task.kind == "overhead" for task in self.tasks[peer.place]):
                self.fault(peer, "an overhead where there is none")
            return
        if self.moves(peer) or peer.departure and not (peer.departure.keeps and self.one_part):
            return  # what it holds does not show in its rows
        orders = self.runs_of_orders(peer)
        held = set()
        for overhead, tasks in orders:
            steps, expected = self.distinct(tasks), self.going_through(overhead.step, held)
            if tasks and tasks[-1].outcome in ("aborted", "failed") or overhead.outcome != "ok" \
                    or peer.departure and not self.ended_well(peer, overhead, tasks):
                expected = expected[:len(steps)]  # it ended early
            if steps != expected:
                self.fault(peer, f"the order of {overhead.name} went through {self.names(steps)}")
            # Of a step with parts some may have been fetched before the build failed.
            held.update({task.step for task in tasks} - {
                task.step for task in tasks if task.outcome in ("aborted", "failed")})
        shown = [(overhead.step, self.distinct(tasks)) for overhead, tasks in orders]
        if alone and shown != self.orders_if_alone():
            self.fault(peer, "its orders were"
                       f" {self.names(order for order, _ in shown)}")
        if self.policy in DIRECTED and self.outcome[peer.place] == "ok" \
                and (REST, [REST]) not in shown:
            self.fault(peer, "the universe was ordered before it held every step")

    def ended_well(self, peer, overhead, tasks):
        """Whether the order did not end between two tasks, as its peer left."""
        away, _ = self.absence(peer)
        return away is not None and (tasks[-1].end if tasks else overhead.end) != away

    def distinct(self, tasks):
        """Their steps, with the rows of one step's parts taken together."""
        return [step for step, _ in itertools.groupby(task.step for task in tasks)]

    def check_lengths(self, peer):
        """Sections 3.3, 3.4, 4 and 5, where the scenario's times are constant."""
        for task in self.tasks[peer.place]:
            possible = self.possible_lengths(peer, task)
            if possible is None:
                continue
            parts, length = self.parts(task.step), task.end - task.start
            if task.kind in ("overhead", "wait"):
                parts = 1
            if task.outcome == "aborted":
                right = length < parts * max(possible)
            elif parts == 1:
                right = length in possible
            else:
                right = any(number * min(possible) <= length <= number * max(possible)
                            for number in range(1, parts + 1))
            if not right:
                self.fault(peer, f"{task} should take {sorted(possible)} ns"
                           + (f" for each of its {parts} parts" if parts > 1 else ""))

    def possible_lengths(self, peer, task):
        """Of a task, or of a part of it."""
        if task.kind == "wait":
            return None
        parts = self.parts(task.step)
        speeds = self.speeds(peer, task.start if parts == 1 or task.kind == "overhead" else None)
        if task.kind == "overhead":
            overhead = self.scenario.overhead
            return None if overhead is None else {rounded(overhead / speed) for speed in speeds}
        if task.step == REST:
            build, fetch = self.scenario.rest_build, self.scenario.rest_fetch
        else:
            step = self.scenario.steps[task.step]
            build = None if None in (step.build, step.factor) else step.build * step.factor / parts
            fetch = None if step.fetch is None else step.fetch / parts
        if task.kind == "fetch":
            return None if fetch is None else {rounded(fetch)}
        if build is None:
            return None
        whole = {rounded(build / speed) for speed in speeds}
        fractions = self.fractions(peer, task.step)
        if not fractions or self.hits(task.step) is False:
            return whole
        if fetch is None:
            return None
        part = {fraction: {rounded(fetch + fraction * build / speed) for speed in speeds}
                for fraction in fractions}
        artifact = self.artifact(peer, task.step)
        if parts > 1 or self.hits(task.step) is None or self.is_published_by(artifact, task.start):
            return whole.union(*part.values())
        possible = set()
        for other, fraction in self.shorter(artifact):  # from the longest that is published
            published = self.was_published(other, task.start)
            if published is not False:
                possible |= part.get(fraction, whole)
            if published:
                return possible
        return possible | whole

    def is_published_by(self, artifact, now):
        return self.was_published(artifact, now) is not False

    def check_peer_row(self, peer):
        row, tasks = self.peer_rows[peer.place], self.tasks[peer.place]
        arrival, completion = self.arrival[peer.place], self.completion[peer.place]
        if peer.arrival is not None:
            self.expect(peer.name, "arrival_s", row["arrival_s"], results.seconds(peer.arrival))
        if completion is None:
            self.expect(peer.name, "completion_s", row["completion_s"], "")
        for column, expected in {
            "scenario": self.scenario.name,
            "mode": "simulated",
            "cache": peer.cache_id or "",
            **({"merged_s": ""} if not peer.queue and "merged_s" in row else {}),
            "turnaround_s": "" if completion is None else results.seconds(
                max(completion - arrival, 0)),
            "busy_s": results.seconds(results.length(tasks, "build", "fetch", "overhead")),
            "wait_s": results.seconds(results.length(tasks, "wait")),
            "builds": str(results.count(tasks, "build")),
            "fetches": str(results.count(tasks, "fetch")),
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
            if self.certain and self.one_part:
                for peer in self.scenario.peers:
                    self.check_not_idle(peer)

    def check_linear(self):
        """Section 9: one peer of a cohort at a time, in order of arrival, without a pause."""
        cohorts = {}
        for peer in self.scenario.peers:
            cohorts.setdefault(peer.cohort, []).append(peer)
        for cohort in cohorts.values():
            self.check_one_at_a_time(cohort)
            if not self.certain or any(self.scenario.window_start < len(self.changes(peer))
                                       for peer in cohort if peer.queue):
                continue
            free = 0
            for peer in sorted(cohort, key=lambda peer: (self.arrival[peer.place], peer.place)):
                working = [task for task in self.tasks[peer.place] if task.kind != "wait"]
                turn = max(free, self.arrival[peer.place])
                if working and working[0].start != turn:
                    self.fault(peer, f"its turn is at {results.seconds(turn)}")
                waits = [task for task in self.tasks[peer.place] if task.kind == "wait"]
                if any(task.start >= turn for task in waits):
                    self.fault(peer, "it waits though it is its turn")
                free = self.end_of_tasks[peer.place]

    def check_one_at_a_time(self, cohort):
        working = [(task.start, task.end, task, peer) for peer in cohort
                   for task in self.tasks[peer.place] if task.kind != "wait"
                   and task.start < task.end]
        working.sort(key=lambda item: item[:2])
        for (_, end, one, _), (start, _, other, peer) in itertools.pairwise(working):
            if start < end:
                self.fault(peer, f"{other} during {one} of another")

    def check_no_shared_duplicate(self):
        """Section 9: a step that is published or being built is nobody's to build, but for a fetch
        that misses and for one who does not publish."""
        for peer in self.scenario.peers:
            for task in self.obtained(peer):
                if task.kind == "build" and task.outcome == "duplicate" and peer.publishes \
                        and self.hits(task.step):
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
        ready = [(begin, self.ordered_from(self.artifact(peer, step)))]
        # Section 4: not ready while somebody builds what a fraction of it would start from.
        for other, fraction in self.shorter(self.artifact(peer, step)):
            if fraction < 1:
                built, published = self.ordered_from(other), self.published_at(other)
                ready = [piece for begin, end in ready for piece in (
                    (begin, min(end, built)), (max(begin, published), end))]
        return ready

    def ordered_from(self, artifact):
        """The earliest moment from which the first build of an artifact may have been ordered: its
        overhead if there are any, else the first of the fetches that may belong to its order."""
        build = self.builds.get(artifact)
        if build is None:
            return NEVER
        peer, step = self.scenario.peers[build.place], build.task.step
        tasks = self.tasks[build.place]
        at = next(at for at, task in enumerate(tasks) if task is build.task)
        while at > 0 and tasks[at - 1].step in self.prerequisites(step) \
                and (tasks[at - 1].kind == "fetch" or tasks[at - 1].outcome == "duplicate"):
            at -= 1
        if at > 0 and tasks[at - 1].kind == "overhead":
            at -= 1
        return tasks[at].start

    def check_run_row(self):
        tasks = [task for of_peer in self.tasks for task in of_peer]
        turnarounds = [end - begin for begin, end in zip(self.arrival, self.completion)
                       if end is not None]
        if turnarounds and min(turnarounds) < 0:
            raise Fault("a peer completes before it arrives")
        makespan = max(self.end_of_tasks.values()) - min(self.arrival)
        for column, expected in {
            "scenario": self.scenario.name,
            "mode": "simulated",
            "seed": str(self.scenario.seed),
            "peers": str(len(self.scenario.peers)),
            "steps": str(len(self.scenario.steps)),
            "mean_turnaround_s": results.mean_turnaround(turnarounds),
            "p95_turnaround_s": results.seconds(
                results.nearest_rank(turnarounds, 95)) if turnarounds else "",
            "busy_s": results.seconds(results.length(tasks, "build", "fetch", "overhead")),
            "wait_s": results.seconds(results.length(tasks, "wait")),
            "builds": str(results.count(tasks, "build")),
            "duplicate_builds": str(results.count(tasks, "build", ("duplicate",))),
            "fetches": str(results.count(tasks, "fetch")),
            "failures": str(sum(task.outcome == "failed" for task in tasks)),
            # Present is who works or waits.
            "machine_s": results.seconds(
                results.length(tasks, "build", "fetch", "overhead", "wait")),
        }.items():
            self.expect("runs.csv", column, self.row[column], expected)
        # One that fails without a task ends later than its last: on return, or anywhere in a queue.
        if any(self.outcome[peer.place] != "ok" and self.moves(peer)
               for peer in self.scenario.peers):
            if time(self.row["makespan_s"]) < makespan:
                self.expect("runs.csv", "makespan_s", self.row["makespan_s"],
                            f"at least {results.seconds(makespan)}")
            makespan = max(makespan, time(self.row["makespan_s"]))
        returns = [self.absence(peer)[1] for peer in self.scenario.peers
                   if self.outcome[peer.place] == "failed" and peer.departure
                   and peer.departure.returns]
        makespans = {makespan} | {max(makespan, back - min(self.arrival))
                                  for back in returns if back is not None}
        shown = [results.seconds(possible) for possible in sorted(makespans)]
        if None not in returns and self.row["makespan_s"] not in shown:
            self.expect("runs.csv", "makespan_s", self.row["makespan_s"], " or ".join(shown))
        low, high = self.possible_events()
        if not low <= int(self.row["events"]) <= high:
            self.expect("runs.csv", "events", self.row["events"], f"{low} to {high}")
        bound = self.row["lower_bound_s"]
        if bound and None not in returns and time(bound) > max(makespans):
            self.faults.append(f"runs.csv: the lower bound {bound} is above the makespan")

    def possible_events(self):
        """The orders that ended: exact where overheads or the policy tell, else a range. Under the
        directed policies an order builds at most one step, and each ends with one more held."""
        peers, steps = self.scenario.peers, self.scenario.steps
        if self.policy in ("universe", "linear", "parallel") and self.certain:
            return [len(peers) * len(self.orders_if_alone())] * 2
        low = high = 0
        for peer in peers:
            overheads = self.overheads(peer)
            if self.moves(peer):  # an order may be given up before it shows
                low, high = low + min(len(self.tried(peer)), 1), NEVER
            elif overheads and 0 not in overheads:
                orders = sum(task.kind == "overhead" for task in self.tasks[peer.place])
                low, high = low + orders, high + orders
            elif not self.certain:
                rows = [task for task in self.tasks[peer.place] if task.kind != "wait"]
                low, high = low + min(len(rows), 1), high + len(rows)
            else:
                built = len({task.step for task in self.obtained(peer)
                             if task.kind == "build" and task.outcome == "ok"} - {REST})
                fewest = built if any(step.after for step in steps) else len(steps)
                if not peer.publishes or any(step.parts > 1 for step in steps):
                    fewest = 0
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
