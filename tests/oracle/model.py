#!/usr/bin/python3
"""An independent reference of the model: what every peer does, step by step, under a policy.

    model.py SCENARIO --out DIR [--policy a,b]      runs it and writes runs, peers and tasks .csv

It is written to be compared with the model's text, section by section, and not to be fast.
Covered: constant durations, prerequisites, arrivals, speeds, cohorts, overheads, the rest, touched
steps with fractions, the policies of policies.py.
"""

import sys

sys.dont_write_bytecode = True

import argparse
from dataclasses import dataclass, field

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


@dataclass
class PeerState:
    """What becomes of a peer during a run; `peer` is what the scenario says of it."""

    peer: scenario_file.Peer
    held: set = field(default_factory=set)  # steps
    order: object = None  # the ordered step or REST; None: no order
    route: list = field(default_factory=list)  # what the order has still to go through
    task: Interval | None = None  # what it is busy with
    waiting_since: int | None = None
    completion: int | None = None
    present: bool = False
    intervals: list = field(default_factory=list)
    orders_ended: int = 0


class Run:
    """One run of a scenario under one policy; run() plays it and leaves the peers' states."""

    def __init__(self, scenario, policy):
        if scenario.sampled:
            raise Unsupported("sampled times")
        self.scenario = scenario
        self.choose = policies.POLICIES[policy](scenario)
        self.states = [PeerState(peer) for peer in scenario.peers]
        self.pending = {(peer.arrival, ARRIVAL, peer.place) for peer in scenario.peers}
        self.published = set()  # artifacts
        self.ordered = set()  # artifacts ordered to be built, and neither published nor given up
        self.now = None

    def run(self):
        handlers = {COMPLETION: self.complete, ARRIVAL: self.arrive, START: self.start}
        while self.pending:
            event = min(self.pending)
            self.pending.remove(event)
            self.now, kind, place = event
            handlers[kind](self.states[place])
        assert all(state.completion is not None for state in self.states)
        return self

    # What artifacts a peer needs (sections 2 and 4).

    def is_private(self, peer, step):
        """Touched, or after a touched step; the rest comes after every step."""
        if step == REST:
            return bool(peer.touches)
        return bool(({step} | self.scenario.steps[step].all_after) & set(peer.touches))

    def untouched(self, peer, step):
        """The artifact of the peers of the cohort that do not touch the step."""
        return (peer.cohort, step, None)

    def artifact(self, peer, step):
        if self.is_private(peer, step):
            return (peer.cohort, step, peer.place)
        return self.untouched(peer, step)

    # What a policy may look at.

    def holds(self, peer, step):
        return step in self.states[peer.place].held

    def is_published(self, peer, step):
        return self.artifact(peer, step) in self.published

    def is_being_built(self, peer, step):
        return self.artifact(peer, step) in self.ordered

    def untouched_is_being_built(self, peer, step):
        return self.untouched(peer, step) in self.ordered

    def in_line(self, peer):
        return [state.peer for state in self.states
                if state.present and state.peer.cohort == peer.cohort]

    # What happens (section 3).

    def arrive(self, state):
        state.present = True
        self.pending.add((self.now, START, state.peer.place))

    def start(self, state):
        """Class 3: the peer asks for an order, or reaches the next artifact of its order."""
        if state.order is None:
            self.ask(state)
        else:
            self.reach(state, state.route.pop(0))

    def ask(self, state):
        peer = state.peer
        order = self.choose(self, peer)
        if order is None:
            if state.waiting_since is None:  # an ask in vain does not split a wait (section 6)
                state.waiting_since = self.now
            return
        if state.waiting_since is not None and state.waiting_since < self.now:
            state.intervals.append(Interval(None, "wait", state.waiting_since, self.now))
        state.waiting_since = None
        state.order = order
        state.route = self.route(state, order)
        if order != REST and not self.is_published(peer, order):
            # Section 9: it counts as being built from the moment it is ordered.
            self.ordered.add(self.artifact(peer, order))
        self.begin(state, order, "overhead", self.scenario.overhead / peer.speed)

    def route(self, state, order):
        """Section 3.2: what an order goes through and the peer does not hold, in dependency
        order: always the first step in the schema's order whose prerequisites are behind it."""
        steps = self.scenario.steps
        if order == REST:
            left = {step.place for step in steps}
        else:
            left = {order} | steps[order].all_after
        route = []
        while left:
            step = min(step for step in left if not steps[step].after & left)
            left.remove(step)
            if step not in state.held:
                route.append(step)
        return route + [REST] if order == REST else route

    def reach(self, state, step):
        """Section 3.2: published when the peer reaches it: fetch; otherwise build."""
        peer = state.peer
        if self.is_published(peer, step):
            self.begin(state, step, "fetch", self.fetch_time(step))
        else:
            self.begin(state, step, "build", self.build_length(peer, step))

    def fetch_time(self, step):
        return self.scenario.rest_fetch if step == REST else self.scenario.steps[step].fetch

    def build_length(self, peer, step):
        """Sections 3.3 and 4: the whole build, or what a change's fraction of it costs."""
        if step == REST:
            return self.scenario.rest_build / peer.speed
        whole = self.scenario.steps[step].build / peer.speed
        fraction = peer.touches.get(step, 1)
        if fraction < 1 and self.untouched(peer, step) in self.published:
            return self.fetch_time(step) + fraction * whole
        return whole

    def begin(self, state, step, kind, length):
        state.task = Interval(step, kind, self.now, self.now + rounded(length))
        self.pending.add((state.task.end, COMPLETION, state.peer.place))

    def complete(self, state):
        """Class 0: the end of a build, a fetch or an overhead, with what it publishes."""
        task, state.task = state.task, None
        place = state.peer.place
        if task.kind != "overhead" or task.start < task.end:
            state.intervals.append(task)
        if task.kind == "build":
            artifact = self.artifact(state.peer, task.step)
            if artifact in self.published and task.step != REST:
                task.outcome = "duplicate"  # section 3.8
            self.published.add(artifact)
            self.ordered.discard(artifact)
            self.wake_cohort(state)
        if task.kind != "overhead" and task.step != REST:
            state.held.add(task.step)
        if not state.route:
            self.end_order(state)
        if state.completion is None:
            self.pending.add((self.now, START, place))

    def end_order(self, state):
        if state.order == REST:  # section 3.7
            state.completion = self.now
            state.present = False
        state.order = None
        state.orders_ended += 1
        self.wake_cohort(state)

    def wake_cohort(self, state):
        """Section 3.6: the waiting peers of the cohort ask again, at this instant."""
        for other in self.states:
            if other.waiting_since is not None and other.peer.cohort == state.peer.cohort:
                self.pending.add((self.now, START, other.peer.place))


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
