"""The CSV rows (section 6 of the model) that follow from the runs of the oracle."""

import csv
import os
from fractions import Fraction

from policies import REST
from scenario import SECOND, rounded

HEADERS = {
    "runs.csv": "scenario,mode,policy,replication,seed,peers,steps,makespan_s,mean_turnaround_s,"
                "p95_turnaround_s,busy_s,wait_s,builds,duplicate_builds,fetches,failures,"
                "lower_bound_s,events,machine_s",
    "peers.csv": "scenario,mode,policy,replication,peer,cache,arrival_s,completion_s,turnaround_s,"
                 "busy_s,wait_s,builds,fetches,outcome,merged_s",
    "tasks.csv": "scenario,mode,policy,replication,peer,step,kind,start_s,end_s,outcome,hit_ratio",
    "summary.csv": "scenario,mode,policy,metric,n,mean,sd,ci_low,ci_high,confidence,min,p50,p90,"
                   "p95,p99,max",
    "compare.csv": "scenario,metric,policy_a,policy_b,n,mean_difference,ci_low,ci_high,confidence,"
                   "ratio,p_value,p_holm",
}


def seconds(time):
    """A whole number of nanoseconds as seconds with 9 decimals."""
    return f"{time // SECOND}.{time % SECOND:09d}"


def nearest_rank(values, percent):
    """The smallest value that at least `percent` percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[(percent * len(ordered) + 99) // 100 - 1]


def mean_turnaround(turnarounds):
    if not turnarounds:
        return ""
    return seconds(rounded(Fraction(sum(turnarounds), len(turnarounds))))


def length(intervals, *kinds):
    return sum(item.end - item.start for item in intervals if item.kind in kinds)


def count(intervals, kind, outcomes=("ok", "duplicate")):
    """Builds or fetches of steps: the rest counts in neither (section 2)."""
    return sum(item.kind == kind and item.step != REST and item.outcome in outcomes
               for item in intervals)


def peer_row(scenario, policy, replication, state):
    peer, intervals = state.peer, state.intervals
    return {
        "scenario": scenario.name,
        "mode": "simulated",
        "policy": policy,
        "replication": str(replication),
        "peer": peer.name,
        "cache": peer.cache_id or "",
        "arrival_s": seconds(peer.arrival),
        "completion_s": "" if state.completion is None else seconds(state.completion),
        "turnaround_s": "" if state.completion is None else seconds(
            state.completion - peer.arrival),
        "busy_s": seconds(length(intervals, "build", "fetch", "overhead")),
        "wait_s": seconds(length(intervals, "wait")),
        "builds": str(count(intervals, "build")),
        "fetches": str(count(intervals, "fetch")),
        "outcome": state.outcome,
        "merged_s": "" if state.merged is None else seconds(state.merged),
    }


def task_rows(scenario, policy, replication, state):
    for item in state.intervals:
        if item.step is None or item.step == REST:
            step = item.step or ""
        else:
            step = scenario.steps[item.step].id
        yield {
            "scenario": scenario.name,
            "mode": "simulated",
            "policy": policy,
            "replication": str(replication),
            "peer": state.peer.name,
            "step": step,
            "kind": item.kind,
            "start_s": seconds(item.start),
            "end_s": seconds(item.end),
            "outcome": item.outcome,
            "hit_ratio": "",
        }


def run_row(scenario, policy, replication, run):
    """Without the lower bound, which does not follow from a run."""
    states = run.states
    # Makespan covers all, turnaround those that completed.
    turnarounds = [state.completion - state.peer.arrival for state in states
                   if state.outcome == "ok"]
    intervals = [item for state in states for item in state.intervals]
    makespan = max(state.end for state in states) - min(state.peer.arrival for state in states)
    return {
        "scenario": scenario.name,
        "mode": "simulated",
        "policy": policy,
        "replication": str(replication),
        "seed": str(scenario.seed),
        "peers": str(len(states)),
        "steps": str(len(scenario.steps)),
        "makespan_s": seconds(makespan),
        "mean_turnaround_s": mean_turnaround(turnarounds),
        "p95_turnaround_s": seconds(nearest_rank(turnarounds, 95)) if turnarounds else "",
        "busy_s": seconds(length(intervals, "build", "fetch", "overhead")),
        "wait_s": seconds(length(intervals, "wait")),
        "builds": str(count(intervals, "build")),
        "duplicate_builds": str(count(intervals, "build", ("duplicate",))),
        "fetches": str(count(intervals, "fetch")),
        "failures": str(sum(item.outcome == "failed" for item in intervals)),
        "lower_bound_s": "",
        "events": str(sum(state.orders_ended for state in states)),
        # Present, waits included.
        "machine_s": seconds(sum(state.presence for state in states)),
    }


def tables(scenario, runs):
    """The rows of the three long tables. Constant times: all replications are alike."""
    rows = {"runs.csv": [], "peers.csv": [], "tasks.csv": []}
    for policy, run in runs.items():
        for replication in range(1, scenario.replications + 1):
            rows["runs.csv"].append(run_row(scenario, policy, replication, run))
            for state in run.states:
                rows["peers.csv"].append(peer_row(scenario, policy, replication, state))
                rows["tasks.csv"].extend(task_rows(scenario, policy, replication, state))
    return rows


def write(folder, scenario, runs):
    os.makedirs(folder, exist_ok=True)
    for name, rows in tables(scenario, runs).items():
        with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, HEADERS[name].split(","))
            writer.writeheader()
            writer.writerows(rows)


def read(folder, name):
    """(header, rows) of a CSV file of a results folder."""
    with open(os.path.join(folder, name), encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        return reader.fieldnames or [], list(reader)
