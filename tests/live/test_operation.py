#!/usr/bin/python3
"""What whoever runs an authority relies on: its pages, `status`, systemd, its log and its limits.

Usage: test_operation.py [PROGRAM]; also $TASK_DIRECTOR. Ends with `N passed, N failed`.
"""
import http.client
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

import jsonschema

sys.dont_write_bytecode = True
ROOT = pathlib.Path(os.path.abspath(__file__)).parents[2]
sys.path[:0] = [str(ROOT / "tests" / room) for room in ("live", "support")]
import peer as peers  # noqa: E402 pylint: disable=wrong-import-position
from counting import run  # noqa: E402 pylint: disable=wrong-import-position

PROGRAM = os.path.abspath(
    (sys.argv[1:] + [os.environ.get("TASK_DIRECTOR", "build/task-director")])[0])
SCHEMA = {"id": "two", "universe": "//app/...", "steps": {"a": "//app/a/...", "b": "//app/b/..."}}
STATE = json.loads((ROOT / "docs" / "state.schema.json").read_text("utf-8"))
PATIENCE = 60


class Authority:
    """`task-director serve` on a free port."""

    def __init__(self, *arguments, **how):
        self.arguments, self.how = arguments, how

    def __enter__(self):
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--listen", "127.0.0.1:0", *self.arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **self.how)
        line = self.process.stdout.readline()
        found = re.match(r"listening on 127\.0\.0\.1:(\d+)", line)
        assert found, line or self.process.stderr.read()
        self.port = int(found[1])
        self.url = f"ws://127.0.0.1:{self.port}"
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)

    def end(self):
        self.stop()
        _, log = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, log

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def get(self, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer, body

    def state(self):
        """The state, held to its schema."""
        answer, body = self.get("/api/v1/state")
        assert answer.status == 200 and answer.getheader("content-type") == "application/json"
        state = json.loads(body)
        jsonschema.validate(state, STATE)
        return state

    def until(self, holds):
        """The state, when it is as it is to become."""
        begin = time.monotonic()
        while not holds(state := self.state()):
            assert time.monotonic() - begin < PATIENCE, state
            time.sleep(0.02)
        return state

    def join(self, name, **members):
        connection = peers.Connection(self.url + "/peer")
        connection.send("hello", peer=name, schema=SCHEMA, **members)
        assert connection.receive()["type"] == "welcome"
        return connection

    def metrics(self):
        return read_metrics(self.get("/metrics")[1])


SAMPLE = re.compile(r'([a-z_]+)(?:\{([a-z_]+)="([^"]*)"\})? (-?[0-9.e+]+)')


def read_metrics(text):
    """Samples by (name, label's value); each belongs to a metric that is explained above it."""
    samples, kind, metric, helped = {}, None, None, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped = line.split()[2]
            assert len(line.split()) > 4, line
        elif line.startswith("# TYPE "):
            metric, kind = line.split()[2:]
            assert metric == helped and kind in ("counter", "gauge", "histogram"), line
            assert (kind == "counter") == metric.endswith("_total"), line
        else:
            found = SAMPLE.fullmatch(line)
            assert found, line
            behind = found[1].removeprefix(metric)
            assert behind in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",)), line
            assert (found[1], found[3]) not in samples, line
            samples[found[1], found[3]] = float(found[4])
    return samples


def pages(_):
    with Authority() as authority:
        answer, body = authority.get("/healthz")
        assert (answer.status, body) == (200, "ok\n")
        assert authority.get("/")[0].status == 404
        assert authority.get("/healthz/x")[0].status == 404
        for method in ("POST", "PUT", "DELETE"):
            answer, _ = authority.get("/healthz", method)
            assert answer.status == 405 and answer.getheader("allow") == "GET, HEAD", answer.status
        # one connection can ask several times
        connection = http.client.HTTPConnection("127.0.0.1", authority.port, timeout=PATIENCE)
        for path in ("/healthz", "/metrics", "/nothing", "/healthz", "/api/v1/state"):
            connection.request("GET", path)
            assert connection.getresponse().read()
        connection.close()
        assert authority.end()[0] == 0


def who_is_to_end_is_not_well(_):
    with Authority() as authority:
        connection = authority.join("p")
        order = connection.receive()
        authority.stop()
        authority.until(lambda state: state["draining"])
        answer, body = authority.get("/healthz")
        assert answer.status == 503 and "told to stop" in body, body
        assert authority.metrics()["task_director_can_order", None] == 0
        connection.send("ended", order=order["order"], result="aborted")
        authority.process.communicate(timeout=PATIENCE)
        assert authority.process.returncode == 0


def metrics(_):
    with Authority() as authority:
        first = authority.join("p")
        order = first.receive()
        first.send("obtained", order=order["order"], step=order["step"], how="build",
                   published=True, whole=True, last=True, took_ns="60000000000")
        assert first.receive()["type"] == "order"
        second = authority.join("q")
        order = second.receive()
        assert order["expect"] == "fetch", order
        second.send("obtained", order=order["order"], step=order["step"], how="fetch", last=True,
                    took_ns="20000000000")
        assert second.receive()["type"] == "wait"
        text = authority.get("/metrics")[1]
        seen = read_metrics(text)
        assert seen["task_director_orders_total", "build"] == 2
        assert seen["task_director_orders_total", "fetch"] == 1
        assert seen["task_director_results_total", "build"] == 1
        assert seen["task_director_duplicates_avoided_total", None] == 1
        assert seen["task_director_saved_peer_seconds_total", None] == 40
        assert seen["task_director_peers", "working"] == 1
        assert seen["task_director_peers", "waiting"] == 1
        assert seen["task_director_connections", None] == 2
        assert seen["task_director_messages_received_total", "hello"] == 2
        # the result that led to a wait has no next order
        assert seen["task_director_queue_seconds_count", None] == 1
        assert seen["task_director_queue_seconds_bucket", "+Inf"] == 1
        buckets = [value for (name, _), value in seen.items()
                   if name == "task_director_queue_seconds_bucket"]
        assert buckets == sorted(buckets)
        assert abs(seen["process_start_time_seconds", None] - time.time()) < 3600
        assert seen["process_resident_memory_bytes", None] > 1e6
        if shutil.which("promtool"):
            subprocess.run(["promtool", "check", "metrics"], input=text, text=True, check=True)


def why_a_peer_waits(_):
    with Authority() as authority:
        first = authority.join("p", repository="app", base_ref="master", change="17", cache="c")
        assert first.receive()["type"] == "order"
        third = authority.join("r", repository="other", digests={"a": "0123456789abcdef"})
        second = authority.join("q", repository="app", base_ref="master", cache="c", holds=["b"])
        assert second.receive()["type"] == "wait"
        state = authority.state()
        by_name = {peer["name"]: peer for peer in state["peers"]}
        assert by_name["p"]["step"] == "a" and by_name["p"]["state"] == "working", by_name
        assert by_name["q"]["reason"] == "others-build", by_name
        assert re.fullmatch(r"waits for step a, built by p for \d+ s", by_name["q"]["why"]), by_name
        assert [cohort["peers"] for cohort in state["cohorts"]] == [2, 1], state
        digests = [artifact["digest"] for artifact in state["artifacts"] if artifact["touched"]]
        assert digests == ["0123456789ab"], state
        first.socket.close()
        lost = authority.until(lambda state: not state["peers"][0]["connected"])
        assert lost["peers"][0]["lost_until_s"] > lost["now_s"]

        done = subprocess.run([PROGRAM, "status", "--server", authority.url], capture_output=True,
                              text=True, timeout=PATIENCE, check=True)
        assert "3 peers in 2 cohorts: 2 working, 1 waiting" in done.stdout, done.stdout
        assert "1 without a connection" in done.stdout and "working, away" in done.stdout
        assert "waits for step a, built by p for" in done.stdout, done.stdout
        raw = subprocess.run([PROGRAM, "status", "--server", authority.url, "--json"],
                             capture_output=True, text=True, timeout=PATIENCE, check=True)
        jsonschema.validate(json.loads(raw.stdout), STATE)
        third.socket.close()


def a_state_of_many_comes_in_pieces(_):
    with Authority() as authority:
        first = peers.Connection(authority.url + "/peer")
        steps = {str(i): f"//app/s{i}/..." for i in range(500)}
        first.send("hello", peer="first" + "x" * 100,
                   schema={"id": "many", "universe": "//app/...", "steps": steps})
        first.receive()
        others = []
        for i in range(200):
            others.append(peers.Connection(authority.url + "/peer"))
            others[-1].send("hello", peer=f"{i}" + "x" * 100, schema="many")
            others[-1].receive()
        state = authority.until(lambda state: len(state["peers"]) == 201)
        assert len(state["artifacts"]) == 500
        # who asks and does not listen holds up nobody
        deaf = []
        for _ in range(5):
            deaf.append(socket.create_connection(("127.0.0.1", authority.port)))
            deaf[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf[-1].sendall(b"GET /api/v1/state HTTP/1.1\r\nHost: x\r\n\r\n")
        assert len(authority.state()["peers"]) == 201
        for one in deaf:
            one.close()
        assert authority.get("/healthz")[0].status == 200


def status_says_what_is_wrong(_):
    def status(*arguments):
        return subprocess.run([PROGRAM, "status", *arguments], capture_output=True, text=True,
                              timeout=PATIENCE, check=False)
    assert status().returncode == 2
    assert status("--server", "http://x").returncode == 2
    with socket.socket() as silent: # nobody else takes the port, and nobody listens
        silent.bind(("127.0.0.1", 0))
        done = status("--server", f"ws://127.0.0.1:{silent.getsockname()[1]}")
    assert done.returncode == 1 and "there is no authority" in done.stderr, done
    for answer in ("HTTP/1.1 404 No\r\ncontent-length: 2\r\n\r\nno",
                   "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]",
                   "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"version\":1"):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            process = subprocess.Popen(
                [PROGRAM, "status", "--server", f"ws://127.0.0.1:{listener.getsockname()[1]}"],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.sendall(answer.encode())
            out, complaint = process.communicate(timeout=PATIENCE)
            connection.close()
            assert process.returncode == 1 and out == "", (answer, out)
            assert "is no authority" in complaint and complaint.count("\n") == 1, complaint


def watching(_):
    with Authority() as authority:
        with subprocess.Popen([PROGRAM, "status", "--server", authority.url, "--watch"],
                              stdout=subprocess.PIPE, text=True) as process:
            lines = [process.stdout.readline() for _ in range(3)]
            process.send_signal(signal.SIGTERM)
        assert [line.startswith("policy directed; 0 peers") for line in lines] == \
            [True, False, True], lines
        assert "\033" not in "".join(lines)


def systemd_hears_of_it(folder):
    path = os.path.join(folder, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(PATIENCE)
        environment = {**os.environ, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"}
        environment.pop("WATCHDOG_PID", None)
        with Authority(env=environment) as authority:
            assert listener.recv(4096) == b"READY=1"
            for _ in range(3):
                said = listener.recv(4096).decode()
                assert said.startswith("WATCHDOG=1\nSTATUS=peers: 0 working"), said
            authority.stop()
            while "STOPPING=1" not in (said := listener.recv(4096).decode()):
                assert "WATCHDOG=1" in said
            authority.process.communicate(timeout=PATIENCE)  # a second signal would come too late
            assert authority.process.returncode == 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0task-director-test-{os.getpid()}")
        listener.settimeout(PATIENCE)
        environment = {**os.environ, "NOTIFY_SOCKET": f"@task-director-test-{os.getpid()}"}
        environment.pop("WATCHDOG_USEC", None)
        with Authority(env=environment):
            assert listener.recv(4096) == b"READY=1"
            assert "WATCHDOG" not in listener.recv(4096).decode()


# What is preloaded sends SIGTERM right before it waits for the network, if there is a file "now".
LATE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

int poll(struct pollfd *files, nfds_t count, int timeout)
{
    int (*wait)(struct pollfd *, nfds_t, int) =
        (int (*)(struct pollfd *, nfds_t, int))dlsym(RTLD_NEXT, "poll");
    if (timeout != 0 && unlink("now") == 0) raise(SIGTERM);
    return wait(files, count, timeout);
}
"""


def a_signal_right_before_it_waits(folder):
    """Nothing else wakes it, and it ends nevertheless, about a second later."""
    now, shim = (os.path.join(folder, name) for name in ("now", "late.so"))
    subprocess.run([os.environ.get("CC", "gcc"), "-shared", "-fPIC", "-o", shim, "-x", "c", "-"],
                   input=LATE, text=True, check=True)
    with Authority(cwd=folder, env={**os.environ, "LD_PRELOAD": shim}) as authority:
        connection = http.client.HTTPConnection("127.0.0.1", authority.port, timeout=PATIENCE)
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
        time.sleep(0.2)  # it waits
        with open(now, "w", encoding="utf-8"):
            connection.close()
        began = time.monotonic()
        authority.process.communicate(timeout=PATIENCE)
        assert authority.process.returncode == 0 and not os.path.exists(now)
        assert time.monotonic() - began < 20  # the library looks round every 30


def the_unit(folder):
    text = (ROOT / "systemd" / "task-director.service").read_text("utf-8")
    unit = os.path.join(folder, "task-director.service")
    with open(unit, "w", encoding="utf-8") as file:
        file.write(text.replace("/usr/local/bin/task-director", PROGRAM))
    if not shutil.which("systemd-analyze"):
        return
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True,
                          text=True, timeout=PATIENCE, check=False)
    # what it says of the machine's own units is none of ours
    ours = [line for line in done.stderr.splitlines() if "task-director" in line]
    assert not ours, ours
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20",
                           "--no-pager", unit], capture_output=True, text=True, timeout=PATIENCE,
                          check=False)
    if "unrecognized option" not in done.stderr:
        assert done.returncode == 0, done.stdout[-300:] + done.stderr


def the_log(_):
    odd = "\x1b[31mred\nnext \u202eline " + "ü" * 400
    for form in ("json", "human"):
        with Authority("--log", form, "--grace", "0.2") as authority:
            connection = authority.join("päärchen")
            order = connection.receive()
            connection.send("ended", order=order["order"], result="flaky", step="a", text=odd)
            assert connection.receive()["type"] == "order"
            connection.socket.close()
            # it is away, or has been for its whole grace
            authority.until(lambda state: not any(peer["connected"] for peer in state["peers"]))
            _, log = authority.end()
            if form == "json":
                lines = [json.loads(line) for line in log.splitlines()]
                assert all(sorted(line) == ["peer", "text", "time_s"] for line in lines), lines
                assert all(line["peer"] == "päärchen" for line in lines), lines
                assert any("red\nnext" in line["text"] for line in lines), lines
            else:
                assert all(re.match(r"\d+\.\d{9} päärchen \S", line)
                           for line in log.splitlines()), log
                assert "\x1b" not in log and "\u202e" not in log


def limits_on_files(_):
    def limit(soft, hard):
        return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard == resource.RLIM_INFINITY or hard >= 11000:
        with Authority(preexec_fn=limit(256, 11000)) as authority:
            assert authority.metrics()["process_max_fds", None] == 10080 # 10000 and some to spare
            assert authority.end()[1] == ""
    with Authority(preexec_fn=limit(128, 256)) as authority:
        code, log = authority.end()
        assert code == 0 and "files for 176 connections" in log and "LimitNOFILE" in log, log


if __name__ == "__main__":
    sys.exit(run([pages, who_is_to_end_is_not_well, metrics, why_a_peer_waits,
                  a_state_of_many_comes_in_pieces, status_says_what_is_wrong, watching,
                  systemd_hears_of_it, a_signal_right_before_it_waits, the_unit, the_log,
                  limits_on_files]))
