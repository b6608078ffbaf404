#!/usr/bin/python3
"""What must hold in every run of the oracle, on random scenarios.

    test_properties.py [CASES [SEED]]       so many of each profile (default 60), from a seed on
"""

import sys

sys.dont_write_bytecode = True

import copy
import json
import unittest

import generate
import policies
from model import Run
from scenario import parse

CASES, SEED = 60, 0
DIRECTED = set(policies.POLICIES) - {"universe", "linear", "parallel"}
EVENTS = 20000  # far more than any of these runs has


class WatchedRun(Run):
    """A run that is looked at after every event."""

    def __init__(self, scenario, policy):
        super().__init__(scenario, policy)
        self.directed, self.linear = policy in DIRECTED, policy == "linear"
        self.events = 0
        self.entered = []  # the states, in order of their last entry into a queue

    def play_next(self):
        before = self.now
        super().play_next()
        self.events += 1
        assert self.events < EVENTS, "no end"
        assert before is None or before <= self.now, "back in time"
        if not self.pending or min(self.pending)[0] > self.now:
            self.look_at_instant()
        for queue in self.queues.values():
            self.look_at_queue(queue)
        if self.directed:
            claims = [state.claim for state in self.states if state.claim]
            assert len(claims) == len(set(claims)), "two are ordered to build the same"
        if self.linear:
            at_work = [state.peer.cohort for state in self.states if state.order is not None]
            assert len(at_work) == len(set(at_work)), "two of a cohort work"

    def join_queue(self, state):
        if state in self.entered:
            self.entered.remove(state)
        self.entered.append(state)
        super().join_queue(state)

    def obtain(self, state, row):
        if self.directed and row.kind == "build" and row.step != policies.REST \
                and state.peer.publishes and self.scenario.steps[row.step].hits:
            artifact = self.artifact(state.peer, row.step)
            assert (artifact, state.part) not in self.published, "built twice"
        super().obtain(state, row)

    def look_at_queue(self, queue):
        line = [state for state in self.entered if state in queue.line or state in queue.merged]
        assert line == queue.merged + queue.line, "the queue is in another order"
        for state in queue.line:
            for (step, _), artifact in state.held.items():
                assert artifact == self.artifact(state.peer, step), "it holds another variant"

    def look_at_instant(self):
        """When all that happens at it has happened."""
        for state in self.states:
            if state.present and state.order is None:
                assert state.waiting_since is not None, "it is free and does not ask"
                assert self.choose(self, state.peer) is None, "it waits though it has work"
        for queue in self.queues.values():
            for number, state in enumerate(queue.line):
                runs = number < queue.window and not state.absent_for and state.outcome is None
                assert runs or not state.present or state.order is not None, "it is present"
                assert not runs or state.present, "it is not present"
                assert number > 0 or state.outcome is None, "the head has ended and is in line"
                assert not state.absent_for or self.breaks_ahead(state, state.absent_for)
                assert state.merged is None and state.outcome in (None, "ok")
            assert queue.window >= self.scenario.window_floor


def is_healthy(scenario, peer):
    return not peer.departure and not any(peer.breaks.values()) \
        and not any(step.broken or step.flaky for step in scenario.steps)


def rows(run):
    return [(state.outcome, state.end, state.presence, state.orders_ended, state.intervals)
            for state in run.states]


def scenarios(*profiles):
    for profile in profiles:
        for seed in range(SEED, SEED + CASES):
            scenario = parse(json.dumps(generate.scenario(seed, profile)))
            if not scenario.sampled:
                yield f"{profile} seed {seed}", scenario


class Properties(unittest.TestCase):
    def test_every_event(self):
        for name, scenario in scenarios(*generate.PROFILES):
            for policy in policies.POLICIES:
                with self.subTest(scenario=name, policy=policy):
                    run = WatchedRun(scenario, policy).run()
                    for state in run.states:
                        self.look_at_peer(scenario, state)

    def look_at_peer(self, scenario, state):
        if is_healthy(scenario, state.peer):
            self.assertEqual(state.outcome, "ok")
        complete = state.outcome == "ok"
        self.assertEqual(state.merged is not None, complete and state.peer.queue is not None)
        if state.merged is not None:
            self.assertGreaterEqual(state.merged, state.end)
        self.assertEqual(state.presence, sum(row.end - row.start for row in state.intervals))
        for one, other in zip(state.intervals, state.intervals[1:]):
            self.assertLessEqual(one.end, other.start)

    def test_a_queue_of_ones_own_changes_nothing(self):
        for name, scenario in scenarios("full"):
            alone = copy.deepcopy(scenario)
            for peer in alone.peers:
                peer.queue = (peer.repository, peer.base_ref, peer.name)
            for policy in policies.POLICIES:
                with self.subTest(scenario=name, policy=policy):
                    self.assertEqual(rows(Run(scenario, policy).run()),
                                     rows(WatchedRun(alone, policy).run()))

    def test_a_wide_queue_that_touches_nothing_changes_nothing(self):
        for name, scenario in scenarios("queue"):
            scenario.window_start, scenario.window_floor = len(scenario.peers), 1
            for peer in scenario.peers:
                peer.touches, peer.breaks, peer.departure = {}, {}, None
            for step in scenario.steps:
                step.broken = step.flaky = False
            independent = copy.deepcopy(scenario)
            for peer in independent.peers:
                peer.queue = None
            for policy in policies.POLICIES:
                with self.subTest(scenario=name, policy=policy):
                    self.assertEqual(rows(Run(independent, policy).run()),
                                     rows(WatchedRun(scenario, policy).run()))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        CASES, SEED = int(sys.argv[1]), int((sys.argv + ["0"])[2])
    unittest.main(argv=sys.argv[:1])
