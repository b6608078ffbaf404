#!/usr/bin/python3
"""Random scenarios that are hard on the order of events: many ties, zero lengths, roundings.

    generate.py SEED        prints the scenario of a seed (the same text for the same seed)
"""

import sys

sys.dont_write_bytecode = True

import json
import random

POLICIES = ["universe", "linear", "parallel", "directed", "longest", "shortest", "critical-path",
            "most-unlocked", "random"]
SPEEDS = [1, 1, 1, 0.5, 2, 3, 0.7]
ODD_SPEEDS = [2, 2, 0.4, 3, 0.7]  # what makes halves and thirds of a few nanoseconds
FRACTIONS = [1, 1.0, 0.5, 0.5, 0.25, 0.1]


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


KINDS = [small, small, small, small, equal, equal, decimal, decimal, nanoseconds, nanoseconds,
         large, sampled]


def scenario(seed):
    """The scenario of a seed, as what json.dumps writes."""
    rng = random.Random(seed)
    big = rng.random() < 0.04
    kind = rng.choice(KINDS)
    steps = step_ids(rng, rng.randint(10, 25) if big else rng.randint(1, rng.choice([3, 6, 10])))
    data = {
        "name": f"seed-{seed}",
        "schema": {"id": "generated", "universe": "//...",
                   "steps": {step: f"//step{number}/..." for number, step in enumerate(steps)}},
        "steps": step_settings(rng, kind, steps),
        "peers": groups(rng, kind, steps, rng.randint(10, 30) if big else rng.randint(1, 8)),
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
    if len(sys.argv) != 2:
        sys.exit("usage: generate.py SEED")
    print(text(scenario(int(sys.argv[1]))), end="")
