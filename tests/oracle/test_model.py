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
    star, a failed build a !, and what was aborted a ?."""
    text = []
    for item in run.states[number - 1].intervals:
        if item.step == REST or item.step is None:
            step = item.step or ""
        else:
            step = run.scenario.steps[item.step].id
        times = [f"{time / 10**9:g}" for time in (item.start, item.end)]
        star = {"ok": "", "duplicate": "*", "failed": "!", "aborted": "?"}[item.outcome]
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


class Hits(Case):
    def test_a_miss_is_a_whole_build_and_a_duplicate(self):
        # Peer 2 comes at 10: 1 is published, its fetch misses: 10 / 2 = 5. The artifact stays
        # published: no change for peer 3. The rest never misses: fetched in 0.
        run = play("parallel", {"1": {"hit_rate": 0}},
                   [{}, {"arrival": 10, "speed": 2}, {"arrival": 12}])
        self.see(run, 1, "build 1 0-10", "build universe 10-10")
        self.see(run, 2, "build 1 10-15*", "fetch universe 15-15")
        self.see(run, 3, "build 1 12-22*", "fetch universe 22-22")
        total = results.run_row(run.scenario, "parallel", 1, run)
        self.assertEqual([total["builds"], total["duplicate_builds"], total["fetches"]],
                         ["3", "2", "0"])

    def test_a_fraction_whose_fetch_misses_is_whole(self):
        # And no duplicate: it is the first of its variant.
        run = play("parallel", {"1": {"hit_rate": 0}}, [{}, {"arrival": 10, "touches": {"1": 0.5}}])
        self.see(run, 2, "build 1 10-20", "build universe 20-20")

    def test_directed_orders_two_to_fetch_what_both_build(self):
        # Peers 1 and 2 build 1 and 2 until 10 and "fetch" the other: 10-20, duplicates.
        run = play("directed", {"1": {"hit_rate": 0}, "2": {"hit_rate": 0}}, [{}, {}])
        self.see(run, 1, "build 1 0-10", "build 2 10-20*", "build universe 20-20")
        self.see(run, 2, "build 2 0-10", "build 1 10-20*", "fetch universe 20-20")


class Publishes(Case):
    def test_what_it_builds_helps_nobody(self):
        # Peer 1 builds 1 and the rest (0-10-13) for itself; peer 2 at 13 builds both; peer 1 is
        # gone. Peer 3 does not publish but fetches: 26-27, rest 27-29.
        run = play("linear", {"1": {}}, [{"publishes": False}, {}, {"publishes": False}],
                   rest={"build": 3, "fetch": 2})
        self.see(run, 1, "build 1 0-10", "build universe 10-13")
        self.see(run, 2, "wait 0-13", "build 1 13-23", "build universe 23-26")
        self.see(run, 3, "wait 0-26", "fetch 1 26-27", "fetch universe 27-29")

    def test_its_build_is_a_duplicate_too(self):
        # Peer 2, at speed 2, publishes 1 at 5.
        run = play("parallel", {"1": {}}, [{"publishes": False}, {"speed": 2}])
        self.see(run, 1, "build 1 0-10*", "fetch universe 10-10")

    def test_directed_treats_its_builds_as_built_by_nobody(self):
        # Peer 1 is ordered 1 and builds it in 0-10. For peer 2, 1 is missing and built by nobody:
        # 0-10, too; no duplicate for it, as peer 1 published nothing; peer 1 ended first, so its
        # is none either. At 10 peer 1 holds 1: 2 is ready (its prerequisite is held), and it is
        # ordered that; it is built by nobody: peer 2, too. Then at 20 the rest: peer 1 builds it
        # (0 s, unpublished), peer 2 builds it.
        steps = {"1": {}, "2": {"after": ["1"]}}
        run = play("directed", steps, [{"publishes": False}, {}])
        for number in (1, 2):
            self.see(run, number, "build 1 0-10", "build 2 10-20", "build universe 20-20")

    def test_its_own_prerequisites_count_as_held(self):
        # Nobody else: 2 comes after 1, which is held but never published.
        run = play("directed", {"2": {"after": ["1"]}, "1": {}}, [{"publishes": False}])
        self.see(run, 1, "build 1 0-10", "build 2 10-20", "build universe 20-20")

    def test_it_waits_for_what_another_builds(self):
        # Peer 1 is ordered 1: built by somebody; peer 2 has nothing to do until 10.
        run = play("directed", {"1": {}}, [{}, {"publishes": False}])
        self.see(run, 2, "wait 0-10", "fetch 1 10-11", "fetch universe 11-11")

    def test_a_fraction_does_not_wait_for_it(self):
        # Nobody (that counts) builds the untouched artifact: whole, at once.
        run = play("directed", {"1": {}}, [{"publishes": False}, {"touches": {"1": 0.5}}])
        self.see(run, 2, "build 1 0-10", "build universe 10-10")


class Parts(Case):
    STEPS = {"1": {"build": 12, "fetch": 3, "parts": 3}}

    def test_a_later_peer_catches_up_in_the_middle(self):
        # Parts of 4, fetched in 1. Peer 1 publishes at 4, 8, 12. Peer 2, at 5: fetches part 1
        # (5-6); part 2 is missing at 6: 6-10, published meanwhile (8): a duplicate; part 3 at 10
        # is missing: 10-14: a duplicate (12). One row of builds. Peer 3, at 9, fetches parts 1
        # and 2: 9-11; part 3 is missing at 11: 11-15.
        # Peer 4, at 12, fetches all three in one row.
        run = play("parallel", self.STEPS, [{}, {"arrival": 5}, {"arrival": 9}, {"arrival": 12}])
        self.see(run, 1, "build 1 0-12", "build universe 12-12")
        self.see(run, 2, "fetch 1 5-6", "build 1 6-14*", "fetch universe 14-14")
        self.see(run, 3, "fetch 1 9-11", "build 1 11-15*", "fetch universe 15-15")
        self.see(run, 4, "fetch 1 12-15", "fetch universe 15-15")
        total = results.run_row(run.scenario, "parallel", 1, run)
        self.assertEqual([total["builds"], total["duplicate_builds"], total["fetches"]],
                         ["3", "2", "3"])

    def test_build_then_fetch(self):
        # Peer 1 (speed 1) and peer 2 (speed 0.5, parts of 8): peer 2 builds part 1 in 0-8, a
        # duplicate since 4; parts 2 (8) and 3? At 8 part 2 is published: fetched 8-9; part 3 is
        # missing at 9: 9-17.
        run = play("parallel", self.STEPS, [{}, {"speed": 0.5}])
        self.see(run, 2, "build 1 0-8*", "fetch 1 8-9", "build 1 9-17*", "fetch universe 17-17")

    def test_each_part_is_rounded_by_itself(self):
        # 5 ns / 3 = 1.67 -> 2: 6 in all; fetches 4 / 3 = 1.33 -> 1: 3 in all. 7 / 2 / 3 = 1.17.
        steps = {"1": {"build": 5e-9, "fetch": 4e-9, "parts": 3}}
        run = play("universe", steps, [{}, {"arrival": 1}])
        self.assertEqual([state.intervals[0].end - state.intervals[0].start
                          for state in run.states], [6, 3])

    def test_a_fraction_for_each_part(self):
        # Half of every part. Peer 1 publishes at 4, 8, 12. Peer 2, at 6: part 1: 1 + 2 = 3: 9;
        # part 2: 3: 12; part 3 is published at 12: 3: 15. One row.
        run = play("parallel", self.STEPS, [{}, {"arrival": 6, "touches": {"1": 0.5}}])
        self.see(run, 2, "build 1 6-15", "build universe 15-15")
        # At 3 it is whole for part 1 (3-7), for part 2 not yet published at 7 as well (7-11), and
        # part 3 at 11 (11-15).
        run = play("parallel", self.STEPS, [{}, {"arrival": 3, "touches": {"1": 0.5}}])
        self.see(run, 2, "build 1 3-15", "build universe 15-15")
        # Peer 1 at speed 2 publishes at 2, 4, 6; peer 2, at 1: part 1 whole 1-5, then 3 and 3.
        run = play("parallel", self.STEPS,
                   [{"speed": 2}, {"arrival": 1, "touches": {"1": 0.5}}])
        self.see(run, 2, "build 1 1-11", "build universe 11-11")

    def test_misses_for_each_part(self):
        # Peer 2, at 4: part 1 is published and misses: 4-8, a duplicate; part 2, published at 8,
        # misses: 8-12; part 3 misses: 12-16. One row.
        steps = {"1": {"build": 12, "parts": 3, "hit_rate": 0}}
        run = play("parallel", steps, [{}, {"arrival": 4}])
        self.see(run, 2, "build 1 4-16*", "fetch universe 16-16")

    def test_directed_step_is_published_when_all_parts_are(self):
        # Peer 2 waits until 12, not until 4.
        run = play("directed", self.STEPS, [{}, {}])
        self.see(run, 2, "wait 0-12", "fetch 1 12-15", "fetch universe 15-15")

    def test_two_steps_are_two_rows(self):
        run = play("universe", {"1": {"parts": 2}, "2": {"parts": 2}}, [{}])
        self.see(run, 1, "build 1 0-10", "build 2 10-20", "build universe 20-20")


class Factor(Case):
    def test_multiplies_every_build_but_no_estimate(self):
        # 10 x 1.5 / 2 = 7.5; the fraction of it 1 + 0.5 x 15 = 8.5; the rest has none: 4.
        # longest: 1 (10, though it takes 15) after 2 (12).
        steps = {"1": {"factor": 1.5}, "2": {"build": 12, "factor": {"constant": {"value": 0.5}}}}
        run = play("longest", steps, [{"speed": 2}], rest={"build": 4})
        self.see(run, 1, "build 2 0-3", "build 1 3-10.5", "build universe 10.5-12.5")
        run = play("parallel", {"1": {"factor": 1.5}},
                   [{}, {"arrival": 15, "touches": {"1": 0.5}}])
        self.see(run, 2, "build 1 15-23.5", "build universe 23.5-23.5")


class Learned(Case):
    def order(self, run, number=1):
        return "".join(run.scenario.steps[item.step].id
                       for item in run.states[number - 1].intervals
                       if item.step != REST and item.kind != "wait")

    def test_nothing_is_known_before_it_is_built(self):
        # Longest, one peer: what it lacks is unseen and therefore alike: the schema's order.
        steps = {"1": {"build": 4}, "2": {"build": 10}, "3": {"build": 7}, "4": {"build": 20}}
        run = play("longest", steps, [{}], estimates="learned")
        self.assertEqual(self.order(run), "1234")

    def test_fetches_by_what_was_seen(self):
        # Peer 2 comes later, when all are known: 4 (20), 2 (10), 3 (7), 1 (4).
        steps = {"1": {"build": 4}, "2": {"build": 10}, "3": {"build": 7}, "4": {"build": 20}}
        peers = [{}, {"arrival": 100}, {"arrival": 100, "base_ref": "next"}]
        run = play("longest", steps, peers, estimates="learned")
        self.assertEqual(self.order(run, 2), "4231")
        # The other cohort has seen nothing.
        self.assertEqual(self.order(run, 3), "1234")
        run = play("shortest", steps, peers, estimates="learned")
        self.assertEqual(self.order(run, 2), "1324")

    def test_unseen_steps_take_the_mean_of_the_means(self):
        # Longest. Peer 1 has built 1 (4) and 2 (10) by 14 and is ordered 3 (14-34). Peer 2, then,
        # touches all: 1: 4, 2: 10, 3: 7. It builds 2 (14-24), 3 (24-44), 1 (44-48). With 0 for the
        # unseen 1 would come before 3; with the longest seen 3 would tie with 2 and still be after.
        steps = {"1": {"build": 4}, "2": {"build": 10}, "3": {"build": 20}}
        touches = {step: 1 for step in steps}
        run = play("longest", steps, [{}, {"arrival": 14, "touches": touches}],
                   estimates="learned")
        self.see(run, 2, "build 2 14-24", "build 3 24-44", "build 1 44-48",
                 "build universe 48-48")
        # Shortest: 1 (14-18), then 3 (7) before 2 (10).
        run = play("shortest", steps, [{}, {"arrival": 14, "touches": touches}],
                   estimates="learned")
        self.see(run, 2, "build 1 14-18", "build 3 18-38", "build 2 38-48",
                 "build universe 48-48")

    def test_fractions_do_not_count(self):
        # Peer 1 builds 1 (10) and 2 (9): 0-19. Peer 2 touches 1 by 0.1: 19-21, counts for
        # nothing: peer 3 at 100 fetches the longest, 1 (10), first. Were it counted: (10 + 2) / 2.
        steps = {"2": {"build": 9}, "1": {}}
        peers = [{}, {"arrival": 19, "touches": {"1": 0.1}}, {"arrival": 100}]
        run = play("longest", steps, peers, estimates="learned")
        self.assertEqual(self.order(run, 3), "12")
        # Touched wholly at speed 10 it does count: (10 + 1) / 2 = 5.5.
        peers[1] = {"arrival": 19, "touches": {"1": 1}, "speed": 10}
        run = play("longest", steps, peers, estimates="learned")
        self.assertEqual(self.order(run, 3), "21")

    def test_mean_is_rounded(self):
        # 1 takes 1 ns, then 2 ns (speed 0.5, a change of it): 1.5 -> 2; 2 takes 2 ns: a tie, the
        # schema's order. Unrounded, 2 would be first.
        steps = {"1": {"build": 1e-9}, "2": {"build": 2e-9}}
        peers = [{}, {"arrival": 1, "touches": {"1": 1}, "speed": 0.5}, {"arrival": 100}]
        run = play("longest", steps, peers, estimates="learned")
        self.assertEqual(self.order(run, 3), "12")


class Broken(Case):
    def outcomes(self, run):
        return [state.outcome for state in run.states]

    def test_universe_and_parallel_know_nothing_of_it(self):
        # Each tries 1 and fails at its end. Peer 3 comes at 30 and tries as well.
        for policy in ("universe", "parallel"):
            run = play(policy, {"1": {"broken": 1}, "2": {}}, [{}, {}, {"arrival": 30}])
            self.see(run, 1, "build 1 0-10!")
            self.see(run, 2, "build 1 0-10!")
            self.see(run, 3, "build 1 30-40!")
            self.assertEqual(self.outcomes(run), ["failed"] * 3)
            total = results.run_row(run.scenario, policy, 1, run)
            self.assertEqual([total[column] for column in (
                "makespan_s", "mean_turnaround_s", "p95_turnaround_s", "busy_s", "builds",
                "failures", "events", "machine_s")],
                ["40.000000000", "", "", "30.000000000", "0", "3", "3", "30.000000000"])

    def test_directed_obtains_all_it_can_and_fails_without_trying(self):
        # 3 comes after 1. Peer 1 tries 1 (0-10!), peer 2 builds 2 (0-10), peers 3 and 4 wait. At 10
        # peer 2 (holds 2) is the first to ask: 1 is missing and built by nobody: 10-20!. Peer 3
        # fetches 2 (10-11), then waits; peer 4 too. At 20 two have found 1 broken: both fail.
        steps = {"1": {"broken": 1}, "2": {}, "3": {"after": ["1"]}}
        run = play("directed", steps, [{}, {}, {}, {}])
        self.see(run, 1, "build 1 0-10!")
        self.see(run, 2, "build 2 0-10", "build 1 10-20!")
        self.see(run, 3, "wait 0-10", "fetch 2 10-11", "wait 11-20")
        self.assertEqual([state.end // 10**9 for state in run.states], [10, 20, 20, 20])
        self.assertEqual(self.outcomes(run), ["failed"] * 4)
        row = results.peer_row(run.scenario, "directed", 1, run.states[2])
        self.assertEqual([row["completion_s"], row["turnaround_s"], row["outcome"]],
                         ["", "", "failed"])

    def test_linear_knows_of_it(self):
        # Peers 1 and 2 try in turn: 10, 20. Peer 3 builds 2 (20-30) and fails; peer 4 fetches 2
        # (30-31) and fails.
        run = play("linear", {"1": {"broken": 1}, "2": {}}, [{"count": 4}])
        self.see(run, 2, "wait 0-10", "build 1 10-20!")
        self.see(run, 3, "wait 0-20", "build 2 20-30")
        self.see(run, 4, "wait 0-30", "fetch 2 30-31")
        self.assertEqual([state.end // 10**9 for state in run.states], [10, 20, 30, 31])

    def test_a_change_that_breaks_is_private(self):
        # Peers 1 and 2 break 1 (touched wholly): two variants, each found broken by one peer only.
        # Peer 3 builds the untouched one.
        run = play("directed", {"1": {}}, [{"breaks": {"1": 1}}, {"breaks": {"1": 1}}, {}])
        self.see(run, 1, "build 1 0-10!")
        self.see(run, 2, "build 1 0-10!")
        self.see(run, 3, "build 1 0-10", "build universe 10-10")
        self.assertEqual(self.outcomes(run), ["failed", "failed", "ok"])

    def test_what_might_have_broken_is_touched(self):
        # Probability 0: touched wholly: its own artifact, of nobody else.
        run = play("parallel", {"1": {}}, [{}, {"arrival": 10, "breaks": {"1": 0}}])
        self.see(run, 2, "build 1 10-20", "build universe 20-20")

    def test_a_broken_fraction_takes_its_time(self):
        # 1 + 0.5 x 10 = 6.
        run = play("parallel", {"1": {}},
                   [{}, {"arrival": 10, "breaks": {"1": 1}, "touches": {"1": 0.5}}])
        self.see(run, 2, "build 1 10-16!")

    def test_a_broken_base_breaks_every_variant(self):
        # Peer 3 touches 1: its own variant, which nobody has found broken: it tries.
        run = play("linear", {"1": {"broken": 1}}, [{}, {}, {"touches": {"1": 1}}, {}])
        self.see(run, 3, "wait 0-20", "build 1 20-30!")
        # Peer 4 has nothing that it can obtain: it fails at 20, in no turn.
        self.see(run, 4, "wait 0-20")

    def test_failing_fraction_of_parts_looks_at_each_start(self):
        # Parts of 4 (fetched in 1); peer 1 at speed 2 publishes at 2, 4, 6. Peer 2 breaks 1 with
        # the fraction 0.5, at 1: part 1 whole 1-5, then 3 and 3: 11. Publishes nothing.
        run = play("parallel", Parts.STEPS, [
            {"speed": 2}, {"arrival": 1, "breaks": {"1": 1}, "touches": {"1": 0.5}}])
        self.see(run, 2, "build 1 1-11!")


class Flaky(Case):
    def test_retries(self):
        # Three builds of 1, the third fails the peer (2 retries). Peer 1, after each failure, is
        # the first to ask: peer 2 waits until 30, then the same.
        run = play("directed", {"1": {"flaky": 1}}, [{}, {}])
        self.see(run, 1, "build 1 0-10!", "build 1 10-20!", "build 1 20-30!")
        self.see(run, 2, "wait 0-30", "build 1 30-40!", "build 1 40-50!", "build 1 50-60!")
        total = results.run_row(run.scenario, "directed", 1, run)
        self.assertEqual([total["failures"], total["events"], total["makespan_s"]],
                         ["6", "6", "60.000000000"])

    def test_no_retries(self):
        run = play("parallel", {"1": {"flaky": 1}}, [{}], retries=0)
        self.see(run, 1, "build 1 0-10!")

    def test_the_step_goes_back(self):
        # Peer 2 fails at 10, when peer 1 has waited since 5 and asks first, by its place. Peer 1
        # asks first at 20, too, fails for good at 30; then it is peer 2's turn again.
        run = play("directed", {"1": {"flaky": 1}}, [{"arrival": 5}, {}], retries=1)
        self.see(run, 2, "build 1 0-10!", "wait 10-30", "build 1 30-40!")
        self.see(run, 1, "wait 5-10", "build 1 10-20!", "build 1 20-30!")

    def test_counts_by_step(self):
        # Both flaky, one retry. Longest: 2 (20) twice: failed at 40, 1 never tried.
        run = play("longest", {"1": {"flaky": 1}, "2": {"flaky": 1, "build": 20}}, [{}], retries=1)
        self.see(run, 1, "build 2 0-20!", "build 2 20-40!")

    def test_fails_in_the_order_of_another(self):
        # The order of 2 goes through 1, which fails: the order has ended; overheads of 1.
        run = play("parallel", {"2": {"after": ["1"]}, "1": {"flaky": 1}}, [{}], retries=1,
                   overhead=1)
        self.see(run, 1, "overhead 2 0-1", "build 1 1-11!", "overhead 2 11-12", "build 1 12-22!")

    def test_parts_are_published_by_none(self):
        # The whole build of three parts of 4; held parts: none. Aborted by the departure at 20 in
        # its second try, although 20 is between two parts (12, 16, 20, 24).
        steps = {"1": {"build": 12, "fetch": 3, "parts": 3, "flaky": 1}}
        run = play("parallel", steps, [{"leaves": 20, "returns": 5}])
        self.see(run, 1, "build 1 0-12!", "build 1 12-20?", "build 1 25-37!", "build 1 37-49!")
        self.assertEqual(run.states[0].orders_ended, 4)

    def test_broken_and_flaky_is_broken(self):
        run = play("parallel", {"1": {"flaky": 1, "broken": 1}}, [{}])
        self.see(run, 1, "build 1 0-10!")


class Departures(Case):
    def test_aborted_and_returned(self):
        # Leaves at 13 within 2; held: 1. Returns at 20: 2 again (20-30). Turnaround 30, present 23,
        # no wait; orders: 1, 2 (aborted), 2, universe.
        run = play("parallel", {"1": {}, "2": {}}, [{"leaves": 13, "returns": 7}])
        self.see(run, 1, "build 1 0-10", "build 2 10-13?", "build 2 20-30",
                 "build universe 30-30")
        total = results.run_row(run.scenario, "parallel", 1, run)
        self.assertEqual([total[column] for column in (
            "makespan_s", "mean_turnaround_s", "wait_s", "busy_s", "builds", "failures", "events",
            "machine_s")], ["30.000000000", "30.000000000", "0.000000000", "23.000000000", "2",
                            "0", "4", "23.000000000"])

    def test_a_task_that_ends_at_that_instant_has_ended(self):
        # Leaves at 10: 1 has ended, nothing is aborted, and no order: 2 was not ordered yet.
        run = play("parallel", {"1": {}, "2": {}}, [{"leaves": 10, "returns": 1}])
        self.see(run, 1, "build 1 0-10", "build 2 11-21", "build universe 21-21")
        self.assertEqual(run.states[0].orders_ended, 3)

    def test_an_order_given_up_between_two_steps(self):
        # One order, given up at 10 and given again: two.
        run = play("universe", {"1": {}, "2": {}}, [{"leaves": 10, "returns": 1}])
        self.see(run, 1, "build 1 0-10", "build 2 11-21", "build universe 21-21")
        self.assertEqual(run.states[0].orders_ended, 2)

    def test_complete_when_it_is_due(self):
        # Complete at 15 (the rest takes 5), due at 15: it does not leave. At 12 it does.
        run = play("parallel", {"1": {}}, [{"leaves": 15}], rest={"build": 5})
        self.assertEqual([run.states[0].outcome, run.states[0].end], ["ok", 15 * 10**9])
        run = play("parallel", {"1": {}}, [{"leaves": 12}], rest={"build": 5})
        self.see(run, 1, "build 1 0-10", "build universe 10-12?")
        self.assertEqual([run.states[0].outcome, run.states[0].end], ["left", 12 * 10**9])
        # With a rest of 0 it would be complete at 10 after a start (3), which the departure (1)
        # precedes.
        run = play("parallel", {"1": {}}, [{"leaves": 10}])
        self.see(run, 1, "build 1 0-10")
        self.assertEqual(run.states[0].outcome, "left")

    def test_keeps_nothing(self):
        # Touches 1: builds it (0-10), leaves at 13; back at 20 it fetches its own 1 (20-21), which
        # it published, then 2 (21-31), untouched and missing.
        run = play("parallel", {"1": {}, "2": {}},
                   [{"leaves": 13, "returns": 7, "keeps": False, "touches": {"1": 1}}])
        self.see(run, 1, "build 1 0-10", "build 2 10-13?", "fetch 1 20-21", "build 2 21-31",
                 "build universe 31-31")

    def test_keeps_nothing_and_publishes_nothing(self):
        run = play("directed", {"1": {}, "2": {"after": ["1"]}},
                   [{"leaves": 13, "returns": 7, "keeps": False, "publishes": False}])
        self.see(run, 1, "build 1 0-10", "build 2 10-13?", "build 1 20-30", "build 2 30-40",
                 "build universe 40-40")

    def test_what_is_given_up_goes_to_a_waiting_peer(self):
        # Directed: peer 1 leaves at 4 within 1; peer 2 waits since 0 and builds it: 4-14. Peer 1
        # is back at 6 and waits until 14.
        run = play("directed", {"1": {}}, [{"leaves": 4, "returns": 2}, {}])
        self.see(run, 1, "build 1 0-4?", "wait 6-14", "fetch 1 14-15", "fetch universe 15-15")
        self.see(run, 2, "wait 0-4", "build 1 4-14", "build universe 14-14")

    def test_leaves_while_it_waits(self):
        # Peer 2 waits 0-3; away 3-5; waits 5-10. Its wait is 8, its turnaround 11.
        run = play("directed", {"1": {}}, [{}, {"leaves": 3, "returns": 2}])
        self.see(run, 2, "wait 0-3", "wait 5-10", "fetch 1 10-11", "fetch universe 11-11")

    def test_linear_queues_by_the_return(self):
        # Peer 1 leaves at 4 (1 given up), back at 5: behind peers 2 and 3. Peer 2: 4-14; peer 3:
        # 14-15; peer 1: 15-16.
        run = play("linear", {"1": {}}, [{"leaves": 4, "returns": 1}, {}, {}])
        self.see(run, 1, "build 1 0-4?", "wait 5-15", "fetch 1 15-16", "fetch universe 16-16")
        self.see(run, 3, "wait 0-14", "fetch 1 14-15", "fetch universe 15-15")

    def test_return_at_the_instant_of_an_arrival(self):
        # Peer 1 is back at 5, when peer 3 arrives: peer 1 is first by its place. Peer 2: 4-14.
        run = play("linear", {"1": {}}, [{"leaves": 4, "returns": 1}, {}, {"arrival": 5}])
        self.ends(run, 15, 14, 16)

    def test_within_a_part(self):
        # Parts of 4: leaves at 6: aborted as a whole, part 1 stays held and published: peer 2, at
        # 7, fetches it (1) and builds two: 8-16. Peer 1, back at 8, builds the same two at the same
        # time: its place is first, so that peer 2's are duplicates.
        run = play("parallel", Parts.STEPS, [{"leaves": 6, "returns": 2}, {"arrival": 7}])
        self.see(run, 1, "build 1 0-6?", "build 1 8-16", "build universe 16-16")
        self.see(run, 2, "fetch 1 7-8", "build 1 8-16*", "fetch universe 16-16")
        total = results.run_row(run.scenario, "parallel", 1, run)
        self.assertEqual([total["builds"], total["fetches"], total["events"]], ["2", "1", "5"])

    def test_between_two_parts(self):
        # Leaves at 8: parts 1 and 2 have ended well: a build; part 3 after the return: another.
        run = play("parallel", Parts.STEPS, [{"leaves": 8, "returns": 2}])
        self.see(run, 1, "build 1 0-8", "build 1 10-14", "build universe 14-14")
        self.assertEqual(results.peer_row(run.scenario, "parallel", 1, run.states[0])["builds"],
                         "2")

    def test_leaves_at_once(self):
        # Departure (class 1) right after the arrival, before it asks; comes back at the same
        # instant, and asks then.
        run = play("parallel", {"1": {}}, [{"leaves": 0, "returns": 0}])
        self.see(run, 1, "build 1 0-10", "build universe 10-10")
        run = play("parallel", {"1": {}}, [{"leaves": 0}])
        self.see(run, 1)
        self.assertEqual(run.states[0].outcome, "left")

    def test_mean_covers_those_that_completed(self):
        # Peer 1 left at 5, peer 2 completes at 10: mean and p95 10, makespan: peer 3 left at 30,
        # within its own 2.
        run = play("parallel", {"1": {}, "2": {}},
                   [{"leaves": 5}, {"speed": 2}, {"leaves": 30, "speed": 0.4, "touches": {"2": 1}}])
        total = results.run_row(run.scenario, "parallel", 1, run)
        self.assertEqual([total[column] for column in (
            "makespan_s", "mean_turnaround_s", "p95_turnaround_s")],
            ["30.000000000", "10.000000000", "10.000000000"])

    def test_aborted_overhead(self):
        run = play("parallel", {"1": {}}, [{"leaves": 2, "returns": 1}], overhead=3)
        self.see(run, 1, "overhead 1 0-2?", "overhead 1 3-6", "build 1 6-16",
                 "overhead universe 16-19", "build universe 19-19")
        self.assertEqual(run.states[0].orders_ended, 3)


class SlowWhile(Case):
    SLOW = {"after": 10, "for": 10, "factor": 0.5}

    def test_bounds(self):
        # Arrival 5: slow in [15, 25). 1: 5-15 fast; 2: starts at 15: 20: 15-35; 3: fast 35-45.
        run = play("parallel", {"1": {}, "2": {}, "3": {}}, [{"arrival": 5, "slow": self.SLOW}])
        self.see(run, 1, "build 1 5-15", "build 2 15-35", "build 3 35-45", "build universe 45-45")
        # An end at the very start of a task: 1 takes 20: [15, 25) is over at 25.
        run = play("parallel", {"1": {"build": 20}, "2": {}}, [{"arrival": 5, "slow": self.SLOW}])
        self.see(run, 1, "build 1 5-25", "build 2 25-35", "build universe 35-35")

    def test_overheads_and_rest_but_no_fetch(self):
        # Peer 2, slow from 10 for 100: overhead 2 / 0.5 = 4, fetch 1, overhead 4, own rest 12
        # (it touches 2: 20).
        run = play("parallel", {"1": {}, "2": {}}, [
            {"cache_id": "x"}, {"arrival": 20, "cache_id": "x", "touches": {"2": 1},
                                "slow": {"after": 0, "for": 100, "factor": 0.5}}],
                   overhead=2, rest={"build": 6})
        self.see(run, 2, "overhead 1 20-24", "fetch 1 24-25", "overhead 2 25-29", "build 2 29-49",
                 "overhead universe 49-53", "build universe 53-65")

    def test_each_part_looks_up_its_own(self):
        # Parts of 4: 0-4, 4-8, the third starts at 8 within [6, 16): 8: 8-16.
        run = play("parallel", Parts.STEPS,
                   [{"slow": {"after": 6, "for": 10, "factor": 0.5}}])
        self.see(run, 1, "build 1 0-16", "build universe 16-16")

    def test_from_the_first_arrival(self):
        # Away 5-8: still [10, 20): 1 begins anew at 8-18, fast; 2 at 18: 18-38.
        run = play("parallel", {"1": {}, "2": {}},
                   [{"leaves": 5, "returns": 3, "slow": self.SLOW}])
        self.see(run, 1, "build 1 0-5?", "build 1 8-18", "build 2 18-38", "build universe 38-38")


def gate(**peer):
    """A change of the queue that the cases are about."""
    return {"pipeline": "gate", "pipeline_type": "dependent", **peer}


class QueueCase(Case):
    def merges(self, run, *expected):
        self.assertEqual([None if state.merged is None else state.merged / 10**9
                          for state in run.states], list(expected))

    def outcomes(self, run, *expected):
        self.assertEqual([state.outcome for state in run.states], list(expected))

    def totals(self, run, policy, **expected):
        total = results.run_row(run.scenario, policy, 1, run)
        self.assertEqual({column: float(total[column]) for column in expected}, expected)


class Lists(QueueCase):
    """Section 4: who shares what in a dependent pipeline."""

    UNTOUCHED = {"name": "base"}  # an independent peer that builds the untouched artifacts

    def test_those_that_agree_on_the_list_share(self):
        # Peer 1 touches 1: [1] 0-10; its 2 is untouched: 10-20; merged at 20. Peer 2, at 20: 1 has
        # the list [1] and 2 none: fetched; its rest has [1] as well: fetched. Peer 3, at 40,
        # touches 2: 1 is [1], though that is merged: 40-41; 2 is [3]: 41-51, and its rest [1, 3].
        # Peer 4, independent, needs the untouched 1: 60-70, fetches 2, and builds the rest.
        run = play("parallel", {"1": {}, "2": {}}, [
            gate(touches={"1": 1}), gate(arrival=20), gate(arrival=40, touches={"2": 1}),
            {"arrival": 60}])
        self.see(run, 1, "build 1 0-10", "build 2 10-20", "build universe 20-20")
        self.see(run, 2, "fetch 1 20-21", "fetch 2 21-22", "fetch universe 22-22")
        self.see(run, 3, "fetch 1 40-41", "build 2 41-51", "build universe 51-51")
        self.see(run, 4, "build 1 60-70", "fetch 2 70-71", "build universe 71-71")
        self.merges(run, 20, 22, 51, None)

    def test_what_comes_after_a_touched_step(self):
        # 2 comes after 1. Peer 1 touches 1: both are [1]. Peer 2 fetches both.
        run = play("parallel", {"1": {}, "2": {"after": ["1"]}},
                   [gate(touches={"1": 1}), gate(arrival=30)])
        self.see(run, 2, "fetch 1 30-31", "fetch 2 31-32", "fetch universe 32-32")

    def test_a_queue_for_each_pipeline_whatever_the_cache(self):
        # Peer 2 is of another queue of the same cohort: nothing ahead of it. Peer 3 is of the first
        # queue with another cache: its 1 is [1], which its cache has not. Peer 4 fetches from 3.
        run = play("parallel", {"1": {}}, [
            gate(touches={"1": 1}), gate(pipeline="merge", arrival=20),
            gate(cache_id="other", arrival=20), gate(cache_id="other", arrival=30)])
        self.see(run, 2, "build 1 20-30", "build universe 30-30")
        self.see(run, 3, "build 1 20-30", "build universe 30-30")
        self.see(run, 4, "fetch 1 30-31", "fetch universe 31-31")

    def test_fraction_of_the_longest_published(self):
        # [] is published at 10. Peer 2, at 10: 1 + 0.25 x 10 = 3.5. Peer 3, at 20: from [2]:
        # 1 + 0.5 x 10 = 6. Peer 4, at 40: from [2, 3]: 6.
        peers = [self.UNTOUCHED, gate(arrival=10, touches={"1": 0.25}),
                 gate(arrival=20, touches={"1": 0.5}), gate(arrival=40, touches={"1": 0.5})]
        run = play("parallel", {"1": {}}, peers)
        self.see(run, 2, "build 1 10-13.5", "build universe 13.5-13.5")
        self.see(run, 3, "build 1 20-26", "build universe 26-26")
        self.see(run, 4, "build 1 40-46", "build universe 46-46")
        # Where peer 2 does not publish, peer 3 starts from []: 1 + 0.75 x 10 = 8.5; peer 4 from
        # [2, 3] as before. Where peer 3 does not either: 1.25: whole.
        peers[1]["publishes"] = False
        run = play("parallel", {"1": {}}, peers)
        self.see(run, 3, "build 1 20-28.5", "build universe 28.5-28.5")
        self.see(run, 4, "build 1 40-46", "build universe 46-46")
        peers[2]["publishes"] = False
        run = play("parallel", {"1": {}}, peers)
        self.see(run, 4, "build 1 40-50", "build universe 50-50")

    def test_a_sum_of_exactly_one_is_whole(self):
        # 0.1 + 0.2 + 0.7 = 1: 10. 0.1 + 0.2 + 0.6: 1 + 9 = 10 as well, hence a build of 20 here.
        for last, length in ((0.7, 20), (0.6, 19)):
            run = play("parallel", {"1": {"build": 20}}, [
                self.UNTOUCHED, gate(arrival=20, touches={"1": 0.1}, publishes=False),
                gate(arrival=20, touches={"1": 0.2}, publishes=False),
                gate(arrival=60, touches={"1": last})])
            self.see(run, 4, f"build 1 60-{60 + length}",
                     f"build universe {60 + length}-{60 + length}")

    def test_one_that_touches_only_what_the_step_comes_after(self):
        # [] published by 20. Peer 2 touches 1: 3.5, then 2, whole: [2]. Peer 3 touches 2: fetches
        # 1, and builds 2 from [2]: 3.5. Where peer 2 does not publish: 1 is still [2], from []:
        # 3.5; 2 from []: 1 + 0.25: whole.
        steps = {"1": {}, "2": {"after": ["1"]}}
        peers = [self.UNTOUCHED, gate(arrival=20, touches={"1": 0.25}),
                 gate(arrival=40, touches={"2": 0.25})]
        run = play("parallel", steps, peers)
        self.see(run, 2, "build 1 20-23.5", "build 2 23.5-33.5", "build universe 33.5-33.5")
        self.see(run, 3, "fetch 1 40-41", "build 2 41-44.5", "build universe 44.5-44.5")
        peers[1]["publishes"] = False
        run = play("parallel", steps, peers)
        self.see(run, 3, "build 1 40-43.5", "build 2 43.5-53.5", "build universe 53.5-53.5")

    def test_part_by_part(self):
        # Parts of 4, fetched in 1; [] at 4, 8, 12. Peer 2 (0.5), at 8: 3 each: 11, 14, 17. Peer 3
        # (0.25), at 12: part 1 from [2]: 2: 14; part 2 from [2], published at 14: 2: 16; part 3
        # of [2] is missing at 16: from []: 1 + 0.75 x 4 = 4: 20.
        run = play("parallel", Parts.STEPS, [
            self.UNTOUCHED, gate(arrival=8, touches={"1": 0.5}),
            gate(arrival=12, touches={"1": 0.25})])
        self.see(run, 2, "build 1 8-17", "build universe 17-17")
        self.see(run, 3, "build 1 12-20", "build universe 20-20")

    def test_a_fetch_that_misses_is_whole(self):
        run = play("parallel", {"1": {"hit_rate": 0}}, [
            self.UNTOUCHED, gate(arrival=10, touches={"1": 0.25})])
        self.see(run, 2, "build 1 10-20", "build universe 20-20")

    def test_the_rest_has_no_fraction(self):
        # Peer 2 (0.25) starts from [], its rest is [2] and whole: 5.
        run = play("parallel", {"1": {}}, [self.UNTOUCHED, gate(arrival=20, touches={"1": 0.25})],
                   rest={"build": 5, "fetch": 2})
        self.see(run, 2, "build 1 20-23.5", "build universe 23.5-28.5")


class Readiness(QueueCase):
    """Section 4: what is not ready while a shorter list is being built."""

    def test_waits_for_the_longest(self):
        # Peer 1 builds [1] whole in 0-10. Peer 2 (0.5) waits for it. Peer 3 (0.25): from [1] 0.75:
        # waits. At 10 peer 2 gets [1, 2]: 10-16, for which peer 3 waits on: 1 + 2.5: 19.5.
        run = play("directed", {"1": {}}, [
            gate(touches={"1": 0.25}), gate(touches={"1": 0.5}), gate(touches={"1": 0.25})])
        self.see(run, 1, "build 1 0-10", "build universe 10-10")
        self.see(run, 2, "wait 0-10", "build 1 10-16", "build universe 16-16")
        self.see(run, 3, "wait 0-16", "build 1 16-19.5", "build universe 19.5-19.5")

    def test_does_not_wait_where_it_would_be_whole(self):
        # Peer 3 (0.5): from [1] 0.5 + 0.5: whole; [1, 2] is built by nobody: it is ready.
        run = play("directed", {"1": {}}, [
            gate(touches={"1": 0.25}), gate(touches={"1": 0.5}), gate(touches={"1": 0.5})])
        self.see(run, 2, "wait 0-10", "build 1 10-16", "build universe 16-16")
        self.see(run, 3, "build 1 0-10", "build universe 10-10")

    def test_waits_though_a_shorter_one_is_published(self):
        # [] is published at 10, when peer 2 starts [2]: 3.5. Peer 3, from 11 on, waits for it.
        run = play("directed", {"1": {}}, [
            {}, gate(arrival=10, touches={"1": 0.25}), gate(arrival=11, touches={"1": 0.5})])
        self.see(run, 3, "wait 11-13.5", "build 1 13.5-19.5", "build universe 19.5-19.5")

    def test_does_not_wait_for_one_shorter_than_what_is_published(self):
        # Peer 1 builds [1] until 10; peer 3 builds [] in 5-15. Peer 2, at 10, starts from [1]: 6.
        run = play("directed", {"1": {}}, [
            gate(touches={"1": 0.25}), gate(arrival=10, touches={"1": 0.5}), {"arrival": 5}])
        self.see(run, 2, "build 1 10-16", "build universe 16-16")
        self.see(run, 3, "build 1 5-15", "build universe 15-15")

    def test_one_that_does_not_touch_it_shares_the_list(self):
        # Peer 2 needs [1], which peer 1 builds: it waits and fetches.
        run = play("directed", {"1": {}}, [gate(touches={"1": 0.5}), gate()])
        self.see(run, 2, "wait 0-10", "fetch 1 10-11", "fetch universe 11-11")
        # Where another builds [], neither is ready: at 10 peer 2 starts [1], from []: 6, which
        # peer 3 then fetches.
        run = play("directed", {"1": {}}, [{}, gate(touches={"1": 0.5}), gate()])
        self.see(run, 2, "wait 0-10", "build 1 10-16", "build universe 16-16")
        self.see(run, 3, "wait 0-16", "fetch 1 16-17", "fetch universe 17-17")

    def test_a_departure_ahead_does_not_split_a_wait(self):
        # Peer 1 builds [] until 10. Peer 3 (0.5) waits: from [] 0.75. Peer 2 (0.25, in another
        # cache, where it builds whole) leaves at 4: peer 3 asks in vain, from [] it is now 0.5: 6.
        run = play("directed", {"1": {}}, [
            {}, gate(touches={"1": 0.25}, cache_id="other", leaves=4), gate(touches={"1": 0.5})])
        self.see(run, 2, "build 1 0-4?")
        self.see(run, 3, "wait 0-10", "build 1 10-16", "build universe 16-16")

    def test_a_departure_ahead_wakes_other_cohorts(self):
        # Peer 1 builds []; peer 2 (0.75, another cache) is ahead of peer 3 (0.125), for which 1 is
        # not ready: from [] 0.875. Peer 4 (0.5) would be whole from [], but for it [2, 3] is not
        # built by anybody, nor [2]: it is ready at once: 0-10. Peer 2 leaves at 4: peer 4 is
        # aborted; from [] it is 0.625, which peer 1 builds: it waits until 10. At 10 peer 3 starts
        # [3]: 1 + 1.25 = 2.25: 12.25; peer 4 waits for it: 1 + 5: 18.25.
        run = play("directed", {"1": {}}, [
            {}, gate(touches={"1": 0.75}, cache_id="other", leaves=4),
            gate(touches={"1": 0.125}), gate(touches={"1": 0.5})])
        self.see(run, 3, "wait 0-10", "build 1 10-12.25", "build universe 12.25-12.25")
        self.see(run, 4, "build 1 0-4?", "wait 4-12.25", "build 1 12.25-18.25",
                 "build universe 18.25-18.25")


class QueueFailures(QueueCase):
    """Section 5: failures and departures in a queue."""

    def test_those_behind_a_failure_start_again_without_it(self):
        # Peer 1 breaks 1, as it finds at 5 (speed 2). Peer 2 is aborted then, and peer 3; without
        # peer 1 their 1 is untouched: both build it in 5-15. 2 is [2]: peer 2 builds it in 15-25,
        # as does peer 3.
        run = play("parallel", {"1": {}, "2": {}}, [
            gate(breaks={"1": 1}, speed=2), gate(touches={"2": 1}), gate()])
        self.see(run, 1, "build 1 0-5!")
        self.see(run, 2, "build 1 0-5?", "build 1 5-15", "build 2 15-25", "build universe 25-25")
        self.see(run, 3, "build 1 0-5?", "build 1 5-15*", "build 2 15-25*",
                 "fetch universe 25-25")
        self.outcomes(run, "failed", "ok", "ok")
        self.merges(run, None, 25, 25)
        # Orders: 1; 1 (aborted), 1, 2, universe; the same.
        self.totals(run, "parallel", failures=1, events=9, machine_s=55, wait_s=0)

    def test_broken_by_a_change_ahead(self):
        # Peer 1 (speed 0.5) fails at 20. Peer 2 finds 1 broken at 10: it is absent until 20. Peer
        # 3, at 5, finds it at 15. Then both build the untouched one: 20-30.
        run = play("parallel", {"1": {}}, [gate(breaks={"1": 1}, speed=0.5), gate(),
                                           gate(arrival=5)])
        self.see(run, 2, "build 1 0-10!", "build 1 20-30", "build universe 30-30")
        self.see(run, 3, "build 1 5-15!", "build 1 20-30*", "fetch universe 30-30")
        self.outcomes(run, "failed", "ok", "ok")
        # Present: 20, 20, 20.
        self.totals(run, "parallel", failures=3, machine_s=60, wait_s=0, mean_turnaround_s=27.5)

    def test_at_the_instant_of_its_failure(self):
        # All find it at 10: peer 1 fails, the others are absent for no time.
        run = play("parallel", {"1": {}}, [gate(breaks={"1": 1}), gate()])
        self.see(run, 2, "build 1 0-10!", "build 1 10-20", "build universe 20-20")

    def test_even_if_the_own_change_breaks_it_too(self):
        # Peer 2 is absent from 10, not failed, until 20; then it fails by itself, at 30.
        run = play("parallel", {"1": {}}, [gate(breaks={"1": 1}, speed=0.5),
                                           gate(breaks={"1": 1}), gate()])
        self.see(run, 2, "build 1 0-10!", "build 1 20-30!")
        # Peer 3 is absent until both have left: it finds [1, 2] broken at 10, is absent until 30.
        self.see(run, 3, "build 1 0-10!", "build 1 30-40", "build universe 40-40")
        self.outcomes(run, "failed", "failed", "ok")

    def test_broken_ahead_comes_before_flaky(self):
        # No flaky failure is counted by 10. Then two of its own: 30, 40, with one retry.
        run = play("parallel", {"1": {"flaky": 1}}, [gate(breaks={"1": 1}, speed=0.5), gate()],
                   retries=1)
        self.see(run, 2, "build 1 0-10!", "build 1 20-30!", "build 1 30-40!")

    def test_its_own_departure_ends_the_absence(self):
        # Peer 2, absent from 10, leaves at 15, is back at 17 and tries [1] again until peer 1 fails
        # at 20.
        run = play("parallel", {"1": {}}, [gate(breaks={"1": 1}, speed=0.5),
                                           gate(leaves=15, returns=2)])
        self.see(run, 2, "build 1 0-10!", "build 1 17-20?", "build 1 20-30",
                 "build universe 30-30")

    def test_known_broken_by_a_change_ahead(self):
        # Peer 1, which does not publish and is slow, tries 1 until 40. Peer 2 finds it at 10, peer
        # 3 (which has built 2) at 20. Peer 4 has fetched 2 and is absent from 20 on: known to two.
        # At 40 peer 1 leaves: 1 is untouched: peer 2 builds it, 3 and 4 wait until 50.
        peers = [gate(breaks={"1": 1}, speed=0.25, publishes=False), gate(), gate(), gate()]
        run = play("directed", {"1": {}, "2": {}}, peers)
        self.see(run, 1, "build 1 0-40!")
        self.see(run, 2, "build 1 0-10!", "build 1 40-50", "fetch 2 50-51", "build universe 51-51")
        self.see(run, 3, "build 2 0-10", "build 1 10-20!", "wait 40-50", "fetch 1 50-51",
                 "fetch universe 51-51")
        self.see(run, 4, "wait 0-10", "fetch 2 10-11", "wait 11-20", "wait 40-50", "fetch 1 50-51",
                 "fetch universe 51-51")
        self.merges(run, None, 51, 51, 51)
        # Where the base breaks it too: peer 2 fails at 50, peer 3 at 60, and peer 4 then without
        # trying.
        run = play("directed", {"1": {"broken": 1}, "2": {}}, peers)
        self.see(run, 2, "build 1 0-10!", "build 1 40-50!")
        self.see(run, 3, "build 2 0-10", "build 1 10-20!", "wait 40-50", "build 1 50-60!")
        self.see(run, 4, "wait 0-10", "fetch 2 10-11", "wait 11-20", "wait 40-60")
        self.assertEqual([state.end // 10**9 for state in run.states], [40, 50, 60, 60])

    def test_the_change_itself_fails_without_trying(self):
        # Longest: peer 1, slow, builds 2 until 200, and for nobody, so that peer 2 does so as well,
        # until 20. Peers 3 and 2 find [1] broken at 10 and 30. Peer 1 fails at 200 without trying.
        run = play("longest", {"1": {}, "2": {"build": 20}}, [
            gate(breaks={"1": 1}, speed=0.1, publishes=False), gate(), gate()])
        self.see(run, 1, "build 2 0-200*")
        self.see(run, 2, "build 2 0-20", "build 1 20-30!", "build 1 200-210",
                 "build universe 210-210")
        self.see(run, 3, "build 1 0-10!", "fetch 2 200-201", "wait 201-210", "fetch 1 210-211",
                 "fetch universe 211-211")
        self.outcomes(run, "failed", "ok", "ok")

    def test_one_that_fails_without_trying_aborts_what_has_just_begun(self):
        # Steps 2, 3, 1 in the schema's order. Peers 2 and 3 build 2 and 3 until 10; peer 2 finds 1
        # broken at 20, peer 3 at 30. Peer 4, from 12 on, fetches 2 and 3, waits, and fails at 30
        # (class 3). Peer 1, of another cache and behind it in the queue, but before it by its
        # place, has begun 3 at that very instant: it is aborted then (class 1) and begins anew.
        run = play("directed", {"2": {}, "3": {}, "1": {"broken": 1}}, [
            gate(arrival=20, cache_id="other"), {}, {}, gate(arrival=12)])
        self.see(run, 2, "build 2 0-10", "build 1 10-20!")
        self.see(run, 3, "build 3 0-10", "fetch 2 10-11", "wait 11-20", "build 1 20-30!")
        self.see(run, 4, "fetch 2 12-13", "fetch 3 13-14", "wait 14-30")
        self.see(run, 1, "build 2 20-30", "build 3 30-30?", "build 3 30-40", "build 1 40-50!")

    def test_a_departure_ahead(self):
        # Peer 1 leaves at 4 and is back at 10, behind peer 2, which is aborted at 4 and builds the
        # untouched 1 in 4-14, then 2 in 14-24. Peer 1: [1] 10-20, then 2 until 30.
        run = play("parallel", {"1": {}, "2": {}}, [
            gate(touches={"1": 1}, leaves=4, returns=6), gate()])
        self.see(run, 1, "build 1 0-4?", "build 1 10-20", "build 2 20-30*", "build universe 30-30")
        self.see(run, 2, "build 1 0-4?", "build 1 4-14", "build 2 14-24", "build universe 24-24")
        self.merges(run, 30, 24)

    def test_all_behind_are_aborted_whatever_it_touches(self):
        # Peer 1 touches nothing. Peer 2 keeps 1 and begins 2 anew. Then within an overhead.
        run = play("parallel", {"1": {}, "2": {}}, [gate(leaves=15), gate()])
        self.see(run, 2, "build 1 0-10*", "build 2 10-15?", "build 2 15-25",
                 "build universe 25-25")
        run = play("parallel", {"1": {}}, [gate(leaves=2), gate()], overhead=3)
        self.see(run, 2, "overhead 1 0-2?", "overhead 1 2-5", "build 1 5-15",
                 "overhead universe 15-18", "build universe 18-18")

    def test_those_ahead_are_not(self):
        run = play("parallel", {"1": {}}, [gate(), gate(leaves=5)])
        self.see(run, 1, "build 1 0-10", "build universe 10-10")

    def test_loses_what_contained_the_change(self):
        # Directed: peer 1 builds 1 ([1]) and 3, peer 2 builds 2 and fetches 1 in 10-11. Both build
        # the rest ([1], 5) from 21 on; peer 1 leaves at 23. Peer 2 keeps 2 and 3, and needs the
        # untouched 1: 23-33.
        run = play("directed", {"1": {}, "2": {}, "3": {}},
                   [gate(touches={"1": 1}, leaves=23), gate()], rest={"build": 5, "fetch": 1})
        self.see(run, 1, "build 1 0-10", "build 3 10-20", "fetch 2 20-21",
                 "build universe 21-23?")
        self.see(run, 2, "build 2 0-10", "fetch 1 10-11", "wait 11-20", "fetch 3 20-21",
                 "build universe 21-23?", "build 1 23-33", "build universe 33-38")

    def test_complete_no_more(self):
        # Peer 2 completes [1] at 10. Peer 1 leaves at 15: it lacks the untouched 1: 15-25.
        run = play("parallel", {"1": {}}, [gate(touches={"1": 1}, speed=0.5, leaves=15), gate()])
        self.see(run, 2, "build 1 0-10", "build universe 10-10", "build 1 15-25",
                 "build universe 25-25")
        self.merges(run, None, 25)
        row = results.peer_row(run.scenario, "parallel", 1, run.states[1])
        self.assertEqual([row["completion_s"], row["turnaround_s"], row["merged_s"]],
                         ["25.000000000"] * 3)
        self.totals(run, "parallel", machine_s=35, makespan_s=25)

    def test_complete_and_losing_nothing(self):
        # Peer 1 touches nothing and leaves at 15: peer 2 merges then.
        run = play("parallel", {"1": {}}, [gate(speed=0.5, leaves=15), gate()])
        self.see(run, 2, "build 1 0-10", "build universe 10-10")
        self.merges(run, None, 15)
        self.assertEqual(run.states[1].end, 10 * 10**9)
        self.totals(run, "parallel", makespan_s=15)

    def test_the_rest_counts(self):
        # Peer 2 has another cache and is complete at 11 (rest 1). 2 is touched by peer 1, which is
        # at it when it leaves at 35 (1 until 20, 2 until 40). Peer 2: 1 0-10, 2 ([1]) 10-20, rest
        # 20-21; 2 and the rest again: 35-45-46.
        run = play("parallel", {"1": {}, "2": {}}, [
            gate(touches={"2": 1}, speed=0.5, leaves=35), gate(cache_id="other")],
                   rest={"build": 1})
        self.see(run, 2, "build 1 0-10", "build 2 10-20", "build universe 20-21", "build 2 35-45",
                 "build universe 45-46")

    def test_complete_when_its_departure_was_due(self):
        # Peer 2 is due at 12, when it is complete: it does not leave, nor later.
        run = play("parallel", {"1": {}}, [gate(touches={"1": 1}, speed=0.5, leaves=15),
                                           gate(leaves=12)])
        self.ends(run.states[1], 25)

    def ends(self, state, expected):
        self.assertEqual((state.outcome, state.end), ("ok", expected * 10**9))

    def test_both_due_at_one_instant(self):
        # Class 1 in the scenario's order: peer 1 leaves at 15, peer 2 is complete no more and
        # leaves as well. With the places exchanged it is complete when it is due.
        first, second = gate(touches={"1": 1}, speed=0.5, leaves=15), gate(leaves=15)
        run = play("parallel", {"1": {}}, [first, second])
        self.outcomes(run, "left", "left")
        run = play("parallel", {"1": {}}, [{**second, "arrival": 1, "leaves": 14}, first])
        self.see(run, 1, "build 1 1-11", "build universe 11-11", "build 1 15-25",
                 "build universe 25-25")

    def test_return_with_what_the_new_list_gives(self):
        # Peer 1 holds 1 ([1]) and 2 when it leaves at 25, within 3. Peer 2 joins at 26 and touches
        # 1: back at 30, peer 1's 1 is [2, 1]: lost; 2 is kept. [2] is built in 26-36; nothing is
        # published to start from: 30-40. Then 3, which peer 2 builds in 37-137: 40-140.
        steps = {"1": {}, "2": {}, "3": {"build": 100}}
        leaver = gate(touches={"1": 0.5}, leaves=25, returns=5)
        run = play("parallel", steps, [leaver, gate(arrival=26, touches={"1": 1})])
        self.see(run, 1, "build 1 0-10", "build 2 10-20", "build 3 20-25?", "build 1 30-40",
                 "build 3 40-140*", "build universe 140-140")
        # Where peer 2 touches nothing, it keeps all; where it keeps nothing, it fetches its own.
        run = play("parallel", steps, [leaver, gate(arrival=26)])
        self.see(run, 1, "build 1 0-10", "build 2 10-20", "build 3 20-25?", "build 3 30-130",
                 "build universe 130-130")
        run = play("parallel", steps, [{**leaver, "keeps": False}])
        self.see(run, 1, "build 1 0-10", "build 2 10-20", "build 3 20-25?", "fetch 1 30-31",
                 "fetch 2 31-32", "build 3 32-132", "build universe 132-132")

    def test_a_change_merged_meanwhile_stays_ahead(self):
        # Peer 1 touches 1 and merges at 20, while peer 2 (away 15-25) is gone: its 1 stays [1].
        run = play("parallel", {"1": {}, "2": {}}, [gate(touches={"1": 1}),
                                                   gate(leaves=15, returns=10)])
        self.see(run, 2, "build 1 0-10*", "build 2 10-15?", "fetch 2 25-26",
                 "fetch universe 26-26")
        self.merges(run, 20, 26)

    def test_linear_waits_for_the_order_of_one_that_runs(self):
        # Peer 1, of another cache, fails at 16. Peer 2 finds 1 broken at 10; peer 3, independent,
        # has its turn: the untouched 1 in 10-20. Back at 16, ahead of it in the line, peer 2 starts
        # at 20, when that order has ended: fetches 1, builds 2; peer 3 after it, at 31.
        run = play("linear", {"1": {}, "2": {}}, [
            gate(breaks={"1": 1}, speed=0.625, cache_id="other"), gate(), {"arrival": 1}])
        self.see(run, 1, "build 1 0-16!")
        self.see(run, 2, "build 1 0-10!", "wait 16-20", "fetch 1 20-21", "build 2 21-31",
                 "build universe 31-31")
        self.see(run, 3, "wait 1-10", "build 1 10-20", "wait 20-31", "fetch 2 31-32",
                 "fetch universe 32-32")

    def test_linear_keeps_the_place_in_the_line(self):
        # Peer 1, of another cache, leaves at 4. Peer 2, aborted, is still ahead of peer 3.
        run = play("linear", {"1": {}}, [gate(cache_id="other", leaves=4), gate(),
                                         {"arrival": 2}])
        self.see(run, 2, "build 1 0-4?", "build 1 4-14", "build universe 14-14")
        self.see(run, 3, "wait 2-14", "fetch 1 14-15", "fetch universe 15-15")


class Window(QueueCase):
    def test_one_at_first(self):
        # Peer 1 merges at 10: two: peers 2 and 3 run. They have not waited, nor cost a machine.
        run = play("parallel", {"1": {}}, [gate(), gate(), gate()],
                   window={"start": 1, "floor": 1})
        self.see(run, 2, "fetch 1 10-11", "fetch universe 11-11")
        self.see(run, 3, "fetch 1 10-11", "fetch universe 11-11")
        self.totals(run, "parallel", machine_s=12, wait_s=0, p95_turnaround_s=11)

    def test_twenty_at_the_start(self):
        # All 20 complete at 10, and merge: the other two follow.
        run = play("parallel", {"1": {}}, [gate(count=22)])
        self.see(run, 20, "build 1 0-10*", "fetch universe 10-10")
        self.see(run, 21, "fetch 1 10-11", "fetch universe 11-11")
        self.see(run, 22, "fetch 1 10-11", "fetch universe 11-11")

    def test_three_at_least(self):
        # Four; peer 1 fails at 5: three, not two: peers 2, 3 and 4. Peer 5 follows at 15.
        run = play("parallel", {"1": {}}, [gate(breaks={"1": 1}, speed=2), gate(count=4)],
                   window={"start": 4})
        self.see(run, 4, "build 1 0-5?", "build 1 5-15*", "fetch universe 15-15")
        self.see(run, 5, "fetch 1 15-16", "fetch universe 16-16")

    def test_one_for_each_queue(self):
        run = play("parallel", {"1": {}}, [gate(), gate(pipeline="merge"), gate()],
                   window={"start": 1, "floor": 1})
        self.see(run, 2, "build 1 0-10*", "fetch universe 10-10")
        self.see(run, 3, "fetch 1 10-11", "fetch universe 11-11")

    def test_whatever_the_cohort(self):
        for policy in ("linear", "directed"):
            run = play(policy, {"1": {}}, [gate(), gate(cache_id="other")],
                       window={"start": 1, "floor": 1})
            self.see(run, 2, "build 1 10-20", "build universe 20-20")

    def test_complete_ones_count(self):
        # Peer 2 is complete at 5, peer 1 (speed 0.5) at 20: peer 3 is not within the two until
        # peer 1 has merged.
        run = play("parallel", {"1": {}}, [gate(touches={"1": 1}, speed=0.5),
                                           gate(touches={"1": 1}, speed=2), gate()],
                   window={"start": 2, "floor": 1})
        self.merges(run, 20, 20, 21)
        self.see(run, 3, "fetch 1 20-21", "fetch universe 21-21")

    def test_absent_ones_count(self):
        # Peer 2 is absent in 10-20. Peer 1 fails at 20: one, which is peer 2. Peer 3 runs when that
        # has merged.
        run = play("parallel", {"1": {}}, [gate(breaks={"1": 1}, speed=0.5), gate(), gate()],
                   window={"start": 2, "floor": 1})
        self.see(run, 2, "build 1 0-10!", "build 1 20-30", "build universe 30-30")
        self.see(run, 3, "fetch 1 30-31", "fetch universe 31-31")

    def test_one_that_falls_out_finishes_its_order(self):
        # Three; peer 3 fails at 5: one. Peer 2 finishes 1 at 10 and is not present until peer 1
        # has merged at 20.
        peers = [gate(), gate(), gate(breaks={"1": 1}, speed=2)]
        run = play("parallel", {"1": {}, "2": {}}, peers, window={"start": 3, "floor": 1})
        self.see(run, 1, "build 1 0-10", "build 2 10-20", "build universe 20-20")
        self.see(run, 2, "build 1 0-10*", "fetch 2 20-21", "fetch universe 21-21")
        self.totals(run, "parallel", machine_s=36, wait_s=0)
        # A floor of 2 keeps it in.
        run = play("parallel", {"1": {}, "2": {}}, peers, window={"start": 3, "floor": 2})
        self.see(run, 2, "build 1 0-10*", "build 2 10-20*", "fetch universe 20-20")
        # Under universe the order is all of it.
        run = play("universe", {"1": {}, "2": {}}, peers, window={"start": 3, "floor": 1})
        self.see(run, 2, "build 1 0-10*", "build 2 10-20*", "fetch universe 20-20")

    def test_a_departure_does_not_halve_it(self):
        run = play("parallel", {"1": {}, "2": {}}, [gate(), gate(), gate(leaves=5)],
                   window={"start": 3, "floor": 1})
        self.see(run, 2, "build 1 0-10*", "build 2 10-20*", "fetch universe 20-20")

    def test_a_waiting_one_falls_out(self):
        # Directed: peer 1 builds 1 until 10, peer 2 waits until peer 3 (another cache) fails at 5.
        run = play("directed", {"1": {}}, [gate(), gate(),
                                           gate(breaks={"1": 1}, speed=2, cache_id="other")],
                   window={"start": 3, "floor": 1})
        self.see(run, 2, "wait 0-5", "fetch 1 10-11", "fetch universe 11-11")
        self.totals(run, "directed", machine_s=21, wait_s=5)

    def test_a_failed_one_makes_room(self):
        # Two; peer 1 fails at 5: one, which is peer 2. Peer 3 follows when it has merged.
        run = play("parallel", {"1": {}}, [gate(breaks={"1": 1}, speed=2), gate(), gate()],
                   window={"start": 2, "floor": 1})
        self.see(run, 2, "build 1 0-5?", "build 1 5-15", "build universe 15-15")
        self.see(run, 3, "fetch 1 15-16", "fetch universe 16-16")
        # A departed one: peer 3 starts at 5, too.
        run = play("parallel", {"1": {}}, [gate(leaves=5), gate(), gate()],
                   window={"start": 2, "floor": 1})
        self.see(run, 3, "build 1 5-15*", "fetch universe 15-15")

    def test_merge_and_failure_at_one_instant(self):
        # Four. Peer 1 (speed 2: 5 + 1 + 4) completes at 10 and merges (class 0): five. Peer 4,
        # which has found its own 1 broken then, leaves in class 1: two. So peers 2 and 3 go on, and
        # peer 5 only when peer 2 has merged; with two first and then one more it would run at 10.
        run = play("parallel", {"1": {}, "2": {"build": 2}}, [
            gate(speed=2), gate(), gate(), gate(breaks={"1": 1}), gate()],
                   rest={"build": 8}, window={"start": 4, "floor": 1})
        self.merges(run, 10, 11, 11, None, 13)
        self.see(run, 2, "build 1 0-10*", "fetch 2 10-11", "fetch universe 11-11")
        self.see(run, 3, "build 1 0-10*", "fetch 2 10-11", "fetch universe 11-11")
        self.see(run, 5, "fetch 1 11-12", "fetch 2 12-13", "fetch universe 13-13")

    def test_linear_outside_the_window(self):
        # Peer 2, not within the window, stands in no line: peer 3, independent, is next. Peer 2 is
        # within it from 10 on, and ahead of peer 3 in the line.
        run = play("linear", {"1": {}, "2": {}}, [gate(cache_id="other", speed=2), gate(),
                                                 {"arrival": 1}],
                   window={"start": 1, "floor": 1})
        self.see(run, 3, "build 1 1-11", "wait 11-22", "fetch 2 22-23", "fetch universe 23-23")
        self.see(run, 2, "wait 10-11", "fetch 1 11-12", "build 2 12-22", "build universe 22-22")

    def test_leaves_without_having_run(self):
        # Peer 2 leaves at 5, outside the window, for good; peer 3 as well, but returns at 8.
        run = play("parallel", {"1": {}}, [gate(), gate(leaves=5), gate(leaves=6, returns=2)],
                   window={"start": 1, "floor": 1})
        self.see(run, 2)
        self.see(run, 3, "fetch 1 10-11", "fetch universe 11-11")
        self.outcomes(run, "ok", "left", "ok")
        self.totals(run, "parallel", machine_s=11)

    def test_merges_wait_for_those_ahead(self):
        run = play("parallel", {"1": {}}, [gate(touches={"1": 1}, speed=0.5),
                                           gate(touches={"1": 1})])
        self.ends(run, 20, 10)
        self.merges(run, 20, 20)


class Refused(unittest.TestCase):
    def test_what_is_not_modelled(self):
        with self.assertRaises(Unsupported):
            play("parallel", {"1": {"hit_rate": 0.5}}, [{}])
        with self.assertRaises(Unsupported):
            play("parallel", {"1": {"build": {"exponential": {"mean": 1}}}}, [{}])
        with self.assertRaises(Unsupported):
            play("parallel", {"1": {"after": ["2"]}, "2": {"after": ["1"]}}, [{}])
        for window in ({"start": 2, "floor": 3}, {"start": 2}, {"start": 2, "floor": 0}):
            with self.assertRaises(Unsupported):
                play("parallel", {"1": {}}, [{}], window=window)


if __name__ == "__main__":
    unittest.main()
