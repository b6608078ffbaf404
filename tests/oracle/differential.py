#!/usr/bin/python3
"""Runs the program and the oracle on random scenarios and compares all that they write.

    differential.py --program build/task-director --cases N --seed S [--profile full] [--keep DIR]

Case i is the scenario of seed S + i, so that `--cases 1 --seed S` repeats one. The profiles are
those of generate.py. The rows of runs.csv
(but for the lower bound), peers.csv and tasks.csv must agree in every character, whatever their
order. What the oracle does not play (`random`, sampled times) must satisfy the checker, as must
all else. A scenario that differs is kept, beside a smaller one that differs in the same way.
"""

import sys

sys.dont_write_bytecode = True

import argparse
import collections
import concurrent.futures
import copy
import json
import os
import subprocess
import tempfile

import check_tasks
import generate
import policies
import results
from model import Run
from scenario import parse

CONTEXT = 4  # intervals shown before and after the first difference
ATTEMPTS = 300  # smaller scenarios tried
DEPARTURE = ("leaves", "returns", "keeps")


def difference(program, data):
    """None, or (kind, report): how the program differs from the oracle on a scenario."""
    scenario = parse(generate.text(data))
    with tempfile.TemporaryDirectory() as folder:
        path, out = os.path.join(folder, "scenario.json"), os.path.join(folder, "out")
        with open(path, "w", encoding="utf-8") as file:
            file.write(generate.text(data))
        command = [program, "run", path, "--policy", ",".join(data["policies"]), "--out", out,
                   "--quiet"]
        fault = run(command)
        if fault:
            return fault
        try:
            fault = compare(scenario, data["policies"], out)
            if fault:
                return fault
            # where nobody wants rows, peers may go on alone
            with_rows = contents(out)
            return run(command + ["--tasks", "0"]) or without_rows(with_rows, contents(out))
        except (OSError, KeyError) as error:
            return "files", f"{type(error).__name__}: {error}"


def run(command):
    """None, or (kind, report): why the program did not end well."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        return "timeout", "the program takes more than a minute"
    if done.returncode != 0:
        return "exit", f"exit status {done.returncode}: {done.stderr.strip()}"
    return None


def contents(out):
    files = {}
    for name in ("peers.csv", "runs.csv"):
        with open(os.path.join(out, name), encoding="utf-8") as file:
            files[name] = file.read()
    return files


def without_rows(expected, found):
    for name, text in expected.items():
        if found[name] != text:
            return "rows", f"{name} is another one without rows in tasks.csv"
    return None


def compare(scenario, names, out):
    played = [name for name in names if name in policies.POLICIES and not scenario.sampled]
    expected = results.tables(scenario, {name: Run(scenario, name).run() for name in played})
    for name in ("tasks.csv", "peers.csv", "runs.csv"):
        columns = [column for column in results.HEADERS[name].split(",")
                   if column != "lower_bound_s"]
        found = [row for row in results.read(out, name)[1] if row["policy"] in played]
        theirs = [tuple(row[column] for column in columns) for row in found]
        ours = [tuple(row[column] for column in columns) for row in expected[name]]
        if collections.Counter(theirs) != collections.Counter(ours):
            show = tasks_report if name == "tasks.csv" else rows_report
            return name, show(name, ours, theirs)
    ran = collections.Counter(row["policy"] for row in results.read(out, "runs.csv")[1])
    if ran != {name: scenario.replications for name in names}:
        return "policies", f"runs.csv: {dict(ran)}"
    faults = check_tasks.check(scenario, out)
    return ("checker", "\n".join(faults[:5])) if faults else None


def rows_report(name, ours, theirs):
    missing = list((collections.Counter(ours) - collections.Counter(theirs)).elements())
    extra = list((collections.Counter(theirs) - collections.Counter(ours)).elements())
    return "\n".join([f"{name}: rows of the oracle only:"] + [f"  {','.join(row)}"
                                                              for row in missing[:3]]
                     + ["rows of the program only:"] + [f"  {','.join(row)}" for row in extra[:3]])


def tasks_report(name, ours, theirs):
    """The first interval that differs, by its start, with what is around it on both sides."""
    columns = results.HEADERS[name].split(",")
    at = {column: columns.index(column) for column in columns}

    def by_peer(rows):
        peers = collections.defaultdict(list)
        for row in rows:
            peers[row[at["policy"]], row[at["replication"]], row[at["peer"]]].append(row)
        for of_peer in peers.values():
            of_peer.sort(key=lambda row: (float(row[at["start_s"]]), float(row[at["end_s"]])))
        return peers

    ours, theirs = by_peer(ours), by_peer(theirs)
    first = None
    for peer in sorted(set(ours) | set(theirs)):
        if collections.Counter(ours[peer]) == collections.Counter(theirs[peer]):
            continue
        index = 0
        while index < min(len(ours[peer]), len(theirs[peer])) \
                and ours[peer][index] == theirs[peer][index]:
            index += 1
        start = min(float(rows[peer][index][at["start_s"]]) for rows in (ours, theirs)
                    if index < len(rows[peer]))
        if first is None or start < first[0]:
            first = (start, peer, index)
    _, peer, index = first
    lines = [f"{name}: {peer[0]}, replication {peer[1]}, peer {peer[2]}, interval {index + 1}:"]
    for side, rows in (("oracle", ours[peer]), ("program", theirs[peer])):
        lines.append(f"  {side}:")
        for number in range(max(index - CONTEXT, 0), min(index + CONTEXT + 1, len(rows))):
            mark = ">" if number == index else " "
            lines.append(f"  {mark} " + " ".join(rows[number][at["step"]:]))
    return "\n".join(lines)


def smaller(data):
    """Scenarios that are simpler by one thing."""
    def changed(change):
        copied = copy.deepcopy(data)
        change(copied)
        return copied

    for policy in data["policies"]:
        if len(data["policies"]) > 1:
            yield changed(lambda new: new.update(policies=[policy]))
    for index, group in enumerate(data["peers"]):
        def in_group(change, index=index):
            return changed(lambda new: change(new["peers"][index]))
        if len(data["peers"]) > 1:
            yield changed(lambda new: new["peers"].pop(index))
        if group.get("count", 1) > 1 and "times" not in str(group.get("arrival")):
            yield in_group(lambda new: new.update(count=new["count"] - 1))
        for key in sorted(set(group) - {"name", "count", "leaves"}):
            if key != "arrival" or "times" not in str(group[key]):
                yield in_group(lambda new: new.pop(key))
        if "leaves" in group:
            yield in_group(lambda new: [new.pop(key, None) for key in DEPARTURE])
        for key in ("touches", "breaks"):
            for step in group.get(key, {}):
                if len(group[key]) > 1:
                    yield in_group(lambda new: new[key].pop(step))
    for step in data["schema"]["steps"]:
        if len(data["schema"]["steps"]) > 1:
            yield changed(lambda new: drop_step(new, step))
    for step, settings in data["steps"].items():
        for key in settings:
            if step != "default" or key not in ("build", "fetch"):
                yield changed(lambda new: new["steps"][step].pop(key))
        if settings.get("parts", 1) > 2:
            yield changed(lambda new: new["steps"][step].update(parts=settings["parts"] - 1))
        for other in settings.get("after", []):
            yield changed(lambda new: new["steps"][step]["after"].remove(other))
    window = data.get("window", {"start": 0, "floor": 0})
    if window["start"] > window["floor"]:
        yield changed(lambda new: new.update(window=window | {"start": window["start"] - 1}))
    for key in ("rest", "overhead", "replications", "retries", "estimates", "window"):
        if key in data:
            yield changed(lambda new: new.pop(key))


def drop_step(data, step):
    del data["schema"]["steps"][step]
    data["steps"].pop(step, None)
    for settings in data["steps"].values():
        if step in settings.get("after", []):
            settings["after"].remove(step)
    for group in data["peers"]:
        for key in ("touches", "breaks"):
            group.get(key, {}).pop(step, None)


def shrink(program, data, kind):
    """The smallest scenario found that still differs in the same way, and its report."""
    report, attempts, progress = None, 0, True
    while progress and attempts < ATTEMPTS:
        progress = False
        for candidate in smaller(data):
            attempts += 1
            found = difference(program, candidate)
            if found and found[0] == kind:
                data, report, progress = candidate, found[1], True
                break
            if attempts >= ATTEMPTS:
                break
    return data, report


def case(program, seed, profile, keep):
    """None if the program agrees, else a report."""
    data = generate.scenario(seed, profile)
    found = difference(program, data)
    if not found:
        return None
    os.makedirs(keep, exist_ok=True)
    kind, report = found
    lines = [f"seed {seed}: {report}"]
    small, small_report = shrink(program, data, kind)
    for name, scenario in (("scenario", data), ("smaller", small)):
        path = os.path.join(keep, f"{name}-{profile}-{seed}.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(generate.text(scenario))
        lines.append(f"{name}: {path}")
    if small_report:
        lines.append(small_report)
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default="build/task-director")
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1, help="of the first case (default 1)")
    parser.add_argument("--profile", choices=generate.PROFILES, default="basic")
    parser.add_argument("--keep", help="where scenarios that differ are kept")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.program)
    keep = arguments.keep or os.path.join(tempfile.gettempdir(), "task-director-differences")
    seeds = range(arguments.seed, arguments.seed + arguments.cases)
    failed = 0
    with concurrent.futures.ProcessPoolExecutor(arguments.jobs) as pool:
        for future in [pool.submit(case, program, seed, arguments.profile, keep)
                       for seed in seeds]:
            report = future.result()
            if report:
                failed += 1
                print(report, flush=True)
    print(f"{arguments.cases - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
