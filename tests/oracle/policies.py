"""The policies, as section 9 of the model states them.

A policy is a function of a run and a peer that asks. It returns the step to order (its place in the
schema's order), REST for the universe, None: wait, or FAIL: without a known broken step there is
nothing left to obtain. It looks through these methods of a run:

    run.holds(peer, step)             the peer has obtained the step
    run.is_published(peer, step)      the artifact that the peer's variant of the step is
    run.is_being_built(peer, step)    ordered by somebody and neither published nor given up
    run.beginning_is_being_built(peer, step)   the same of an artifact from which the peer would
                                      build a fraction, a smaller one than of what is published
    run.is_known_broken(peer, step)   two peers have found the peer's variant of it broken
    run.in_line(peer)                 the peers of its cohort that are present and not complete
    run.has_order(peer)               and has not yet carried it out
    run.since(peer)                   when it arrived, or returned
    run.estimates(peer)               a build time in whole nanoseconds for each step
"""

import functools

REST = "universe"
FAIL = "fail"


def universe(run, peer):
    """All in one invocation."""
    return REST


def parallel(run, peer):
    """Every step that it does not hold yet, in the schema's order, then the universe."""
    lacking = (step.place for step in run.scenario.steps if not run.holds(peer, step.place))
    return next(lacking, REST)


def linear(run, peer):
    """One peer of the cohort at a time, in order of arrival or return, then of the scenario, each
    as if it were alone."""
    lacking = [step.place for step in run.scenario.steps if not run.holds(peer, step.place)]
    possible = [step for step in lacking if not is_blocked(run, peer, step)]
    if lacking and not possible:
        return FAIL  # whether it is its turn or not
    line = run.in_line(peer)
    first = min(line, key=lambda other: (run.since(other), other.place))
    if peer is not first or any(run.has_order(other) for other in line):
        return None
    return possible[0] if possible else REST


def directed_by(rank_of):
    """The rule that all directed policies share: rank_of(scenario, estimates) is a rank for each
    step, smaller first, ties by the schema's order (the sort is stable)."""

    def choose(run, peer):
        ranks = rank_of(run.scenario, run.estimates(peer))
        lacking = [step for step in sorted(range(len(ranks)), key=lambda step: ranks[step])
                   if not run.holds(peer, step)]
        if not lacking:
            return REST
        possible = [step for step in lacking if not is_blocked(run, peer, step)]
        if not possible:
            return FAIL
        for step in possible:
            if is_ready(run, peer, step):
                return step
        for step in possible:
            if run.is_published(peer, step):
                return step
        return None

    return choose


def is_blocked(run, peer, step):
    """Section 5: known to be broken, or after what is (in the variants of the peer)."""
    return any(run.is_known_broken(peer, other) and not run.holds(peer, other)
               for other in {step} | run.scenario.steps[step].all_after)


def is_ready(run, peer, step):
    """Missing, built by nobody, its prerequisites published or held by the peer; and (section 4)
    one that a fraction is built of is not ready while somebody builds what that starts from."""
    if run.is_published(peer, step) or run.is_being_built(peer, step):
        return False
    if run.beginning_is_being_built(peer, step):
        return False
    return all(run.holds(peer, other) or run.is_published(peer, other)
               for other in run.scenario.steps[step].after)


def schema_order(scenario, estimates):
    return [step.place for step in scenario.steps]


def longest_first(scenario, estimates):
    return [-build for build in estimates]


def shortest_first(scenario, estimates):
    return estimates


def upward_rank(scenario, estimates):
    """A step's build plus the largest rank among the steps directly after it; highest first."""

    @functools.cache
    def upward(step):
        following = [other.place for other in scenario.steps if step in other.after]
        return estimates[step] + max((upward(other) for other in following), default=0)

    return [-upward(step.place) for step in scenario.steps]


def most_unlocked_first(scenario, estimates):
    """The number of steps that come after it, transitively; highest first."""
    return [-sum(step.place in other.all_after for other in scenario.steps)
            for step in scenario.steps]


POLICIES = {
    "universe": universe,
    "linear": linear,
    "parallel": parallel,
    "directed": directed_by(schema_order),
    "longest": directed_by(longest_first),
    "shortest": directed_by(shortest_first),
    "critical-path": directed_by(upward_rank),
    "most-unlocked": directed_by(most_unlocked_first),
}
