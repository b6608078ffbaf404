"""Reads a scenario file (section 7 of the model) into plain objects, for oracle and checker.

Lengths are exact fractions of nanoseconds, made of the decimal text of the file: nothing is a
binary floating-point number, and nothing is rounded here but the arrivals, to which nothing else
is applied (section 3.4). What is sampled, a duration, a factor or a probability between 0 and 1,
reads as None.

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
    parts: int = 1
    factor: Fraction | None = Fraction(1)  # multiplies everybody's build time
    hits: bool | None = True
    broken: bool | None = False
    flaky: bool | None = False


@dataclass
class Departure:
    """A peer leaves once; times in ns, None if they are sampled."""

    after: int | None  # its arrival
    returns: bool
    away: int | None  # for how long, if it returns
    keeps: bool  # what it held


@dataclass
class Slow:
    """A while in which a peer's speed is another; times in ns, None if they are sampled."""

    after: int | None  # its first arrival
    length: int | None
    factor: Fraction


@dataclass
class Peer:
    place: int  # in the scenario's order
    name: str
    arrival: int | None  # ns; None: sampled
    speed: Fraction
    repository: str | None
    base_ref: str | None
    cache_id: str | None
    queue: tuple | None  # of a dependent pipeline: (repository, base ref, pipeline)
    touches: dict  # place of a step -> fraction
    publishes: bool = True
    breaks: dict = field(default_factory=dict)  # place of a step -> whether its change breaks it
    departure: Departure | None = None
    slow: Slow | None = None

    @property
    def cohort(self):
        """Section 2: who can share. One scenario has one schema, so its ID is left out."""
        return (self.repository, self.base_ref, self.cache_id)

    def speed_at(self, now, arrival):
        """Section 5: what starts within its slow while, its end excluded, is slow."""
        slow = self.slow
        if slow and arrival + slow.after <= now < arrival + slow.after + slow.length:
            return self.speed * slow.factor
        return self.speed


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
    retries: int = 2
    learned: bool = False
    window_start: int = 20
    window_floor: int = 3

    @property
    def queues(self):
        """Whether there is any."""
        return any(peer.queue for peer in self.peers)

    @property
    def sampled(self):
        """Whether anything of it is: then it cannot be played here."""
        values = [self.overhead, self.rest_build, self.rest_fetch]
        for step in self.steps:
            values += [step.build, step.fetch, step.factor, step.hits, step.broken, step.flaky]
        for peer in self.peers:
            values += [peer.arrival, *peer.breaks.values()]
            if peer.departure:
                values.append(peer.departure.after)
                if peer.departure.returns:
                    values.append(peer.departure.away)
            if peer.slow:
                values += [peer.slow.after, peer.slow.length]
        return None in values


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


def length(value):
    """A duration to which nothing is applied: whole nanoseconds."""
    time = duration(value)
    return None if time is None else rounded(time)


def factor(value):
    """A number or a constant; None if it is sampled."""
    if isinstance(value, dict) and set(value) == {"constant"}:
        _known(value["constant"], {"value"}, "constant")
        value = value["constant"]["value"]
    if isinstance(value, dict) and len(value) == 1 and set(value) <= DISTRIBUTIONS:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, Fraction)):
        raise Unsupported(f"no factor: {value}")
    return Fraction(value)


def certain(probability):
    """Whether something happens; None if that is drawn."""
    return None if 0 < probability < 1 else probability == 1


def read(path):
    with open(path, encoding="utf-8") as file:
        return parse(file.read(), os.path.dirname(path))


def parse(text, folder="."):
    """A scenario from its text; `folder` is where a schema's path starts."""
    data = json.loads(text, parse_float=Fraction)
    _known(data, {"name", "description", "live", "schema", "steps", "rest", "overhead", "peers",
                  "policies", "replications", "seed", "retries", "estimates", "window"}, "scenario")
    schema = data["schema"]
    if isinstance(schema, str):
        with open(os.path.join(folder, schema), encoding="utf-8") as file:
            schema = json.load(file)
    rest = data.get("rest", {})
    _known(rest, {"build", "fetch"}, "rest")
    steps = _steps(list(schema["steps"]), data.get("steps", {}))
    window = {"start": 20, "floor": 3} | data.get("window", {})
    _known(window, {"start", "floor"}, "window")
    if not 1 <= window["floor"] <= window["start"]:
        raise Unsupported(f"no window: {window}")
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
        retries=data.get("retries", 2),
        learned=data.get("estimates", "scenario") == "learned",
        window_start=window["start"],
        window_floor=window["floor"],
    )


def _steps(ids, given):
    default = given.get("default", {})
    places = {step_id: place for place, step_id in enumerate(ids)}
    steps = []
    for place, step_id in enumerate(ids):
        settings = {**default, **given.get(step_id, {})}
        _known(settings, {"build", "fetch", "after", "parts", "factor", "hit_rate", "broken",
                          "flaky"}, f"steps.{step_id}")
        steps.append(Step(
            place=place,
            id=step_id,
            build=duration(settings["build"]),
            fetch=duration(settings["fetch"]),
            after={places[other] for other in settings.get("after", [])},
            parts=settings.get("parts", 1),
            factor=factor(settings.get("factor", 1)),
            hits=certain(settings.get("hit_rate", 1)),
            broken=certain(settings.get("broken", 0)),
            flaky=certain(settings.get("flaky", 0)),
        ))
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
                       "pipeline", "pipeline_type", "touches", "publishes", "keeps", "breaks",
                       "leaves", "returns", "slow"}, "peers")
        kind = group.get("pipeline_type", "independent")
        if kind not in ("independent", "dependent"):
            raise Unsupported(f"no pipeline type: {kind}")
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
                queue=(group.get("repository"), group.get("base_ref"), group.get("pipeline"))
                if kind == "dependent" else None,
                touches=_touches(group, places),
                publishes=group.get("publishes", True),
                breaks={places[step]: certain(probability)
                        for step, probability in group.get("breaks", {}).items()},
                departure=_departure(group),
                slow=_slow(group),
            ))
    return peers


def _touches(group, places):
    """Section 7: who breaks a step, or might, touches it, wholly unless `touches` says other."""
    touches = {step: 1 for step in group.get("breaks", {})} | group.get("touches", {})
    return {places[step]: Fraction(part) for step, part in touches.items()}


def _departure(group):
    if "leaves" not in group:
        return None
    returns = "returns" in group
    return Departure(
        after=length(group["leaves"]),
        returns=returns,
        away=length(group["returns"]) if returns else None,
        keeps=group.get("keeps", True),
    )


def _slow(group):
    if "slow" not in group:
        return None
    _known(group["slow"], {"after", "for", "factor"}, "slow")
    return Slow(
        after=length(group["slow"]["after"]),
        length=length(group["slow"]["for"]),
        factor=Fraction(group["slow"]["factor"]),
    )


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
