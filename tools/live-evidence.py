#!/usr/bin/python3
"""What Bazel itself says of a live run: by how many peers each step was built cold.

    tools/live-evidence.py DIR [--once POLICY,...] [--beside SIMULATED]

DIR is what `task-director run --live --out DIR` has written. Its events/POLICY-REPLICATION/PEER/
holds one file of build events an order, as Bazel wrote it; nothing else is read for the first
table. A step is built cold by a peer that has run more than 5% of the step's actions itself,
Bazel's internal ones apart, instead of having them from the cache.

--once      fails unless under these policies each step was built cold by one peer only
--beside    the --out of the same scenario, simulated: prints the makespans side by side, and fails
            unless both worlds rank the policies alike
"""
import argparse
import base64
import csv
import json
import os
import re
import sys

sys.dont_write_bytecode = True
FETCH_SHARE = 0.05
CACHES = ("remote cache hit", "disk cache hit", "action cache hit")


def runners_of(event):
    """How many actions each runner has run, from the event that counts them; None from others."""
    summary = event.get("buildMetrics", {}).get("actionSummary", {})
    if "runnerCount" in summary:
        return {runner["name"]: int(runner["count"]) for runner in summary["runnerCount"]}
    for log in event.get("buildToolLogs", {}).get("log", []):
        if log.get("name") == "process stats":
            line = base64.b64decode(log["contents"]).decode()
            return {name: int(count) for count, name in re.findall(r"(\d+) ([a-z][\w -]*)", line)}
    return None


def actions_of(path):
    """(run, from a cache) of one build; None if it has no end."""
    found = None
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if '"buildMetrics"' not in line and '"buildToolLogs"' not in line:
                continue
            runners = runners_of(json.loads(line))
            found = found or runners
    if found is None:
        return None
    counts = {name: count for name, count in found.items()
              if name not in ("internal", "total", "processes", "process")}
    hits = sum(count for name, count in counts.items() if name in CACHES)
    return sum(counts.values()) - hits, hits


def read_run(folder):
    """{peer: {step: [run, hits, builds that did not end]}} of a policy and replication."""
    peers = {}
    for peer in sorted(os.listdir(folder)):
        steps = peers.setdefault(peer, {})
        for name in sorted(os.listdir(os.path.join(folder, peer))):
            match = re.fullmatch(r"\d+-(.*)\.json", name)
            if match is None:
                continue
            total = steps.setdefault(match[1], [0, 0, 0])
            actions = actions_of(os.path.join(folder, peer, name))
            for i, count in enumerate((*actions, 0) if actions else (0, 0, 1)):
                total[i] += count
    return peers


def is_cold(total):
    return total[0] > FETCH_SHARE * (total[0] + total[1])


def spell(total):
    if total is None:
        return "-"
    text = f"{total[0]} run, {total[1]} hit"
    return text + (", cut short" if total[2] else "")


def print_table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def show_run(name, peers):
    """Prints the table of a run; {step: peers that have built it cold}."""
    steps = sorted({step for built in peers.values() for step in built},
                   key=lambda step: (step == "universe", len(step), step))
    cold = {step: [peer for peer, built in peers.items() if is_cold(built.get(step, (0, 0, 0)))]
            for step in steps}
    rows = [["step", *peers, "built cold by"]]
    for step in steps:
        count = len(cold[step])
        rows.append([step, *(spell(built.get(step)) for built in peers.values()),
                     "nobody" if count == 0 else f"{count} peer{'s' if count > 1 else ''}"])
    print(f"\n{name}")
    print_table(rows)
    return cold


def show_evidence(folder, once):
    """Whether each step was built cold by one peer only, where it should have been."""
    events = os.path.join(folder, "events")
    good, seen = True, set()
    print("Actions that Bazel has run itself, and found in the cache, by its build event files:")
    for name in sorted(os.listdir(events)):
        policy, _, replication = name.rpartition("-")
        seen.add(policy)
        cold = show_run(f"{policy}, replication {replication}",
                        read_run(os.path.join(events, name)))
        for step, peers in cold.items():
            if policy in once and step != "universe" and len(peers) != 1:
                print(f"live-evidence: {name}: step {step} was built cold by {len(peers)} peers: "
                      f"{', '.join(peers)}", file=sys.stderr)
                good = False
    for policy in once - seen:
        print(f"live-evidence: {events} has no run of {policy}", file=sys.stderr)
        good = False
    return good


def makespans(folder):
    """{policy: mean makespan in seconds}, in the file's order."""
    values = {}
    with open(os.path.join(folder, "runs.csv"), newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            values.setdefault(row["policy"], []).append(float(row["makespan_s"]))
    return {policy: sum(times) / len(times) for policy, times in values.items()}


def show_beside(live, simulated):
    """Whether both rank the policies alike."""
    worlds = [makespans(simulated), makespans(live)]
    ranks = [sorted(world, key=world.get) for world in worlds]
    rows = [["policy", "simulated", "live", "rank simulated", "rank live"]]
    for policy in worlds[0]:
        rows.append([policy, *(f"{world[policy]:.1f} s" for world in worlds),
                     *(str(rank.index(policy) + 1) for rank in ranks)])
    print("\nThe makespans, simulated and live:\n")
    print_table(rows)
    if ranks[0] != ranks[1]:
        print("live-evidence: the policies do not rank as simulated", file=sys.stderr)
    return ranks[0] == ranks[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument("--once", metavar="POLICY,...", default="")
    parser.add_argument("--beside", metavar="SIMULATED")
    given = parser.parse_args()
    try:
        good = show_evidence(given.folder, set(filter(None, given.once.split(","))))
        if given.beside:
            good = show_beside(given.folder, given.beside) and good
    except OSError as error:
        sys.exit(f"live-evidence: {error}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
