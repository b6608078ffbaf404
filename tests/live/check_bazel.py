#!/usr/bin/python3
"""`run --live` with the real Bazel on scenarios/live-workspace: `make check-bazel`.

Usage: check_bazel.py [PROGRAM]; also $TASK_DIRECTOR. Ends with `N passed, N failed`.
"""
import csv
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from counting import run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.abspath((sys.argv[1:] +
                           [os.environ.get("TASK_DIRECTOR", "build/task-director")])[0])
EVIDENCE = os.path.join(ROOT, "tools", "live-evidence.py")


def processes():
    """{pid: (parent, command line)}"""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                found[int(pid)] = parent, file.read().replace("\0", " ")
        except OSError:
            pass  # it has ended
    return found


class Place:
    """A folder with the scenario in it, and a folder for temporary files that must end empty."""

    def __init__(self, folder, peers, seconds, cache=None):
        self.out = os.path.join(folder, "out")
        self.temporary = os.path.join(folder, "tmp")
        self.path = os.path.join(folder, "scenario.json")
        os.mkdir(self.temporary)
        with open(os.path.join(ROOT, "scenarios", "live-bazel.json"), encoding="utf-8") as file:
            scenario = json.load(file)
        scenario["peers"][0]["count"] = peers
        workspace = os.path.join(ROOT, "scenarios", "live-workspace")
        scenario["schema"] = os.path.join(workspace, "schema.json")
        scenario["live"] = {"executor": "bazel", "workspace": workspace,
                            "bazel_args": [f"--define=SECONDS={seconds}"],
                            **({"cache": cache} if cache else {})}
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump(scenario, file)

    def start(self, *words):
        return subprocess.Popen([PROGRAM, "run", self.path, "--live", "--out", self.out, *words],
                                env={**os.environ, "TMPDIR": self.temporary},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, process):
        """Its exit status and what it said; nothing of it is left behind."""
        _, wrong = process.communicate(timeout=300)
        assert os.listdir(self.temporary) == [], os.listdir(self.temporary)
        left = [line for _, line in processes().values() if self.temporary in line]
        assert not left, left
        return process.returncode, wrong

    def run(self, *words):
        status, wrong = self.end(self.start("--quiet", *words))
        assert status == 0, (status, wrong)

    def outcomes(self):
        with open(os.path.join(self.out, "peers.csv"), newline="", encoding="utf-8") as file:
            return [row["outcome"] for row in csv.DictReader(file)]

    def evidence(self, *words):
        done = subprocess.run([sys.executable, EVIDENCE, self.out, *words], capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0, (done.stdout, done.stderr)
        return done.stdout

    def await_build(self, peer):
        """Until the peer's Bazel is in the middle of a build."""
        log = os.path.join(self.out, "events", "directed-1", peer, "output.log")
        for _ in range(600):
            if os.path.exists(log):
                with open(log, encoding="utf-8", errors="replace") as file:
                    if "Executing genrule" in file.read():
                        return
            time.sleep(0.1)
        raise AssertionError(f"{log}: it does not build")


def each_step_is_built_by_one_peer(folder):
    cache = os.path.join(folder, "cache")
    place = Place(folder, 3, 1, {"disk": cache})
    place.run("--policy", "directed")
    place.evidence("--once", "directed")
    assert set(place.outcomes()) == {"ok"}, place.outcomes()
    assert os.listdir(cache) == [], "the cache is not the next run's"


class Cache(http.server.BaseHTTPRequestHandler):
    """A remote cache in memory."""
    protocol_version = "HTTP/1.1"
    stored = {}

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        body = self.stored.get(self.path)
        self.answer(404 if body is None else 200, body or b"")

    def do_PUT(self):
        self.stored[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200)

    def log_message(self, *_):
        pass


def a_cache_behind_a_url_is_as_good_as_empty(folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cache)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place = Place(folder, 2, 0.1, {"http": f"http://127.0.0.1:{server.server_address[1]}"})
    place.run("--policy", "linear", "--replications", "2")
    server.shutdown()
    server.server_close()
    assert Cache.stored
    said = place.evidence("--once", "linear")
    assert "linear, replication 2" in said, said


def a_killed_peer_leaves_nobody_stuck(folder):
    """The peer and its Bazel client, in the middle of a build."""
    place = Place(folder, 3, 2)
    process = place.start("--policy", "directed")
    place.await_build("peer-1")
    found = processes()
    peer = next(pid for pid, (parent, line) in found.items()
                if parent == process.pid and "--name=peer-1 " in line)
    client = next(pid for pid, (parent, _) in found.items() if parent == peer)
    os.kill(peer, signal.SIGKILL)
    os.kill(client, signal.SIGKILL)
    status, wrong = place.end(process)
    assert status == 1 and 'peer "peer-1" was ended by the signal Killed' in wrong, (status, wrong)
    assert place.outcomes() == ["left", "ok", "ok"], place.outcomes()


def an_interrupt_leaves_nothing(folder):
    place = Place(folder, 2, 60)
    process = place.start("--policy", "directed")
    place.await_build("peer-1")
    process.send_signal(signal.SIGTERM)
    status, wrong = place.end(process)
    assert status == -signal.SIGTERM, (status, wrong)
    assert "interrupted; nothing was written" in wrong, wrong
    assert not os.path.exists(place.out)


if __name__ == "__main__":
    sys.exit(run([each_step_is_built_by_one_peer, a_cache_behind_a_url_is_as_good_as_empty,
                  a_killed_peer_leaves_nobody_stuck, an_interrupt_leaves_nothing]))
