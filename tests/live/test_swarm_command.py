#!/usr/bin/python3
"""`task-director swarm`: a scenario's peers for an authority that is already there, comes back, or
stays away.

Usage: test_swarm_command.py [PROGRAM]; also $TASK_DIRECTOR. Ends with `N passed, N failed`.
"""
import json
import os
import re
import signal
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from counting import run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = (sys.argv[1:] + [os.environ.get("TASK_DIRECTOR", "build/task-director")])[0]
SCENARIO = os.path.join(ROOT, "scenarios", "live-sleep.json")
PATIENCE = 120
SUMMARY = re.compile(r"([\w-]+): (\d+) peers: (\d+) completed, (\d+) failed, (\d+) left; "
                     r"(\d+) orders, (\d+) connections lost; .*\n")


def serve(port, *arguments):
    process = subprocess.Popen(
        [PROGRAM, "serve", "--listen", f"127.0.0.1:{port}", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found = re.match(r"listening on 127\.0\.0\.1:(\d+)", process.stdout.readline())
    assert found, process.stderr.read()
    return process, int(found[1])


def stop(process):
    process.send_signal(signal.SIGTERM)
    return process.communicate(timeout=PATIENCE)[1]


def start_swarm(port, *arguments, scenario=SCENARIO):
    return subprocess.Popen(
        [PROGRAM, "swarm", "--server", f"ws://127.0.0.1:{port}", "--scenario", scenario,
         *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def swarm(port, *arguments, scenario=SCENARIO, status=0):
    """The figures of the summary, and what stands on standard error."""
    process = start_swarm(port, *arguments, scenario=scenario)
    out, complaint = process.communicate(timeout=PATIENCE)
    assert process.returncode == status, (process.returncode, out, complaint)
    found = SUMMARY.fullmatch(out)
    assert found or status == 2, out
    return ([int(number) for number in found.groups()[1:]] if found else None), complaint


def the_scenarios_peers(_):
    authority, port = serve(0)
    figures, complaint = swarm(port)
    log = stop(authority)
    # a step at a time, then the universe
    assert figures == [3, 3, 0, 0, 21, 0] and complaint == "", figures
    names = {line.split()[1] for line in log.splitlines()}
    assert names == {"peer-1", "peer-2", "peer-3"}, names
    # each is built once: by the same luck as in `run --live`, whose authority is the same
    built = re.findall(r"step (\d) \(ready\)", log)
    assert sorted(built) == list("123456"), built


def fewer_and_more_peers(_):
    authority, port = serve(0)
    assert swarm(port, "--peers", "1", "--time-scale", "0.00001")[0][:4] == [1, 1, 0, 0]
    assert swarm(port, "--peers", "7", "--time-scale", "0.00001", "--seed", "5",
                 "--replication", "3")[0][:4] == [7, 7, 0, 0]
    names = {line.split()[1] for line in stop(authority).splitlines()}
    assert names == {"peer-1", "peer-2", "peer-3", "peer-1~2", "peer-2~2", "peer-3~2",
                     "peer-1~3"}, names


def an_authority_that_is_killed_and_comes_back(_):
    authority, port = serve(0)
    process = start_swarm(port, "--peers", "30")
    while "order" not in authority.stderr.readline():
        pass
    authority.kill()
    authority.communicate()
    authority, _ = serve(port)
    out, complaint = process.communicate(timeout=PATIENCE)
    stop(authority)
    found = SUMMARY.fullmatch(out)
    assert process.returncode == 0 and found, (out, complaint)
    assert found[3] == "30" and int(found[7]) > 0, out


def an_authority_that_stays_away(_):
    with socket.socket() as silent: # nobody else takes the port, and nobody listens
        silent.bind(("127.0.0.1", 0))
        figures, complaint = swarm(silent.getsockname()[1], "--max-away", "0.2s", status=1)
    assert figures[:4] == [3, 0, 0, 3], figures
    assert "has been away for too long" in complaint and complaint.count("\n") == 1, complaint


def what_is_refused(folder):
    path = os.path.join(folder, "queue.json")
    with open(SCENARIO, encoding="utf-8") as file:
        scenario = json.load(file)
    scenario["peers"][0]["pipeline_type"] = "dependent"
    with open(path, "w", encoding="utf-8") as file:
        json.dump(scenario, file)
    assert "dependent" in swarm(1, scenario=path, status=2)[1]
    assert "no such" in swarm(1, scenario=path + "x", status=2)[1].lower()
    assert "--max-away" in swarm(1, "--max-away", "soon", status=2)[1]
    done = subprocess.run([PROGRAM, "swarm", "--scenario", SCENARIO], capture_output=True,
                          text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 2 and "--server is missing" in done.stderr, done


def ctrl_c_ends_it(_):
    authority, port = serve(0)
    process = start_swarm(port, "--time-scale", "1")
    while "order" not in authority.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    out, complaint = process.communicate(timeout=PATIENCE)
    authority.kill()
    authority.communicate()
    assert process.returncode == -signal.SIGINT and "interrupted" in complaint, complaint
    assert SUMMARY.fullmatch(out), out


if __name__ == "__main__":
    sys.exit(run([the_scenarios_peers, fewer_and_more_peers,
                  an_authority_that_is_killed_and_comes_back, an_authority_that_stays_away,
                  what_is_refused, ctrl_c_ends_it]))
