"""The policies, as section 9 of the model states them.

A policy is a function of a run and a peer that asks. It returns the step to order (its place in the
schema's order), REST for the universe, or None: wait. It looks through these methods of a run:

    run.holds(peer, step)             the peer has obtained the step
    run.is_published(peer, step)      the artifact that the peer's variant of the step is
    run.is_being_built(peer, step)    ordered by somebody and neither published nor given up
    run.untouched_is_being_built(peer, step)   the same of the cohort's untouched artifact
    run.in_line(peer)                 the peers of its cohort that are present and not complete
"""

import functools

from scenario import rounded

REST = "universe"


def universe(run, peer):
    """All in one invocation."""
    return REST


def parallel(run, peer):
    """Every step that it does not hold yet, in the schema's order, then the universe."""
    lacking = (step.place for step in run.scenario.steps if not run.holds(peer, step.place))
    return next(lacking, REST)


def linear(run, peer):
    """One peer of the cohort at a time, in order of arrival, then of the scenario, each as if it
    were alone."""
    first = min(run.in_line(peer), key=lambda other: (other.arrival, other.place))
    return parallel(run, peer) if peer is first else None


def directed_by(rank_of):
    """The rule that all directed policies share: rank_of(scenario) is a rank for each step,
    smaller first, ties by the schema's order (the sort is stable)."""

    def prepare(scenario):
        ranks = rank_of(scenario)
        priority = sorted(range(len(ranks)), key=lambda step: ranks[step])

        def choose(run, peer):
            lacking = [step for step in priority if not run.holds(peer, step)]
            if not lacking:
                return REST
            for step in lacking:
                if is_ready(run, peer, step):
                    return step
            for step in lacking:
                if run.is_published(peer, step):
                    return step
            return None

        return choose

    return prepare


def is_ready(run, peer, step):
    """Missing, built by nobody, its prerequisites published or held by the peer; and (section 4)
    one touched by a fraction is not ready while somebody builds the untouched artifact."""
    if run.is_published(peer, step) or run.is_being_built(peer, step):
        return False
    if peer.touches.get(step, 1) < 1 and run.untouched_is_being_built(peer, step):
        return False
    return all(run.holds(peer, other) or run.is_published(peer, other)
               for other in run.scenario.steps[step].after)


def estimates(scenario):
    """Mean build times in whole nanoseconds, without speed and touches."""
    return [rounded(step.build) for step in scenario.steps]


def schema_order(scenario):
    return [step.place for step in scenario.steps]


def longest_first(scenario):
    return [-build for build in estimates(scenario)]


def shortest_first(scenario):
    return estimates(scenario)


def upward_rank(scenario):
    """A step's build plus the largest rank among the steps directly after it; highest first."""
    build = estimates(scenario)

    @functools.cache
    def upward(step):
        following = [other.place for other in scenario.steps if step in other.after]
        return build[step] + max((upward(other) for other in following), default=0)

    return [-upward(step.place) for step in scenario.steps]


def most_unlocked_first(scenario):
    """The number of steps that come after it, transitively; highest first."""
    return [-sum(step.place in other.all_after for other in scenario.steps)
            for step in scenario.steps]


# For each name, what makes the function above for a scenario.
POLICIES = {
    "universe": lambda scenario: universe,
    "linear": lambda scenario: linear,
    "parallel": lambda scenario: parallel,
    "directed": directed_by(schema_order),
    "longest": directed_by(longest_first),
    "shortest": directed_by(shortest_first),
    "critical-path": directed_by(upward_rank),
    "most-unlocked": directed_by(most_unlocked_first),
}
