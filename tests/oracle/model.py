#!/usr/bin/python3
"""An independent reference of the model: what every peer does, step by step, under a policy.

    model.py SCENARIO --out DIR [--policy a,b]      runs it and writes runs, peers and tasks .csv

It is written to be compared with the model's text, section by section, and not to be fast.
Covered: constant durations and factors, probabilities 0 and 1, the policies of policies.py.
"""

import sys

sys.dont_write_bytecode = True

import argparse
from dataclasses import dataclass, field
from fractions import Fraction

import policies
import results
import scenario as scenario_file
from policies import REST
from scenario import Unsupported, rounded

# Section 3.5: what comes first at one instant.
COMPLETION, DEPARTURE, ARRIVAL, START = range(4)


@dataclass
class Interval:
    """A row of tasks.csv. A wait has no step; step is a place, or REST."""

    step: object
    kind: str  # build, fetch, wait, overhead
    start: int
    end: int
    outcome: str = "ok"
    failing: str | None = None  # a build that will fail: broken ahead, broken or flaky
    parts: int = 0  # that it has obtained
    whole: bool = True  # none of them for a fraction


@dataclass
class PeerState:
    """What becomes of a peer during a run; `peer` is what the scenario says of it."""

    peer: scenario_file.Peer
    held: dict = field(default_factory=dict)  # (step, part) -> the artifact, the rest included
    order: object = None  # the ordered step or REST; None: no order
    claim: object = None  # the artifact that the order counts as building
    route: list = field(default_factory=list)  # (step, part) that the order has still to go through
    row: Interval | None = None  # what it is busy with, or was with the part before
    part: int = 0
    task_end: int | None = None  # of an overhead or of a part; None: between two
    waiting_since: int | None = None
    since: int | None = None  # its arrival or its return
    present: bool = False
    present_since: int | None = None
    presence: int = 0
    queue: object = None  # of its dependent pipeline, once it has arrived there
    absent_for: set = field(default_factory=set)  # steps that changes ahead of it break
    merged: int | None = None
    flaky_failures: dict = field(default_factory=dict)  # step -> how many
    outcome: str | None = None  # once it has ended
    end: int | None = None
    intervals: list = field(default_factory=list)
    orders_ended: int = 0

    @property
    def completion(self):
        return self.end if self.outcome == "ok" else None


@dataclass
class Queue:
    """Section 4: the changes of a dependent pipeline, as states."""

    window: int
    merged: list = field(default_factory=list)
    line: list = field(default_factory=list)  # from the head; it holds who has not merged

    def ahead_of(self, state):
        return self.line[:self.line.index(state)]

    def changes_up_to(self, state):
        """On which it is tested: those that have merged, those ahead of it, and itself."""
        changes = self.merged + self.line
        return [other.peer for other in changes[:changes.index(state) + 1]]


class Run:
    """One run of a scenario under one policy; run() plays it and leaves the peers' states."""

    def __init__(self, scenario, policy):
        if scenario.sampled:
            raise Unsupported("sampled times")
        self.scenario = scenario
        self.choose = policies.POLICIES[policy]
        self.states = [PeerState(peer) for peer in scenario.peers]
        self.pending = {(peer.arrival, ARRIVAL, peer.place) for peer in scenario.peers}
        self.published = set()  # (artifact of a step, part)
        self.claimed = set()  # artifacts ordered to be built, and neither published nor given up
        self.found_broken = {}  # artifact -> places of peers
        self.observed = {}  # (cohort, step) -> lengths of builds
        self.queues = {}  # (repository, base ref, pipeline) -> Queue
        self.now = None

    def run(self):
        while self.pending:
            self.play_next()
        assert all(state.outcome for state in self.states)
        return self

    def play_next(self):
        """Section 3.5: the smallest pending event."""
        handlers = {COMPLETION: self.complete, DEPARTURE: self.depart, ARRIVAL: self.arrive,
                    START: self.start}
        event = min(self.pending)
        self.pending.remove(event)
        self.now, kind, place = event
        handlers[kind](self.states[place])
        for queue in self.queues.values():
            self.settle(queue)

    # What artifacts a peer needs (sections 2 and 4).

    def concerns(self, change, step):
        """Whether the change touches the step or what it comes after; the rest comes after all."""
        if step == REST:
            return bool(change.touches)
        return bool(({step} | self.scenario.steps[step].all_after) & set(change.touches))

    def artifact(self, peer, step):
        """(cohort, step, list): the variant is settled by the list of the changes, from the head of
        its queue, that concern the step; without a queue by the peer's own change."""
        queue = self.states[peer.place].queue
        changes = queue.changes_up_to(self.states[peer.place]) if queue else [peer]
        return (peer.cohort, step,
                tuple(change.place for change in changes if self.concerns(change, step)))

    def shorter(self, artifact):
        """(artifact, fraction) of each shorter list that begins the artifact's own, the longest
        first: what of the step is built by who starts from that one (section 4). It touches the
        step by a fraction, or only what the step comes after: 1."""
        cohort, step, changes = artifact
        fraction = Fraction(0)
        for length in reversed(range(len(changes))):
            fraction += self.scenario.peers[changes[length]].touches.get(step, 1)
            yield (cohort, step, changes[:length]), fraction

    def parts(self, step):
        return range(1 if step == REST else self.scenario.steps[step].parts)

    def all_published(self, artifact):
        return all((artifact, part) in self.published for part in self.parts(artifact[1]))

    # What a policy may look at.

    def holds(self, peer, step):
        return all((step, part) in self.states[peer.place].held for part in self.parts(step))

    def is_published(self, peer, step):
        return self.all_published(self.artifact(peer, step))

    def is_being_built(self, peer, step):
        return self.artifact(peer, step) in self.claimed

    def beginning_is_being_built(self, peer, step):
        """Section 4: a shorter list than the peer's that begins it, longer than any such that is
        published, and from which the build would not be whole."""
        for artifact, fraction in self.shorter(self.artifact(peer, step)):
            if self.all_published(artifact) or fraction >= 1:
                return False
            if artifact in self.claimed:
                return True
        return False

    def is_known_broken(self, peer, step):
        """Section 5: found broken by two different peers."""
        return len(self.found_broken.get(self.artifact(peer, step), ())) >= 2

    def in_line(self, peer):
        return [state.peer for state in self.states
                if state.present and state.peer.cohort == peer.cohort]

    def has_order(self, peer):
        return self.states[peer.place].order is not None

    def since(self, peer):
        return self.states[peer.place].since

    def estimates(self, peer):
        """Section 9: the scenario's, without speed, touches and factor; or section 7: learned."""
        steps = self.scenario.steps
        if not self.scenario.learned:
            return [rounded(step.build) for step in steps]
        means = {}
        for step in steps:
            seen = self.observed.get((peer.cohort, step.place))
            if seen:
                means[step.place] = rounded(Fraction(sum(seen), len(seen)))
        unseen = rounded(Fraction(sum(means.values()), len(means))) if means else 0
        return [means.get(step.place, unseen) for step in steps]

    # A peer comes and goes (sections 3 and 5).

    def arrive(self, state):
        """Class 2: the first time, or on return."""
        first = state.since is None
        state.since = self.now
        if state.peer.queue is None:
            self.appear(state)
        else:
            self.join_queue(state)
        if first and state.peer.departure:
            self.pending.add((self.now + state.peer.departure.after, DEPARTURE, state.peer.place))

    def depart(self, state):
        """Class 1: what it was ordered is given up. A failed change leaves its queue."""
        if state.outcome:
            if state.outcome == "failed" and state.queue:
                self.leave_queue(state)
            return
        departure = state.peer.departure
        self.give_up(state)
        self.disappear(state)
        state.absent_for.clear()
        if not departure.keeps:
            state.held.clear()
        if departure.returns:
            self.pending.add((self.now + departure.away, ARRIVAL, state.peer.place))
        else:
            state.outcome, state.end = "left", self.now
        if state.queue:
            self.leave_queue(state)

    def give_up(self, state):
        """What it was ordered, if anything."""
        if state.order is None:
            return
        place = state.peer.place
        if state.row:
            if state.task_end is not None or state.row.failing:
                state.row.outcome = "aborted"
                state.row.end = self.now
            self.close_row(state)  # between two parts it has ended well
        self.pending.discard((state.task_end, COMPLETION, place))
        self.pending.discard((self.now, START, place))
        state.task_end = None
        self.end_order(state)

    def appear(self, state):
        """It is present, and asks."""
        state.present, state.present_since = True, self.now
        self.pending.add((self.now, START, state.peer.place))

    def disappear(self, state):
        """It is no longer present, which the others may be waiting for (section 3.6)."""
        if state.present:
            self.end_wait(state)
            state.present = False
            state.presence += self.now - state.present_since
            self.pending.discard((self.now, START, state.peer.place))
            self.wake_cohort(state)

    def end(self, state, outcome):
        state.outcome, state.end = outcome, self.now
        self.disappear(state)
        if outcome == "failed" and state.queue:
            self.pending.add((self.now, DEPARTURE, state.peer.place))

    # The queue of a dependent pipeline (sections 4 and 5).

    def join_queue(self, state):
        """At the tail. It holds what it kept of the variants that its new list gives it. Whether
        it is within the window, and so present, settle() says."""
        if state.peer.queue not in self.queues:
            self.queues[state.peer.queue] = Queue(self.scenario.window_start)
        state.queue = self.queues[state.peer.queue]
        state.queue.line.append(state)
        state.held = {key: artifact for key, artifact in state.held.items()
                      if artifact == self.artifact(state.peer, key[0])}

    def leave_queue(self, state):
        """Class 1: it failed or departed. Those behind it give up their orders, lose what they hold
        in variants that contain the change, and go on without it."""
        queue = state.queue
        behind = queue.line[queue.line.index(state) + 1:]
        queue.line.remove(state)
        state.queue = None
        if state.outcome == "failed":
            queue.window = max(queue.window // 2, self.scenario.window_floor)
        for other in behind:
            self.give_up(other)
            kept = {key: artifact for key, artifact in other.held.items()
                    if state.peer.place not in artifact[2]}
            if other.outcome == "ok" and kept != other.held:
                other.outcome, other.end = None, None  # complete no more
            other.held = kept
            if other.present:
                self.pending.add((self.now, START, other.peer.place))
        self.wake_queue(queue)

    def settle(self, queue):
        """After every event: who merges, and who is present."""
        while queue.line and queue.line[0].outcome == "ok":
            state = queue.line.pop(0)
            state.merged = self.now
            queue.merged.append(state)
            queue.window += 1
            self.wake_queue(queue)
        for number, state in enumerate(queue.line):
            if not self.breaks_ahead(state, state.absent_for):
                state.absent_for = set()
            runs = number < queue.window and not state.outcome and not state.absent_for
            if runs and not state.present:
                self.appear(state)
            elif not runs and state.order is None:  # out of the window it finishes its order
                self.disappear(state)

    def breaks_ahead(self, state, steps):
        """Whether a change ahead of it breaks one of these steps."""
        return state.queue is not None and any(
            other.peer.breaks.get(step) for other in state.queue.ahead_of(state) for step in steps)

    def be_absent(self, state, steps):
        """Until every change ahead that breaks one of them has left."""
        state.absent_for = set(steps)
        self.disappear(state)

    def wake_queue(self, queue):
        """Section 5: the waiting peers of the queue, whatever their cohort."""
        for state in queue.line:
            if state.waiting_since is not None:
                self.pending.add((self.now, START, state.peer.place))

    def wake_cohort(self, state):
        """Section 3.6: the waiting peers of the cohort ask again, at this instant."""
        for other in self.states:
            if other.waiting_since is not None and other.peer.cohort == state.peer.cohort:
                self.pending.add((self.now, START, other.peer.place))

    # What it does with an order (section 3).

    def start(self, state):
        """Class 3: the peer asks for an order, or reaches the next artifact of its order."""
        if state.order is None:
            self.ask(state)
        else:
            self.reach(state, *state.route.pop(0))

    def ask(self, state):
        peer = state.peer
        order = self.choose(self, peer)
        if order is None:
            if state.waiting_since is None:  # an ask in vain does not split a wait (section 6)
                state.waiting_since = self.now
            return
        if order == policies.FAIL:
            steps = [step.place for step in self.scenario.steps if not self.holds(peer, step.place)
                     and self.is_known_broken(peer, step.place)]
            if self.breaks_ahead(state, steps):
                self.be_absent(state, steps)
            else:
                self.end(state, "failed")
            return
        self.end_wait(state)
        state.order = order
        state.route = self.route(state, order)
        if order != REST and not self.is_published(peer, order) and peer.publishes:
            # Section 9: it counts as being built from the moment it is ordered. What one builds
            # that does not publish counts as built by nobody (section 4).
            state.claim = self.artifact(peer, order)
            self.claimed.add(state.claim)
        state.row = Interval(order, "overhead", self.now, self.now)
        self.begin_task(state, self.scenario.overhead / self.speed(state))

    def end_wait(self, state):
        if state.waiting_since is not None and state.waiting_since < self.now:
            state.intervals.append(Interval(None, "wait", state.waiting_since, self.now))
        state.waiting_since = None

    def route(self, state, order):
        """Section 3.2: what an order goes through and the peer does not hold, in dependency
        order: always the first step in the schema's order whose prerequisites are behind it. The
        parts of a step are artifacts of their own (section 4)."""
        steps = self.scenario.steps
        if order == REST:
            left = {step.place for step in steps}
        else:
            left = {order} | steps[order].all_after
        route = []
        while left:
            step = min(step for step in left if not steps[step].after & left)
            left.remove(step)
            route += [(step, part) for part in self.parts(step) if (step, part) not in state.held]
        return route + [(REST, 0)] if order == REST else route

    def reach(self, state, step, part):
        """Section 3.2: published when the peer reaches it: fetch; otherwise build. Section 4: a
        fetch that misses is a build."""
        artifact = self.artifact(state.peer, step)
        hits = step == REST or self.scenario.steps[step].hits
        kind = "fetch" if (artifact, part) in self.published and hits else "build"
        if state.row and state.row.failing:
            kind = "build"  # whatever is published meanwhile
        if state.row and state.row.kind != kind:
            self.close_row(state)
        if not state.row:
            state.row = Interval(step, kind, self.now, self.now)
            if kind == "build":
                state.row.failing = self.failure(state, step)
            if state.row.failing:
                # It takes the parts that are missing when it begins, and publishes none.
                state.route = [(other, number) for other, number in state.route
                               if other != step or (artifact, number) not in self.published]
        state.part = part
        if kind == "fetch":
            self.begin_task(state, self.fetch_time(step))
        else:
            self.begin_task(state, self.build_length(state, step, part))

    def failure(self, state, step):
        """Section 5: how a build of the step fails, if it does: by a change ahead before all else,
        broken before flaky."""
        if step == REST:
            return None
        if self.breaks_ahead(state, [step]):
            return "broken ahead"
        if self.scenario.steps[step].broken or state.peer.breaks.get(step):
            return "broken"
        return "flaky" if self.scenario.steps[step].flaky else None

    def speed(self, state):
        return state.peer.speed_at(self.now, state.peer.arrival)

    def fetch_time(self, step):
        """Of a part: equal slices (section 4)."""
        if step == REST:
            return self.scenario.rest_fetch
        return self.scenario.steps[step].fetch / self.scenario.steps[step].parts

    def build_length(self, state, step, part):
        """Sections 3.3 and 4: the whole part, or the fetch of the one with the longest published
        shorter list, which must not miss, and the fraction of those that it lacks."""
        if step == REST:
            return self.scenario.rest_build / self.speed(state)
        settings = self.scenario.steps[step]
        whole = settings.build * settings.factor / settings.parts / self.speed(state)
        for artifact, fraction in self.shorter(self.artifact(state.peer, step)):
            if (artifact, part) in self.published:
                if fraction < 1 and settings.hits:
                    state.row.whole = False
                    return self.fetch_time(step) + fraction * whole
                break
        return whole

    def begin_task(self, state, length):
        state.task_end = self.now + rounded(length)
        self.pending.add((state.task_end, COMPLETION, state.peer.place))

    def complete(self, state):
        """Class 0: the end of an overhead or of a part, with what it publishes."""
        row = state.row
        row.end, state.task_end = self.now, None
        if row.kind != "overhead" and not row.failing:
            self.obtain(state, row)
        ended = not state.route or state.route[0][0] != row.step
        if row.kind == "overhead" or ended:
            if row.failing:
                row.outcome = "failed"
            self.close_row(state)
        if row.failing and ended:
            self.fail_build(state, row)
        elif not state.route:
            self.end_order(state)
            if row.step == REST:  # section 3.7
                self.end(state, "ok")
        if state.present:
            self.pending.add((self.now, START, state.peer.place))

    def obtain(self, state, row):
        """A part has been built or fetched."""
        row.parts += 1
        artifact = self.artifact(state.peer, row.step)
        state.held[row.step, state.part] = artifact
        if row.kind == "build":
            if (artifact, state.part) in self.published and row.step != REST:
                row.outcome = "duplicate"  # section 3.8
            if state.peer.publishes:
                self.published.add((artifact, state.part))
                if self.all_published(artifact):
                    self.claimed.discard(artifact)
                self.wake_cohort(state)

    def close_row(self, state):
        """A row of tasks.csv is all of one kind that an order obtains of a step (section 4)."""
        row, state.row = state.row, None
        if row.kind != "overhead" or row.start < row.end:
            state.intervals.append(row)
        if row.kind == "build" and row.step != REST and row.outcome in ("ok", "duplicate") \
                and row.whole and row.parts == self.scenario.steps[row.step].parts:
            # Section 7: successful whole builds of all parts.
            self.observed.setdefault((state.peer.cohort, row.step), []).append(row.end - row.start)

    def fail_build(self, state, row):
        """Section 5."""
        self.end_order(state)
        if row.failing != "flaky":
            artifact = self.artifact(state.peer, row.step)
            self.found_broken.setdefault(artifact, set()).add(state.peer.place)
            if row.failing == "broken ahead":
                self.be_absent(state, [row.step])
            else:
                self.end(state, "failed")
            return
        state.flaky_failures[row.step] = state.flaky_failures.get(row.step, 0) + 1
        if state.flaky_failures[row.step] > self.scenario.retries:
            self.end(state, "failed")

    def end_order(self, state):
        """Whether it ended well, failed or was given up."""
        self.claimed.discard(state.claim)
        state.order, state.claim, state.route = None, None, []
        state.orders_ended += 1
        self.wake_cohort(state)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("scenario")
    parser.add_argument("--out", required=True)
    parser.add_argument("--policy")
    arguments = parser.parse_args()
    scenario = scenario_file.read(arguments.scenario)
    names = arguments.policy.split(",") if arguments.policy else scenario.policies
    runs = {name: Run(scenario, name).run() for name in names if name in policies.POLICIES}
    results.write(arguments.out, scenario, runs)


if __name__ == "__main__":
    main()
