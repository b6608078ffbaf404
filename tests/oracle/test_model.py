#!/usr/bin/python3
"""The oracle against cases worked out by hand. Times in the comments are seconds."""

import sys

sys.dont_write_bytecode = True

import json
import unittest
from fractions import Fraction

import results
from model import Run
from policies import REST
from scenario import Unsupported, duration, parse


def scenario(steps, peers, **more):
    """steps: id -> settings; what they leave out is build 10, fetch 1."""
    data = {
        "name": "case",
        "schema": {"id": "s", "universe": "//...", "steps": {step: f"//{step}" for step in steps}},
        "steps": {"default": {"build": 10, "fetch": 1}, **steps},
        "peers": [{"name": f"p{number}", **peer} for number, peer in enumerate(peers, start=1)],
        **more,
    }
    return parse(json.dumps(data))


def play(policy, steps, peers, **more):
    return Run(scenario(steps, peers, **more), policy).run()


def shown(run, number):
    """The intervals of peer `number` as 'kind step start-end', times in seconds; a duplicate has a
    star."""
    text = []
    for item in run.states[number - 1].intervals:
        if item.step == REST or item.step is None:
            step = item.step or ""
        else:
            step = run.scenario.steps[item.step].id
        times = [f"{time / 10**9:g}" for time in (item.start, item.end)]
        star = "*" if item.outcome == "duplicate" else ""
        text.append(f"{item.kind} {step} {'-'.join(times)}{star}".replace("  ", " "))
    return text


class Case(unittest.TestCase):
    def see(self, run, number, *expected):
        self.assertEqual(shown(run, number), list(expected))

    def ends(self, run, *expected):
        self.assertEqual([state.completion / 10**9 for state in run.states], list(expected))


SIX = {step: {"build": "10m", "fetch": "100s"} for step in "123456"}


class ThreeStrategies(Case):
    """Section 1: three peers, six steps, 600 to build one, 100 to fetch one."""

    def total(self, policy):
        run = play(policy, SIX, [{"count": 3}])
        return results.run_row(run.scenario, policy, 1, run)

    def test_linear(self):
        # 6 x 600 = 3600, then 6 x 100 twice: 4800. Turnarounds 3600, 4200, 4800; the waits are
        # 3600 and 4200; 7 orders a peer.
        total = self.total("linear")
        self.assertEqual(total["makespan_s"], "4800.000000000")
        self.assertEqual(total["mean_turnaround_s"], "4200.000000000")
        self.assertEqual(total["p95_turnaround_s"], "4800.000000000")
        self.assertEqual(total["busy_s"], "4800.000000000")
        self.assertEqual(total["wait_s"], "7800.000000000")
        self.assertEqual(total["machine_s"], "12600.000000000")
        self.assertEqual([total["builds"], total["duplicate_builds"], total["fetches"]],
                         ["6", "0", "12"])
        self.assertEqual(total["events"], "21")

    def test_parallel(self):
        # All three build each step from 0, 600, ...: 3600; the first publishes, two duplicate.
        total = self.total("parallel")
        self.assertEqual(total["makespan_s"], "3600.000000000")
        self.assertEqual([total["builds"], total["duplicate_builds"], total["fetches"]],
                         ["18", "12", "0"])

    def test_directed(self):
        # Peers 1, 2, 3 build 1, 2, 3 then 4, 5, 6 until 1200, then fetch four each: 1600. Then
        # peer 1 builds the rest in no time, before peer 2 starts: that one fetches it.
        run = play("directed", SIX, [{"count": 3}])
        self.assertEqual(self.total("directed")["makespan_s"], "1600.000000000")
        self.see(run, 2, "build 2 0-600", "build 5 600-1200", "fetch 1 1200-1300",
                 "fetch 3 1300-1400", "fetch 4 1400-1500", "fetch 6 1500-1600",
                 "fetch universe 1600-1600")

    def test_universe(self):
        # One order a peer, the same builds as parallel.
        total = self.total("universe")
        self.assertEqual(total["makespan_s"], "3600.000000000")
        self.assertEqual(total["events"], "3")


class Ties(Case):
    def test_published_before_anybody_looks(self):
        # Peer 2 builds 1 in 0-10 (peer 1 arrives at 10): at 10 the completion (class 0) comes
        # before the arrival (2) and the start (3), so peer 1 fetches though its place is first.
        run = play("parallel", {"1": {}}, [{"arrival": 10}, {"arrival": 0}])
        self.see(run, 1, "fetch 1 10-11", "fetch universe 11-11")
        self.see(run, 2, "build 1 0-10", "build universe 10-10")

    def test_completions_in_the_scenarios_order(self):
        # Both build 1 until 10. Peer 1's completion is first: peer 2's is the duplicate.
        # At 10 the rest: peer 1 starts its build of zero length, which completes (class 0) before
        # peer 2 starts: peer 2 fetches the rest.
        run = play("parallel", {"1": {}}, [{}, {}])
        self.see(run, 1, "build 1 0-10", "build universe 10-10")
        self.see(run, 2, "build 1 0-10*", "fetch universe 10-10")

    def test_zero_length_build_serves_the_next_peer_at_once(self):
        # Peer 1 builds 1 in no time, then 2, then the rest, before peer 2 looks at anything.
        run = play("universe", {"1": {"build": 0}, "2": {"build": 0}}, [{}, {}])
        self.see(run, 1, "build 1 0-0", "build 2 0-0", "build universe 0-0")
        self.see(run, 2, "fetch 1 0-1", "fetch 2 1-2", "fetch universe 2-2")

    def test_zero_length_publication_wakes_an_earlier_peer_before_a_later_one(self):
        # Directed, overhead 5. Peer 2 is ordered 1 at 0 and builds it in no time at 5. Peer 1, from
        # 1 on, waits for it; peer 3 arrives at 5 (class 2), before peer 2 reaches 1 (class 3).
        # At 5, after 1 is published, starts are pending for all three: peer 1 gets 2 (5-10, fetch
        # 10-11, 11-21), peer 2 waits, peer 3 fetches 1 (5-10-11) and waits. At 21 peers 2 and 3
        # fetch 2 (21-26-27), peer 1 builds the rest at 26, which the others fetch at 32.
        run = play("directed", {"1": {"build": 0}, "2": {"after": ["1"]}},
                   [{"arrival": 1}, {}, {"arrival": 5}], overhead=5)
        self.see(run, 1, "wait 1-5", "overhead 2 5-10", "fetch 1 10-11", "build 2 11-21",
                 "overhead universe 21-26", "build universe 26-26")
        self.see(run, 2, "overhead 1 0-5", "build 1 5-5", "wait 5-21", "overhead 2 21-26",
                 "fetch 2 26-27", "overhead universe 27-32", "fetch universe 32-32")
        self.see(run, 3, "overhead 1 5-10", "fetch 1 10-11", "wait 11-21", "overhead 2 21-26",
                 "fetch 2 26-27", "overhead universe 27-32", "fetch universe 32-32")

    def test_zero_lengths_in_the_scenarios_order(self):
        # Directed. Steps 1 (build 0), 2 (build 10) after 1; all fetches 0.
        # Peer 1 has the cache a, alone. Peers 2, 3, 4 share b, and arrive at 5, 0, 5.
        # Peer 3 at 0: builds 1 in no time, then gets 2: 0-10. Peer 2 at 5: fetches 1, waits, as
        # does peer 4. At 10 peer 3's 2 is published: in the scenario's order 2, 3, 4.
        # Peer 2 fetches 2 and builds the rest at 10 in no time; 3 and 4 fetch it.
        steps = {"1": {"build": 0, "fetch": 0}, "2": {"fetch": 0, "after": ["1"]}}
        run = play("directed", steps, [{"cache_id": "a"}, {"cache_id": "b", "arrival": 5},
                                       {"cache_id": "b"}, {"cache_id": "b", "arrival": 5}])
        self.see(run, 1, "build 1 0-0", "build 2 0-10", "build universe 10-10")
        self.see(run, 2, "fetch 1 5-5", "wait 5-10", "fetch 2 10-10", "build universe 10-10")
        self.see(run, 3, "build 1 0-0", "build 2 0-10", "fetch universe 10-10")
        self.see(run, 4, "fetch 1 5-5", "wait 5-10", "fetch 2 10-10", "fetch universe 10-10")

    def test_woken_and_free_peers_ask_in_the_scenarios_order(self):
        # Steps 1 (10), 2 after 1, 3 after 1, both 10. Directed: peer 3 arrives at 0 and builds 1;
        # peers 1 and 2 come at 2 and wait. At 10: peer 1 gets 2, peer 2 gets 3 (nobody gives
        # peer 3 precedence because it was working); peer 3 waits until 20. Peers 1 and 2
        # fetch 1 (10-11) on the way to their steps, which end at 21.
        steps = {"1": {}, "2": {"after": ["1"]}, "3": {"after": ["1"]}}
        run = play("directed", steps, [{"arrival": 2}, {"arrival": 2}, {}])
        self.see(run, 1, "wait 2-10", "fetch 1 10-11", "build 2 11-21", "fetch 3 21-22",
                 "build universe 22-22")
        self.see(run, 2, "wait 2-10", "fetch 1 10-11", "build 3 11-21", "fetch 2 21-22",
                 "fetch universe 22-22")
        self.see(run, 3, "build 1 0-10", "wait 10-21", "fetch 2 21-22", "fetch 3 22-23",
                 "fetch universe 23-23")

    def test_ask_in_vain_does_not_split_a_wait(self):
        # Steps 1 (10), 2 (20). Peer 1 builds 1, peer 2 builds 2, peer 3 waits 0-10, fetches 1
        # (10-11) and waits 11-20; peer 1 waits 10-20. Peer 4 touches both wholly: at speed 2 its
        # own 1 ends at 5, its 2 and its rest at 15, which wakes them in vain.
        run = play("directed", {"1": {}, "2": {"build": 20}},
                   [{}, {}, {}, {"touches": {"1": 1, "2": 1}, "speed": 2}])
        self.see(run, 4, "build 1 0-5", "build 2 5-15", "build universe 15-15")
        self.see(run, 3, "wait 0-10", "fetch 1 10-11", "wait 11-20", "fetch 2 20-21",
                 "fetch universe 21-21")
        self.see(run, 1, "build 1 0-10", "wait 10-20", "fetch 2 20-21", "build universe 21-21")


class Prerequisites(Case):
    # The schema's order 1, 2, 3; 1 comes after 3 and 2, which come after nothing.
    STEPS = {"1": {"after": ["3", "2"]}, "2": {}, "3": {"build": 20}}

    def test_order_goes_through_its_prerequisites_in_the_schemas_order(self):
        # Parallel orders 1 first: through 2 (0-10), 3 (10-30), then 1 (30-40). 2 orders in all.
        run = play("parallel", self.STEPS, [{}])
        self.see(run, 1, "build 2 0-10", "build 3 10-30", "build 1 30-40",
                 "build universe 40-40")
        self.assertEqual(run.states[0].orders_ended, 2)

    def test_universe_goes_in_dependency_order(self):
        # 4 comes first in the schema but after 1; 1 after 3: 2 is the first without, then 3, then
        # 1, then 4 at once, as it is the first in the schema that is free, then 5.
        steps = {"4": {"after": ["1"]}, "1": {"after": ["3"]}, "2": {}, "3": {}, "5": {}}
        run = play("universe", steps, [{}])
        self.see(run, 1, "build 2 0-10", "build 3 10-20", "build 1 20-30", "build 4 30-40",
                 "build 5 40-50", "build universe 50-50")

    def test_directed_orders_what_is_ready(self):
        # Peer 1 gets 2 (0-10), peer 2 gets 3 (0-20); peer 1 has nothing ready or published at 10
        # and waits. At 20 both ask: peer 1 gets 1, fetching 3 on the way (20-21, 21-31).
        # Peer 2 fetches 2 (20-21), then waits for 1 until 31.
        run = play("directed", self.STEPS, [{}, {}])
        self.see(run, 1, "build 2 0-10", "wait 10-20", "fetch 3 20-21", "build 1 21-31",
                 "build universe 31-31")
        self.see(run, 2, "build 3 0-20", "fetch 2 20-21", "wait 21-31", "fetch 1 31-32",
                 "fetch universe 32-32")

    def test_ordered_counts_as_being_built_while_prerequisites_are_fetched(self):
        # 2 comes after 1, whose fetch takes 5. Peer 1 builds 1 (0-10) and goes on with 2 (10-20).
        # With peer 2 there at 10 in front of it: peer 2's place is 1. At 10 it is ordered 2,
        # fetches 1 until 15 and builds 2 until 25. The other, free at 10, must wait, as 2 counts
        # as being built from 10 on.
        run = play("directed", {"1": {"fetch": 5}, "2": {"after": ["1"]}}, [{"arrival": 10}, {}])
        self.see(run, 1, "fetch 1 10-15", "build 2 15-25", "build universe 25-25")
        self.see(run, 2, "build 1 0-10", "wait 10-25", "fetch 2 25-26", "fetch universe 26-26")

    def test_two_builders_of_a_prerequisite_under_parallel(self):
        # Peer 2 comes at 4: 2 is not published yet: builds it, too, until 14: a duplicate, as
        # peer 1 published it at 10. Then 3: builds 14-34, peer 1 from 10 to 30: duplicate.
        # Peer 1 builds 1 from 30 to 40, peer 2 from 34 to 44.
        run = play("parallel", self.STEPS, [{}, {"arrival": 4}])
        self.see(run, 2, "build 2 4-14*", "build 3 14-34*", "build 1 34-44*",
                 "fetch universe 44-44")


class Touches(Case):
    def test_whole_touch_never_fetches(self):
        # Peer 2 comes at 40, all is published; it touches 1 wholly, and 2 comes after 1. It builds
        # 1 (40-50) and 2 (50-60), fetches 3 (60-61), and builds its own rest (7): 61-68.
        # Busy 10 + 10 + 1 + 7 = 28.
        run = play("universe", {"1": {}, "2": {"after": ["1"]}, "3": {}},
                   [{}, {"arrival": 40, "touches": {"1": 1}}], rest={"build": 7, "fetch": 2})
        self.see(run, 2, "build 1 40-50", "build 2 50-60", "fetch 3 60-61",
                 "build universe 61-68")
        row = results.peer_row(run.scenario, "universe", 1, run.states[1])
        self.assertEqual([row["builds"], row["fetches"], row["busy_s"]],
                         ["2", "1", "28.000000000"])

    def test_what_a_toucher_publishes_helps_nobody(self):
        # Peer 1 touches 1 and builds its own until 10. Peer 2, from 10 on, builds 1: not a
        # duplicate, as the untouched artifact was missing.
        run = play("parallel", {"1": {}}, [{"touches": {"1": 1}}, {"arrival": 10}])
        self.see(run, 1, "build 1 0-10", "build universe 10-10")
        self.see(run, 2, "build 1 10-20", "build universe 20-20")

    def test_fraction_of_a_published_step(self):
        # Fetch 1 + 0.25 x 10 / speed 0.5 = 1 + 5 = 6, as one build.
        run = play("parallel", {"1": {}},
                   [{}, {"arrival": 10, "touches": {"1": 0.25}, "speed": 0.5}])
        self.see(run, 2, "build 1 10-16", "build universe 16-16")

    def test_fraction_of_an_unpublished_step_is_whole(self):
        # Peer 1 publishes the untouched 1 at 10; peer 2 reached it at 9: whole, 10 / 0.5 = 20.
        run = play("parallel", {"1": {}},
                   [{}, {"arrival": 9, "touches": {"1": 0.25}, "speed": 0.5}])
        self.see(run, 2, "build 1 9-29", "build universe 29-29")

    def test_fraction_of_one_is_whole(self):
        run = play("parallel", {"1": {}}, [{}, {"arrival": 10, "touches": {"1": 1.0}}])
        self.see(run, 2, "build 1 10-20", "build universe 20-20")

    def test_after_a_touched_step(self):
        # 1 is touched by 0.1, 2 comes after it untouched: whole; 3 comes after 2 and is touched
        # by 0.5: its fraction. Peer 1 publishes all by 30. From 30 on: 1 + 0.1 x 10 = 2: 32;
        # 10: 42; 1 + 5 = 6: 48.
        steps = {"1": {}, "2": {"after": ["1"]}, "3": {"after": ["2"]}}
        run = play("parallel", steps, [{}, {"arrival": 30, "touches": {"1": 0.1, "3": 0.5}}])
        self.see(run, 2, "build 1 30-32", "build 2 32-42", "build 3 42-48",
                 "build universe 48-48")

    def test_directed_waits_for_the_untouched_artifact(self):
        # Peer 1 builds 1 (0-10). Peer 2 touches 1 by 0.5: 1 is not ready for it: it gets 2
        # (0-4). At 4 it waits until 10, then 1 + 5 = 6: 16. Peer 1 fetches 2 at 10.
        run = play("directed", {"1": {}, "2": {"build": 4}}, [{}, {"touches": {"1": 0.5}}])
        self.see(run, 1, "build 1 0-10", "fetch 2 10-11", "build universe 11-11")
        self.see(run, 2, "build 2 0-4", "wait 4-10", "build 1 10-16", "build universe 16-16")

    def test_directed_does_not_wait_if_wholly_touched(self):
        run = play("directed", {"1": {}}, [{}, {"touches": {"1": 1}}])
        self.see(run, 2, "build 1 0-10", "build universe 10-10")

    def test_directed_does_not_wait_for_what_nobody_builds(self):
        # The toucher is first: the untouched 1 is missing and built by nobody: a whole build,
        # while peer 2 builds the untouched one at the same time.
        run = play("directed", {"1": {}}, [{"touches": {"1": 0.5}}, {}])
        self.see(run, 1, "build 1 0-10", "build universe 10-10")
        self.see(run, 2, "build 1 0-10", "build universe 10-10")

    def test_untouched_artifact_counts_as_built_from_the_order_on(self):
        # Overhead 3. Peer 1 is ordered 1 at 0 and builds it in 3-13. Peer 2 (fraction 0.5, comes
        # at 1) waits from 1 to 13, pays 3, then 1 + 5: 16-22. The rest pays an overhead as well.
        run = play("directed", {"1": {}}, [{}, {"arrival": 1, "touches": {"1": 0.5}}], overhead=3)
        self.see(run, 1, "overhead 1 0-3", "build 1 3-13", "overhead universe 13-16",
                 "build universe 16-16")
        self.see(run, 2, "wait 1-13", "overhead 1 13-16", "build 1 16-22",
                 "overhead universe 22-25", "build universe 25-25")

    def test_published_during_the_overhead(self):
        # The toucher, first, is ordered 1 at 0 (overhead 6 at speed 0.5 = 12) and reaches it at
        # 12. Peer 2 is ordered the untouched one (overhead 6 / 4 = 1.5, build 10 / 4 = 2.5), which
        # is published at 4: the toucher pays 1 + 0.5 x 10 / 0.5 = 11: 12-23.
        run = play("directed", {"1": {}}, [{"touches": {"1": 0.5}, "speed": 0.5}, {"speed": 4}],
                   overhead=6)
        self.see(run, 1, "overhead 1 0-12", "build 1 12-23", "overhead universe 23-35",
                 "build universe 35-35")
        self.see(run, 2, "overhead 1 0-1.5", "build 1 1.5-4", "overhead universe 4-5.5",
                 "build universe 5.5-5.5")

    def test_prerequisite_that_is_private(self):
        # 2 comes after 1; peer 2 touches 1 wholly. Directed, peer 2 comes at 20 with both
        # published untouched: its 1 is ready: 20-30; then its 2, private and whole: 30-40.
        run = play("directed", {"1": {}, "2": {"after": ["1"]}},
                   [{}, {"arrival": 20, "touches": {"1": 1}}])
        self.see(run, 2, "build 1 20-30", "build 2 30-40", "build universe 40-40")


class Rest(Case):
    REST = {"build": 6, "fetch": 2}

    def test_untouched_peers_share_it(self):
        # Linear: peer 1 builds 1 and the rest until 16, peer 2 fetches both: 16-17-19. Peer 3
        # touches 1: builds its own: 19-29-35. Peer 4 fetches: 35-36-38.
        run = play("linear", {"1": {}}, [{}, {}, {"touches": {"1": 1}}, {}], rest=self.REST)
        self.see(run, 1, "build 1 0-10", "build universe 10-16")
        self.see(run, 2, "wait 0-16", "fetch 1 16-17", "fetch universe 17-19")
        self.see(run, 3, "wait 0-19", "build 1 19-29", "build universe 29-35")
        self.see(run, 4, "wait 0-35", "fetch 1 35-36", "fetch universe 36-38")

    def test_is_neither_build_nor_fetch_but_busy(self):
        run = play("linear", {"1": {}}, [{}, {}], rest=self.REST)
        total = results.run_row(run.scenario, "linear", 1, run)
        self.assertEqual([total["builds"], total["fetches"], total["busy_s"]],
                         ["1", "1", "19.000000000"])

    def test_built_twice_at_once_is_no_duplicate(self):
        # Directed: both hold all at 11 (peer 1 fetches 2, peer 2 fetches 1) and build the rest at
        # once: no duplicate.
        run = play("directed", {"1": {}, "2": {}}, [{}, {}], rest=self.REST)
        self.see(run, 1, "build 1 0-10", "fetch 2 10-11", "build universe 11-17")
        self.see(run, 2, "build 2 0-10", "fetch 1 10-11", "build universe 11-17")
        total = results.run_row(run.scenario, "directed", 1, run)
        self.assertEqual([total["builds"], total["duplicate_builds"]], ["2", "0"])

    def test_speed_applies_to_its_build_only(self):
        run = play("linear", {"1": {}}, [{"speed": 2}, {"speed": 2}], rest=self.REST)
        self.see(run, 1, "build 1 0-5", "build universe 5-8")
        self.see(run, 2, "wait 0-8", "fetch 1 8-9", "fetch universe 9-11")


class Lengths(Case):
    def lengths(self, build, speed, **more):
        run = play("universe", {"1": {"build": build}}, [{"speed": speed, **more}])
        return [item.end - item.start for item in run.states[0].intervals]

    def test_rounded_once_halves_up(self):
        # 3 ns / 2 = 1.5 -> 2; 1 ns / 2 = 0.5 -> 1; 1 ns / 3 -> 0; 5 ns / 3 = 1.67 -> 2.
        self.assertEqual(self.lengths(3e-9, 2), [2, 0])
        self.assertEqual(self.lengths(1e-9, 2), [1, 0])
        self.assertEqual(self.lengths(1e-9, 3), [0, 0])
        self.assertEqual(self.lengths(5e-9, 3), [2, 0])

    def test_decimal_speed_is_exact(self):
        # 10 / 0.7 = 14.2857142857142857 s.
        self.assertEqual(self.lengths(10, 0.7), [14285714286, 0])

    def test_fraction_and_fetch_are_rounded_together(self):
        # Fetch 1.5 ns, build 5 ns: 1.5 + 0.5 x 5 = 4 (rounded apart: 2 + 3 = 5);
        # 1.5 + 0.25 x 5 / 3 = 1.92 -> 2; 1.5 + 0.1 x 5 / 0.5 = 2.5 -> 3.
        steps = {"1": {"build": 5e-9, "fetch": 1.5e-9}}
        for fraction, speed, expected in ((0.5, 1, 4), (0.25, 3, 2), (0.1, 0.5, 3)):
            run = play("universe", steps, [
                {}, {"arrival": 1, "touches": {"1": fraction}, "speed": speed}])
            item = run.states[1].intervals[0]
            self.assertEqual(item.end - item.start, expected)

    def test_overhead_by_speed_once_an_order(self):
        # 1 / 3 s = 333333333 ns before the step and before the universe.
        run = play("parallel", {"1": {"build": 0}}, [{"speed": 3}], overhead=1)
        self.assertEqual([(item.kind, item.end - item.start) for item in run.states[0].intervals],
                         [("overhead", 333333333), ("build", 0), ("overhead", 333333333),
                          ("build", 0)])

    def test_zero_overhead_is_no_row(self):
        run = play("parallel", {"1": {}}, [{}], overhead=0)
        self.assertNotIn("overhead", {item.kind for item in run.states[0].intervals})

    def test_durations(self):
        for value, expected in (("1m30s", 90), ("250ms", Fraction(1, 4)), ("1h30m", 5400), (3, 3),
                                ({"constant": {"value": "2s"}}, 2)):
            self.assertEqual(duration(value), expected * 10**9)
        self.assertIsNone(duration({"exponential": {"mean": 2}}))


class Linear(Case):
    def test_queue_by_arrival_then_scenario(self):
        # Arrivals 5, 3, 5, 3: order 2, 4, 1, 3. One step: 3-13, fetches 13-14, 14-15, 15-16.
        run = play("linear", {"1": {}}, [{"arrival": {"times": [5, 3, 5, 3]}}])
        self.ends(run, 15, 13, 16, 14)
        self.see(run, 3, "wait 5-15", "fetch 1 15-16", "fetch universe 16-16")

    def test_idle_line(self):
        # Peer 2 comes at 50, when nobody is there: no wait.
        run = play("linear", {"1": {}}, [{}, {"arrival": 50}])
        self.see(run, 2, "fetch 1 50-51", "fetch universe 51-51")

    def test_arrival_at_the_instant_of_completion(self):
        # Peer 1 (place first, arrival 10) comes as peer 3 completes; peer 2 waits since 1.
        # The arrival order puts peer 2 first: 10-11; then peer 1: 11-12.
        run = play("linear", {"1": {}}, [{"arrival": 10}, {"arrival": 1}, {}])
        self.ends(run, 12, 11, 10)

    def test_cohorts_are_lines_of_their_own(self):
        # a: peers 1 and 3; b: peer 2; the same cache at another base ref: peer 4; none: 5 and 6.
        run = play("linear", {"1": {}}, [
            {"cache_id": "a"}, {"cache_id": "b"}, {"cache_id": "a"},
            {"cache_id": "a", "base_ref": "next"}, {}, {}])
        self.ends(run, 10, 10, 11, 10, 10, 11)


class Priorities(Case):
    # 1 (5), 2 (20) , 3 (10) after 1, 4 (1) after 3, 5 (20).
    STEPS = {"1": {"build": 5}, "2": {"build": 20}, "3": {"build": 10, "after": ["1"]},
             "4": {"build": 1, "after": ["3"]}, "5": {"build": 20}}

    def order(self, policy):
        run = play(policy, self.STEPS, [{}])
        return "".join(run.scenario.steps[item.step].id for item in run.states[0].intervals
                       if item.step != REST)

    def test_one_peer(self):
        # directed: the first ready: 1, 2, 3, 4, 5.
        self.assertEqual(self.order("directed"), "12345")
        # longest: 2 and 5 tie at 20, by the schema's order; then 1 (3 is not ready), 3, 4.
        self.assertEqual(self.order("longest"), "25134")
        # shortest: 4 is not ready: 1 (5); then 3 (10); then 4 (1); then 2, 5.
        self.assertEqual(self.order("shortest"), "13425")
        # critical-path: ranks 1: 5 + 10 + 1 = 16, 2: 20, 3: 11, 4: 1, 5: 20: 2, 5, 1, 3, 4.
        self.assertEqual(self.order("critical-path"), "25134")
        # most-unlocked: 1: two (3, 4), 3: one; 2, 4, 5: none: 1, 3, 2, 4, 5.
        self.assertEqual(self.order("most-unlocked"), "13245")

    def test_critical_path_takes_the_largest_branch(self):
        # 1 (1) leads to 2 (3) and 3 (9): rank 10. 4 (8) leads to 5 (1): rank 9. So 1, then 3 (9)
        # and 4 (9) tie: 3 first; then 4, 2 (3), 5 (1). Estimates ignore the speed.
        steps = {"1": {"build": 1}, "2": {"build": 3, "after": ["1"]},
                 "3": {"build": 9, "after": ["1"]}, "4": {"build": 8},
                 "5": {"build": 1, "after": ["4"]}}
        run = play("critical-path", steps, [{"speed": 7}])
        self.assertEqual([item.step for item in run.states[0].intervals], [0, 2, 3, 1, 4, REST])

    def test_fetches_in_the_same_order(self):
        # longest, peer 2 at 100: all published: fetches 2, 5, 3 (through 1), 4.
        run = play("longest", self.STEPS, [{}, {"arrival": 100}])
        self.assertEqual([item.step for item in run.states[1].intervals], [1, 4, 0, 2, 3, REST])

    def test_fetching_what_comes_after_fetches_its_prerequisites_in_one_order(self):
        # The fetch of 3 (10) is ordered before that of 1 (5): one order goes through 1, then 3.
        # Orders of peer 2: 2, 5, 3 (with 1), 4, universe: five.
        run = play("longest", self.STEPS, [{}, {"arrival": 100}])
        self.assertEqual(run.states[1].orders_ended, 5)


class Refused(unittest.TestCase):
    def test_what_is_not_modelled(self):
        with self.assertRaises(Unsupported):
            play("parallel", {"1": {"hit_rate": 0.5}}, [{}])
        with self.assertRaises(Unsupported):
            play("parallel", {"1": {"build": {"exponential": {"mean": 1}}}}, [{}])
        with self.assertRaises(Unsupported):
            play("parallel", {"1": {"after": ["2"]}, "2": {"after": ["1"]}}, [{}])


if __name__ == "__main__":
    unittest.main()
