#!/usr/bin/python3
"""Random scenarios that are hard on the order of events: many ties, zero lengths, roundings.

    generate.py SEED [PROFILE]      prints the scenario of a seed (the same text for the same seed)

Profiles: basic (the default); full, which mixes in misses, parts, factors, failures, absences and
the like, on few steps and peers; and queue, which is full with dependent pipelines. The
probabilities of both are 0 and 1.
"""

import sys

sys.dont_write_bytecode = True

import json
import random
from fractions import Fraction

import scenario as scenario_file

POLICIES = ["universe", "linear", "parallel", "directed", "longest", "shortest", "critical-path",
            "most-unlocked", "random"]
SPEEDS = [1, 1, 1, 0.5, 2, 3, 0.7]
ODD_SPEEDS = [2, 2, 0.4, 3, 0.7]  # what makes halves and thirds of a few nanoseconds
FRACTIONS = [1, 1.0, 0.5, 0.5, 0.25, 0.1]
FACTORS = [0.5, 2, 1, 1.5, 0.25, {"constant": {"value": 3}}]  # that binary numbers hold exactly


def small(rng):
    """Whole seconds, so that much happens at once; written in every way that reads the same."""
    number = rng.choice([0, 0, 1, 1, 2, 2, 3, 4, 5])
    return rng.choice([number, number, number, float(number), f"{number}s", f"{number}000ms",
                       {"constant": {"value": number}}])


def equal(rng):
    """All alike, or nothing."""
    return rng.choice([2, 2, 2, 0])


def decimal(rng):
    return rng.choice([0.1, 0.2, 0.3, 0.7, 1.1, 1.5, 2.25, 0.001, "250ms", "1m30s", "1.5s", 0, 3,
                       "1h1m1s", 1e-3])


def nanoseconds(rng):
    """Of a few whole nanoseconds, where every speed and fraction must round."""
    return rng.choice([0, 1e-9, 2e-9, 3e-9, 5e-9, 7e-9, 0.000000013])


def large(rng):
    """As in practice: minutes to hours, to the millisecond."""
    return round(rng.uniform(0, 20000), rng.choice([0, 1, 3]))


def sampled(rng):
    """For the checker alone."""
    mean = rng.choice([1, 10, "2m"])
    return rng.choice([
        {"exponential": {"mean": mean}},
        {"uniform": {"min": 0, "max": mean}},
        {"lognormal": {"mean": mean, "cv": 0.5}},
        {"gamma": {"mean": mean, "cv": 1.5}},
        {"normal": {"mean": mean, "sd": 1}},
        {"triangular": {"min": 0, "mode": mean, "max": "3m"}},
        small(rng),
    ])


PROFILES = ("basic", "full", "queue")
KINDS = [small, small, small, small, equal, equal, decimal, decimal, nanoseconds, nanoseconds,
         large, sampled]


def scenario(seed, profile="basic"):
    """The scenario of a seed, as what json.dumps writes."""
    if profile == "full":
        return full(random.Random(f"full {seed}"), seed)
    if profile == "queue":
        return queue(random.Random(f"queue {seed}"), seed)
    rng = random.Random(seed)
    big = rng.random() < 0.04
    kind = rng.choice(KINDS)
    steps = step_ids(rng, rng.randint(10, 25) if big else rng.randint(1, rng.choice([3, 6, 10])))
    return base(rng, seed, kind, steps, (10, 30) if big else (1, 8))


def base(rng, seed, kind, steps, peers):
    """With the number of peers within bounds."""
    data = {
        "name": f"seed-{seed}",
        "schema": {"id": "generated", "universe": "//...",
                   "steps": {step: f"//step{number}/..." for number, step in enumerate(steps)}},
        "steps": step_settings(rng, kind, steps),
        "peers": groups(rng, kind, steps, rng.randint(*peers)),
        "policies": POLICIES,
        "seed": seed,
    }
    if rng.random() < 0.6:
        data["rest"] = {"build": kind(rng), "fetch": kind(rng)}
    if rng.random() < 0.5:
        data["overhead"] = kind(rng)
    if rng.random() < (0.5 if kind is sampled else 0.05):
        data["replications"] = 2
    return data


# What a scenario of the profile full is about, with the features that it has in any case.
FOCUSES = {
    "mixed": (),
    "learned": ("touches", "learned"),
    "learned nanoseconds": ("touches", "learned"),
    "learned parts": ("touches", "learned", "parts", "hit_rate", "leaves"),
    "parts": ("touches", "parts", "leaves"),
    "broken": ("broken",),
    "failing parts": ("touches", "parts", "breaks", "leaves", "flaky"),
}
FEATURES = ("hit_rate", "parts", "factor", "broken", "flaky", "publishes", "breaks", "leaves",
            "slow", "learned")


def full(rng, seed):
    """A basic scenario, and several features of sections 4, 5 and 7 at once."""
    kind = rng.choice([kind for kind in KINDS if kind is not sampled])
    focus = rng.choice(["mixed", "mixed", *FOCUSES])
    if focus == "learned nanoseconds":
        kind = nanoseconds
    features = set(FOCUSES[focus])
    steps = step_ids(rng, rng.randint(3, 7) if focus.startswith("learned")
                     else rng.randint(1, rng.choice([2, 3, 5, 7])))
    data = base(rng, seed, kind, steps, (1, rng.choice([3, 5, 8])))
    mix = rng.choice([0.15, 0.3, 0.5] if focus == "mixed" else [0.05, 0.15])  # how many others
    features |= {feature for feature in FEATURES if rng.random() < mix}
    for settings in some(rng, [data["steps"].setdefault(step, {}) for step in ["default", *steps]]):
        if "hit_rate" in features:
            settings["hit_rate"] = rng.choice([0, 0, 1, 0.0, 1.0])
        if "parts" in features:
            settings["parts"] = rng.choice([1, 2, 2, 3, 4])
        if "factor" in features:
            settings["factor"] = rng.choice(FACTORS)
    for feature, few in (("broken", 1), ("flaky", 2)):
        if feature in features:
            for step in rng.sample(steps, rng.randint(1, min(few, len(steps)))):
                data["steps"][step][feature] = rng.choice([1, 1, 1.0, 0])
    for group in some(rng, data["peers"]):
        if "touches" in features:
            group["touches"] = {step: rng.choice(FRACTIONS) for step in some(rng, steps)}
        if "publishes" in features and rng.random() < 0.7:
            group["publishes"] = rng.choice([False, False, True])
        if "breaks" in features and rng.random() < 0.5:
            touched = rng.sample(steps, rng.randint(1, min(len(steps), 2)))
            group["breaks"] = {step: rng.choice([0, 1, 1]) for step in touched}
            if rng.random() < 0.5:
                group["touches"] = group.get("touches", {}) | {
                    rng.choice(touched): rng.choice(FRACTIONS)}
        if "leaves" in features:
            group.update(departure(rng, kind))
        if "slow" in features and rng.random() < 0.7:
            group["slow"] = {"after": longer(rng, kind), "for": longer(rng, kind),
                             "factor": rng.choice([0.25, 0.5, 0.5, 2, 0.7])}
    if rng.random() < 0.5:
        data["retries"] = rng.choice([0, 1, 2, 3])
    if "learned" in features or rng.random() < 0.1:
        data["estimates"] = "learned" if "learned" in features else "scenario"
    data["steps"] = {step: settings for step, settings in data["steps"].items() if settings}
    return data


# Of a step: their sums lie on both sides of 1, and on it.
SHARES = [0.25, 0.25, 0.5, 0.5, 0.75, 0.125, 1, 0.1, 0.2, 0.3, 0.7]


def queue(rng, seed):
    """A full scenario whose groups are, most of them, changes of a few queues."""
    data = full(rng, seed)
    while sum(len(arrivals_of(group)) for group in data["peers"]) < rng.choice([2, 3, 4, 5]):
        data = full(rng, seed)
    steps = list(data["schema"]["steps"])
    if rng.random() < 0.7:
        exact_times(rng, data, steps)
    for feature in ("broken", "flaky"):  # or else few would ever merge
        if rng.random() < 0.7:
            for settings in data["steps"].values():
                settings.pop(feature, None)
    data["steps"] = {step: settings for step, settings in data["steps"].items() if settings}
    if rng.random() < 0.9:
        floor = rng.choice([1, 1, 2])
        data["window"] = {"start": floor + rng.choice([0, 0, 1, 1, 2, 3]), "floor": floor}
    queues = rng.choice([["gate"], ["gate"], ["gate", "gate", None], ["gate", "merge"]])
    one_place, one_cache = rng.random() < 0.8, rng.random() < 0.7
    share = rng.choice([0.5, 0.7, 1])  # of the groups that stand in a queue
    breaking, leaving = rng.choice([0, 0.2, 0.5]), rng.choice([0, 0.2, 0.5])
    for number, group in enumerate(data["peers"]):
        if one_place:
            for key in ("repository", "base_ref", "cache_id"):
                group.pop(key, None)
        if not one_cache:
            group["cache_id"] = rng.choice(["muc9", "muc9", "muc10"])
        if number > 0 and rng.random() > share:
            continue
        group["pipeline_type"] = "dependent"
        group["pipeline"] = rng.choice(queues)
        if group["pipeline"] is None:
            del group["pipeline"]
        if rng.random() < 0.7:
            group["touches"] = {step: rng.choice(SHARES) for step in some(rng, steps)}
        if rng.random() < breaking:
            group["breaks"] = {rng.choice(steps): rng.choice([0, 1, 1, 1])}
        elif rng.random() < 0.7:
            group.pop("breaks", None)
        if rng.random() < leaving:
            for key in ("leaves", "returns", "keeps"):
                group.pop(key, None)
            group.update(departure(rng, small))
    if rng.random() < 0.4:
        hold_up(rng, data["peers"][0], steps)
    return data


def hold_up(rng, group, steps):
    """A slow head: those behind it complete, or find broken what it breaks, before it ends."""
    for key in ("leaves", "returns", "keeps", "breaks", "count", "slow"):
        group.pop(key, None)
    group["arrival"], group["speed"] = 0, rng.choice([0.25, 0.5, 0.5])
    group["touches"] = {rng.choice(steps): rng.choice(SHARES)}
    if rng.random() < 0.5:
        group["breaks"] = {rng.choice(steps): 1}
        if rng.random() < 0.5:
            group["publishes"] = False  # so that others try what it tries
    else:
        group.update(departure(rng, small))
        group["leaves"] = rng.choice([group["leaves"], 8, 10, 12, 15, 20])
    if rng.random() < 0.5:
        group["cache_id"] = "slow"  # where it is in nobody's way


def exact_times(rng, data, steps):
    """Other times that are all small and whole, so that much coincides."""
    for settings in (data["steps"].setdefault(step, {}) for step in ["default", *steps]):
        for key in set(settings) & {"build", "fetch"}:
            settings[key] = rng.choice([0, 1, 1, 2, 2, 4, 8])
    for key in ("build", "fetch"):
        if key in data.get("rest", {}):
            data["rest"][key] = rng.choice([0, 1, 2])
    if "overhead" in data:
        data["overhead"] = rng.choice([0, 1])
    for group in data["peers"]:
        if len(arrivals_of(group)) == 1:
            group["arrival"] = rng.choice([0, 0, 1, 2, 3, 5])
            group.pop("count", None)
        if "speed" in group:
            group["speed"] = rng.choice([1, 0.5, 2])


def arrivals_of(group):
    arrival = group.get("arrival")
    if isinstance(arrival, dict) and "times" in arrival:
        return arrival["times"]
    return [arrival] * group.get("count", 1)


def some(rng, among):
    """Of several, most or a few."""
    share = rng.choice([0.3, 0.6, 1])
    return [one for one in among if rng.random() < share]


def departure(rng, kind):
    keys = {"leaves": longer(rng, kind)}
    if rng.random() < 0.75:
        keys["returns"] = kind(rng)
        if rng.random() < 0.4:
            keys["keeps"] = rng.choice([False, False, True])
    return keys


def longer(rng, kind):
    """A multiple, so that it falls within what a peer does, and often at its ends."""
    times = [kind(rng) for _ in range(rng.choice([1, 1, 2, 4]))]
    if kind in (small, equal):
        return int(sum(scenario_file.duration(exact(time)) for time in times) // 10**9)
    return times[0]


def exact(time):
    """With numbers as the text of the file gives them."""
    return json.loads(json.dumps(time), parse_float=Fraction)


def step_ids(rng, count):
    """Their order is the schema's, which is not the one of their names."""
    ids = [str(number) for number in range(1, count + 1)]
    if rng.random() < 0.5:
        rng.shuffle(ids)
    return ids


def step_settings(rng, kind, steps):
    settings = {"default": {"build": kind(rng), "fetch": kind(rng)}}
    own = rng.choice([0, 0.3, 1])
    for step in steps:
        times = {key: kind(rng) for key in ("build", "fetch") if rng.random() < own}
        if times:
            settings[step] = times
    # Prerequisites: each comes after some of those before it in an order of our own, which need
    # not be the schema's. An `after` names them in any order, some of them needlessly.
    topological = list(steps)
    if rng.random() < 0.7:
        rng.shuffle(topological)
    density = rng.choice([0, 0, 0.1, 0.3, 0.6])
    for place, step in enumerate(topological):
        after = [other for other in topological[:place] if rng.random() < density]
        if after:
            rng.shuffle(after)
            settings.setdefault(step, {})["after"] = after
    return settings


def groups(rng, kind, steps, count):
    """Groups of `count` peers in all, of one or several cohorts."""
    cohorts = rng.choice([0, 0, 0, 0.3, 0.6])
    touching = rng.choice([0, 0, 0.3, 0.7, 1])
    together = rng.random() < 0.4
    result = []
    while count > 0:
        size = min(count, rng.choice([1, 1, 2, 3, 5]))
        count -= size
        group = {"name": f"{rng.choice('abc')}{len(result)}"}
        group.update(arrivals(rng, kind, size, together))
        if rng.random() < (0.8 if kind is nanoseconds else 0.4):
            group["speed"] = rng.choice(ODD_SPEEDS if kind is nanoseconds else SPEEDS)
        for key, values in (("cache_id", ["muc9", "muc10"]), ("repository", ["app", "lib"]),
                            ("base_ref", ["master", "next"])):
            if rng.random() < cohorts:
                group[key] = rng.choice(values)
        if rng.random() < 0.2:
            group["pipeline"], group["pipeline_type"] = "check", "independent"
        if rng.random() < touching:
            touched = rng.sample(steps, rng.randint(1, min(len(steps), rng.choice([1, 2, 4]))))
            group["touches"] = {step: rng.choice(FRACTIONS) for step in touched}
        result.append(group)
    return result


def arrivals(rng, kind, size, together):
    form = rng.choice(["none", "none", "constant", "every", "times"])
    if kind is sampled and rng.random() < 0.3:
        form = "poisson"
    if together or form == "none":
        group = {"count": size}
        if rng.random() < 0.5:
            group["arrival"] = 0
    elif form == "constant":
        group = {"count": size, "arrival": kind(rng)}
    elif form == "every":
        group = {"count": size, "arrival": {"every": plain(rng, kind)}}
    elif form == "poisson":
        group = {"count": size, "arrival": {"poisson": {"per_hour": rng.choice([20, 1000])}}}
    else:
        group = {"arrival": {"times": [plain(rng, kind) for _ in range(size)]}}
        if rng.random() < 0.5:
            group["count"] = size
    if group.get("count") == 1 and rng.random() < 0.5:
        del group["count"]
    return group


def plain(rng, kind):
    """A number or a string where a distribution is not allowed."""
    time = kind(rng)
    return 0 if isinstance(time, dict) else time


def text(data):
    return json.dumps(data, indent=2) + "\n"


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[-1] not in (sys.argv[1], *PROFILES):
        sys.exit("usage: generate.py SEED [PROFILE]")
    print(text(scenario(int(sys.argv[1]), *sys.argv[2:])), end="")
