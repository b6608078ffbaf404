"""Reads a scenario file (section 7 of the model) into plain objects, for oracle and checker.

Lengths are exact fractions of nanoseconds, made of the decimal text of the file: nothing is a
binary floating-point number, and nothing is rounded here but the arrivals, to which nothing else
is applied (section 3.4). A sampled duration reads as None.

A key whose meaning the oracle does not know is refused: it never guesses.
"""

import json
import os
import re
from dataclasses import dataclass, field
from fractions import Fraction

SECOND = 10**9
UNITS = {"h": 3600 * SECOND, "m": 60 * SECOND, "s": SECOND, "ms": SECOND // 1000}
DISTRIBUTIONS = {
    "uniform", "exponential", "normal", "lognormal", "gamma", "weibull", "pareto", "triangular",
    "beta", "empirical", "mixture", "shifted",
}


class Unsupported(Exception):
    """The scenario uses something that this oracle does not model."""


@dataclass
class Step:
    place: int  # in the schema's order
    id: str
    build: Fraction | None  # ns; None: sampled
    fetch: Fraction | None
    after: set = field(default_factory=set)  # places of the steps that it directly comes after
    all_after: set = field(default_factory=set)  # the same, transitively


@dataclass
class Peer:
    place: int  # in the scenario's order
    name: str
    arrival: int | None  # ns; None: sampled
    speed: Fraction
    repository: str | None
    base_ref: str | None
    cache_id: str | None
    touches: dict  # place of a step -> fraction

    @property
    def cohort(self):
        """Section 2: who can share. One scenario has one schema, so its ID is left out."""
        return (self.repository, self.base_ref, self.cache_id)


@dataclass
class Scenario:
    name: str
    seed: int
    replications: int
    policies: list
    steps: list
    peers: list
    overhead: Fraction | None
    rest_build: Fraction | None
    rest_fetch: Fraction | None

    @property
    def sampled(self):
        """Whether any of its times is: then it cannot be played here."""
        times = [self.overhead, self.rest_build, self.rest_fetch]
        times += [time for step in self.steps for time in (step.build, step.fetch)]
        return None in times + [peer.arrival for peer in self.peers]


def rounded(length):
    """Section 3.4: to the nearest whole nanosecond, halves up."""
    return (2 * length.numerator + length.denominator) // (2 * length.denominator)


def duration(value):
    """A number of seconds, a string of numbers with units, a constant; None if it is sampled."""
    if isinstance(value, bool):
        raise Unsupported(f"no duration: {value}")
    if isinstance(value, (int, Fraction)):
        return Fraction(value) * SECOND
    if isinstance(value, str):
        if not re.fullmatch(r"([0-9]+(\.[0-9]+)?(h|ms|m|s))+", value):
            raise Unsupported(f"no duration: {value}")
        terms = re.findall(r"([0-9.]+)(h|ms|m|s)", value)
        return sum(Fraction(number) * UNITS[unit] for number, unit in terms)
    if isinstance(value, dict) and len(value) == 1:
        (kind, parameters), = value.items()
        if kind == "constant":
            _known(parameters, {"value"}, "constant")
            return duration(parameters["value"])
        if kind in DISTRIBUTIONS:
            return None
    raise Unsupported(f"no duration: {value}")


def read(path):
    with open(path, encoding="utf-8") as file:
        return parse(file.read(), os.path.dirname(path))


def parse(text, folder="."):
    """A scenario from its text; `folder` is where a schema's path starts."""
    data = json.loads(text, parse_float=Fraction)
    _known(data, {"name", "description", "live", "schema", "steps", "rest", "overhead", "peers",
                  "policies", "replications", "seed"}, "scenario")
    schema = data["schema"]
    if isinstance(schema, str):
        with open(os.path.join(folder, schema), encoding="utf-8") as file:
            schema = json.load(file)
    rest = data.get("rest", {})
    _known(rest, {"build", "fetch"}, "rest")
    steps = _steps(list(schema["steps"]), data.get("steps", {}))
    return Scenario(
        name=data["name"],
        seed=data.get("seed", 1),
        replications=data.get("replications", 1),
        policies=data.get("policies", []),
        steps=steps,
        peers=_peers(data["peers"], {step.id: step.place for step in steps}),
        overhead=duration(data.get("overhead", 0)),
        rest_build=duration(rest.get("build", 0)),
        rest_fetch=duration(rest.get("fetch", 0)),
    )


def _steps(ids, given):
    default = given.get("default", {})
    places = {step_id: place for place, step_id in enumerate(ids)}
    steps = []
    for place, step_id in enumerate(ids):
        settings = {**default, **given.get(step_id, {})}
        _known(settings, {"build", "fetch", "after"}, f"steps.{step_id}")
        after = {places[other] for other in settings.get("after", [])}
        steps.append(Step(place, step_id, duration(settings["build"]), duration(settings["fetch"]),
                          after))
    for step in steps:
        open_ends = list(step.after)
        while open_ends:
            other = open_ends.pop()
            if other not in step.all_after:
                step.all_after.add(other)
                open_ends.extend(steps[other].after)
        if step.place in step.all_after:
            raise Unsupported(f"step {step.id} comes after itself")
    return steps


def _peers(groups, places):
    peers = []
    for group in groups:
        _known(group, {"name", "count", "arrival", "speed", "cache_id", "repository", "base_ref",
                       "pipeline", "pipeline_type", "touches"}, "peers")
        if group.get("pipeline_type", "independent") != "independent":
            raise Unsupported("dependent pipelines")
        name = group.get("name", "peer")
        arrivals = _arrivals(group)
        for number, arrival in enumerate(arrivals, start=1):
            peers.append(Peer(
                place=len(peers),
                name=name if len(arrivals) == 1 else f"{name}-{number}",
                arrival=arrival,
                speed=Fraction(group.get("speed", 1)),
                repository=group.get("repository"),
                base_ref=group.get("base_ref"),
                cache_id=group.get("cache_id"),
                touches={places[step]: Fraction(part)
                         for step, part in group.get("touches", {}).items()},
            ))
    return peers


def _arrivals(group):
    """The arrival of each peer of a group; its length is the group's count (section 7)."""
    arrival = group.get("arrival", 0)
    if isinstance(arrival, dict) and "times" in arrival:
        return [rounded(duration(time)) for time in arrival["times"]]
    count = group.get("count", 1)
    if isinstance(arrival, dict) and "poisson" in arrival:
        return [None] * count
    if isinstance(arrival, dict) and "every" in arrival:
        every = duration(arrival["every"])
        return [None if every is None else rounded(number * every) for number in range(count)]
    length = duration(arrival)
    return [None if length is None else rounded(length)] * count


def _known(table, keys, where):
    unknown = set(table) - keys
    if unknown:
        raise Unsupported(f"{where}: {', '.join(sorted(unknown))}")
