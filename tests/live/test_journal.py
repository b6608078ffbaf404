#!/usr/bin/python3
"""The authority with a journal: killed again and again while peers work, with a disk that is full
or slow, ended while something is queued; and what `replay` makes of the journal.

Usage: test_journal.py [PROGRAM]; also $TASK_DIRECTOR. Ends with `N passed, N failed`.
"""
import contextlib
import csv
import json
import os
import re
import resource
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support")]
import peer as plain  # noqa: E402 (a peer from the protocol's page, beside this file)
import v1_client  # noqa: E402
from counting import run  # noqa: E402

PROGRAM = (sys.argv[1:] + [os.environ.get("TASK_DIRECTOR", "build/task-director")])[0]


def schema(steps):
    return {"id": "many", "universe": "//app/...",
            "steps": {str(i): f"//app/s{i}/..." for i in range(steps)}}


class Authority:
    """`task-director serve` with a journal; it can be killed and started again at its port."""

    def __init__(self, journal, *arguments):
        self.journal, self.arguments, self.port, self.log = journal, arguments, 0, ""

    def start(self):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--listen", f"127.0.0.1:{self.port}", "--journal", self.journal,
             *self.arguments], stdout=subprocess.PIPE, stderr=self.errors, text=True)
        line = self.process.stdout.readline()
        found = re.match(r"listening on 127\.0\.0\.1:(\d+)", line)
        assert found, (line, self.read_log())
        self.port = int(found[1])
        return self

    def read_log(self):
        self.errors.seek(0)
        return self.errors.read()

    def peek_log(self):
        """While it writes: it shares the file's position."""
        return os.pread(self.errors.fileno(), 1 << 20, 0).decode()

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.communicate(timeout=60)
        self.log += self.read_log()
        self.errors.close()
        return self.process.returncode

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Peer(threading.Thread):
    """A peer that sleeps, and comes back with what it was at when its connection is lost. With
    `held_up` it is at the universe until let_go()."""

    def __init__(self, authority, name, what, seconds, held_up=False):
        super().__init__(daemon=True)
        self.authority, self.label, self.schema, self.seconds = authority, name, what, seconds
        self.held_up = held_up
        self.held, self.built, self.order, self.result = [], [], None, None
        self.outcome, self.until, self.resumed = None, 0, 0

    def run(self):
        while self.outcome is None:
            try:
                self.live(plain.Connection(f"ws://127.0.0.1:{self.authority.port}/peer"))
            except OSError:
                time.sleep(0.02)
            except SystemExit as end:
                self.outcome = end.code

    def live(self, connection):
        at = self.order["order"] if self.order else self.result["order"] if self.result else None
        connection.send("hello", peer=self.label, schema=self.schema, holds=self.held,
                        **({"resume": at} if at else {}))
        while True:
            if self.order and time.monotonic() >= self.until:
                self.complete(connection)
            until = self.until if self.order else 1e9
            self.hear(connection, connection.receive(min(until, time.monotonic() + 0.05)
                                                     if self.held_up else until))

    def hear(self, connection, message):
        if message is None:
            return
        if message["type"] == "welcome" and not message.get("resumed"):
            self.order = self.result = None
        elif message["type"] == "welcome":
            self.resumed += 1
            if self.result:
                self.send_result(connection)
        elif message["type"] == "order":
            share = 1 if message["expect"] == "build" else 0.1
            held_up = self.held_up and "step" not in message
            self.until = 1e9 if held_up else time.monotonic() + self.seconds * share
            self.order, self.result = message, None  # and let_go() from now on
        elif message["type"] == "wait":
            self.result = None

    def complete(self, connection):
        order, self.order = self.order, None
        build = order["expect"] == "build"
        if "step" in order:
            self.held.append(order["step"])
            self.built += [order["step"]] if build else []
            self.result = {"kind": "obtained", "order": order["order"], "step": order["step"],
                           "how": order["expect"], "published": build, "last": True,
                           "took_ns": str(int(self.seconds * 1e9))}
        else:
            self.result = {"kind": "ended", "order": order["order"], "result": "ok"}
        self.send_result(connection)

    def let_go(self):
        self.until = 0

    def send_result(self, connection):
        connection.send(**self.result)


def replay(*arguments, status=0):
    done = subprocess.run([PROGRAM, "replay", *arguments], capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == status, done
    return done.stdout + done.stderr


def wait_until(holds):
    end = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def finish(peers):
    end = time.monotonic() + 90
    for one in peers:
        one.join(max(0, end - time.monotonic()))
    assert all(one.outcome == 0 for one in peers), [
        (one.label, one.outcome, one.order, one.result) for one in peers]


def killed_again_and_again(folder):
    """Every peer completes, everything is built once, and the journal proves itself."""
    journal, steps = os.path.join(folder, "journal"), 16
    with Authority(journal) as authority:
        peers = [Peer(authority, f"p{i}", schema(steps), 0.25) for i in range(4)]
        for one in peers:
            one.start()
        for _ in range(5):
            time.sleep(0.3)
            authority.end(signal.SIGKILL)
            authority.start()
        finish(peers)
        assert "identical" in replay(journal)  # while it runs
        assert authority.end() == 0, authority.log
    built = sorted(step for one in peers for step in one.built)
    assert built == sorted(schema(steps)["steps"]), built
    assert sum(one.resumed for one in peers) > 0
    assert "4 peers: identical" in replay(journal)


def peers_of_ci_jobs_go_on(folder):
    """`task-director peer` builds on while its authority is away."""
    journal, build = os.path.join(folder, "journal"), os.path.join(folder, "build.sh")
    what, built = os.path.join(folder, "many.json"), os.path.join(folder, "built")
    with open(build, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\necho "$TD_STEP $TD_EXPECT" >>{built}\nsleep 0.4\n')
    os.chmod(build, 0o700)
    with open(what, "w", encoding="utf-8") as file:
        json.dump(schema(4), file)
    with Authority(journal) as authority:
        peers = [subprocess.Popen(
            [PROGRAM, "peer", "--server", f"ws://127.0.0.1:{authority.port}", "--name", name,
             "--schema", what, "--workspace", folder, "--exec", build],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for name in ("p", "q")]
        time.sleep(0.6)
        authority.end(signal.SIGKILL)
        authority.start()
        said = [one.communicate(timeout=60)[0] for one in peers]
        assert all(one.returncode == 0 for one in peers), said
        assert authority.end() == 0, authority.log
    with open(built, encoding="utf-8") as file:
        lines = [line for line in file.read().splitlines() if line.endswith(" build")]
    steps = sorted(line.split()[0] for line in lines if len(line.split()) == 2)
    assert steps == ["0", "1", "2", "3"], (lines, said, authority.log)
    assert "2 peers: identical" in replay(journal)


def a_full_disk(folder):
    """Nobody gets an order, the log says why, and then it goes on."""
    journal = os.path.join(folder, "journal")
    with Authority(journal) as authority:
        first = Peer(authority, "first", schema(3), 0.5)
        first.start()
        while first.order is None:
            time.sleep(0.01)
        pid = authority.process.pid
        hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))
        second = Peer(authority, "second", schema(3), 0.1)
        second.start()
        wait_until(lambda: first.result)
        time.sleep(1)
        assert first.outcome is None and second.order is None and not second.held
        assert first.result, "it has something to say, and no answer"
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        finish([first, second])
        assert authority.end() == 0, authority.log
        assert authority.log.count("make room on its disk") == 1, authority.log
        assert authority.log.count("can be written again") == 1, authority.log
    assert "identical" in replay(journal)


@contextlib.contextmanager
def stalled(journal):
    """Commits take until the end of this: there is one writer at a time."""
    with contextlib.closing(sqlite3.connect(journal, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def page(authority, path, seconds):
    with urllib.request.urlopen(f"http://127.0.0.1:{authority.port}{path}", timeout=seconds) as got:
        return got.read().decode()


def a_slow_disk(folder):
    """Nobody hears anything that is not durable, also not on a page; but everybody is heard, and
    gets answers in order when it is."""
    journal = os.path.join(folder, "journal")
    with Authority(journal) as authority:
        first, leaver = (plain.Connection(f"ws://127.0.0.1:{authority.port}/peer") for _ in "ab")
        for one, name in (leaver, "leaver"), (first, "first"):
            one.send("hello", peer=name, schema=schema(3))
            assert said(one) == "welcome"
            order = one.receive(time.monotonic() + 20)
        others = []
        with stalled(journal):
            first.send("obtained", order=order["order"], step=order["step"], how="build",
                       published=True, last=True, took_ns="1")
            time.sleep(0.1)  # its batch is on its way, and these are behind it
            leaver.send("bye")  # which closes the connection
            for _ in range(2):
                others.append(plain.Connection(f"ws://127.0.0.1:{authority.port}/peer"))
                others[-1].send("hello", peer=f"late{len(others)}", schema=schema(3))
            try:
                assert not page(authority, "/metrics", 0.5)
            except OSError:
                pass
            heard = select.select([one.socket for one in (first, leaver, *others)], [], [], 0)[0]
            assert not heard, "something went out, or was closed"
        assert said(first) == "order"
        assert said(leaver) is None
        for one in others:
            assert [said(one), said(one)] == ["welcome", "order"]
        assert 'task_director_results_total{how="build"} 1\n' in page(authority, "/metrics", 20)
        authority.end(signal.SIGKILL)
    assert "4 peers: identical" in replay(journal)


def last_words_wait_for_the_disk(folder):
    """However long that takes, who is done hears so before its connection ends."""
    journal = os.path.join(folder, "journal")
    with Authority(journal) as authority:
        one = plain.Connection(f"ws://127.0.0.1:{authority.port}/peer")
        one.send("hello", peer="one", schema=schema(1), holds=["0"])
        assert said(one) == "welcome"
        order = one.receive(time.monotonic() + 20)
        with stalled(journal):
            one.send("ended", order=order["order"], result="ok")
            # longer than somebody who is done may take to read so; what may come is a ping
            assert one.receive(time.monotonic() + 11) is None
        outcome = None
        try:
            one.receive(time.monotonic() + 20)
        except SystemExit as end:  # it has read that it is done
            outcome = end.code
        assert outcome is False, outcome


def a_long_state_on_a_slow_disk(folder):
    """What comes in while it is written is shown by what of it is durable only."""
    journal, steps = os.path.join(folder, "journal"), [f"{i:0>70}" for i in range(9000)]
    long = {"id": "long", "universe": "//...", "steps": {step: "//a" for step in steps}}
    peers = []
    with Authority(journal) as authority, socket.socket() as reader:
        for i in range(5):
            peers.append(plain.Connection(f"ws://127.0.0.1:{authority.port}/peer"))
            peers[-1].send("hello", peer=f"p{i}", cache=f"c{i}", schema="long" if i else long)
            assert said(peers[-1]) == "welcome"
            order = peers[-1].receive(time.monotonic() + 20)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(20)
        reader.connect(("127.0.0.1", authority.port))
        reader.sendall(b"GET /api/v1/state HTTP/1.1\r\nHost: localhost\r\n\r\n")
        text = reader.recv(4096)
        reader.settimeout(0.5)
        time.sleep(0.2)  # the system does not keep all of it
        with stalled(journal):
            peers[-1].send("obtained", order=order["order"], step=steps[-1], how="build",
                           published=True, took_ns="1")
            time.sleep(0.2)
            until = time.monotonic() + 2
            with contextlib.suppress(TimeoutError):
                while time.monotonic() < until and (part := reader.recv(1 << 16)):
                    text += part
            # what takes five seconds has failed, and then everybody may see how it is
            failed = "make room on its disk" in authority.peek_log()
            assert failed or b'"published"' not in text, "it shows what is not durable"
        reader.settimeout(20)
        while part := reader.recv(1 << 16):
            text += part
        assert text.count(b'"published"') == 1 and text.endswith(b"}]}\n"), text[-200:]


def killed_while_the_disk_is_busy(folder):
    """What it had heard and not yet kept, peers say again."""
    journal, steps = os.path.join(folder, "journal"), 12
    with Authority(journal) as authority:
        peers = [Peer(authority, f"p{i}", schema(steps), 0.2) for i in range(4)]
        for one in peers:
            one.start()
        for _ in range(4):
            time.sleep(0.2)
            with stalled(journal):
                time.sleep(0.3)
                authority.end(signal.SIGKILL)
            authority.start()
        finish(peers)
        assert authority.end() == 0, authority.log
    built = sorted(step for one in peers for step in one.built)
    assert built == sorted(schema(steps)["steps"]), built
    assert "4 peers: identical" in replay(journal)


def wait_for_the_universe(one):
    """Until the peer is at it; or done, if nobody holds it up."""
    while one.outcome is None and "step" in (one.order or {"step": None}):
        time.sleep(0.001)


def ended_while_the_disk_is_busy(folder):
    """SIGTERM before the last result is durable: it is in the end, and its peer hears of it."""
    journal = os.path.join(folder, "journal")
    with Authority(journal) as authority:
        one = Peer(authority, "one", schema(1), 0.1, held_up=True)
        one.start()
        wait_for_the_universe(one)
        with stalled(journal):
            one.let_go()
            wait_until(lambda: one.result)
            authority.process.send_signal(signal.SIGTERM)
            time.sleep(1.5)  # longer than is waited for those who don't read
            assert authority.process.poll() is None and one.outcome is None
        assert authority.process.wait(60) == 0
        finish([one])
    assert "1 peers: identical" in replay(journal)


def what_is_queued_is_written_at_the_end(folder):
    """SIGTERM while a peer builds the universe: it hears that it is done."""
    journal = os.path.join(folder, "journal")
    for _ in range(5):
        with Authority(journal) as authority:
            one = Peer(authority, "one", schema(1), 0.1)
            one.start()
            wait_for_the_universe(one)
            assert authority.end() == 0
            finish([one])


def said(connection):
    """The type of the next message; None: the connection is closed."""
    try:
        return connection.receive(time.monotonic() + 20)["type"]
    except (OSError, SystemExit):
        return None


def fill(authority, journal):
    """Somebody is here whose hello has almost filled the journal, and what it said then has."""
    steps = {f"{i:0>128}": f"//{i:0>100}" for i in range(4350)}
    first = plain.Connection(f"ws://127.0.0.1:{authority.port}/peer")
    first.send("hello", peer="first", schema={"id": "long", "universe": "//...", "steps": steps})
    assert said(first) == "welcome"
    order = first.receive(time.monotonic() + 20)
    for _ in range(20): # of which a thousand bytes are kept
        first.send("ended", order=order["order"], result="aborted", text=20000 * "!")
        order = first.receive(time.monotonic() + 20)
        assert order["type"] == "order"
    assert os.path.getsize(journal + "-wal") > 1 << 20
    return first


def newcomers_wait_for_the_fold(folder):
    """Also those of version 1, of which the one that waited first has gone; who does not wait for
    its welcome is cut off."""
    journal = os.path.join(folder, "journal")
    with Authority(journal, "--journal-max", "1", "--retries", "20") as authority:
        def waiting(count):
            line = f"\ntask_director_newcomers_waiting {count}\n"
            wait_until(lambda: line in page(authority, "/metrics", 20))

        first = fill(authority, journal)
        late = Peer(authority, "late", schema(2), 0.1)
        late.start()
        waiting(1)
        hasty = plain.Connection(f"ws://127.0.0.1:{authority.port}/peer")
        hasty.send("hello", peer="hasty", schema=schema(2))
        waiting(2)
        clients = []
        for count in range(3, 6):
            clients.append(v1_client.Connection(f"ws://127.0.0.1:{authority.port}/ws/api/1/c/"))
            clients[-1].init(tasks=1)
            waiting(count)
        hasty.send("bye")
        assert said(hasty) is None
        clients[0].close()
        waiting(3)
        assert late.order is None
        first.send("bye")
        for one in clients[1:]:
            if (message := one.receive())["message_type"] == v1_client.BUILD_INSTRUCTION:
                one.complete(message["task_id"])
                one.expect_complete()
        finish([late])
        assert authority.end() == 0, authority.log
        assert authority.log.count("is folded") == 1, authority.log
        assert authority.log.count("reached its 1 MiB (--journal-max): newcomers wait") == 1
    assert "identical" in replay(journal)


def long_texts_are_lived_again(folder):
    """What takes more room in the journal than it took in the message."""
    journal = os.path.join(folder, "journal")
    steps = [f'"{i:0>98}":"//a"' for i in range(9790)]
    with Authority(journal) as authority:
        one = plain.Connection(f"ws://127.0.0.1:{authority.port}/peer")
        text = ('{"type":"hello","peer":"one","schema":{"id":"long","universe":"//...","steps":{' +
                ",".join(steps) + "}}}")
        assert len(text) < 1 << 20 < len(text.replace(":", ": ").replace(",", ", "))
        one.socket.sendall(plain.frame(1, text.encode()))
        assert said(one) == "welcome"
        order = one.receive(time.monotonic() + 20)
        one.send("ended", order=order["order"], step=order["step"], result="flaky",
                 text=chr(10) * 500000)
        assert said(one) == "order"
        authority.end(signal.SIGKILL)
        authority.start()
        assert authority.end() == 0, authority.log
    assert "identical" in replay(journal)


def peers_that_left_meanwhile(folder):
    """Whoever does not come back within its grace after the restart is given up."""
    journal = os.path.join(folder, "journal")
    with Authority(journal, "--grace", "0.6") as authority:
        doomed = Peer(authority, "doomed", schema(1), 60)
        doomed.start()
        while doomed.order is None:
            time.sleep(0.01)
        doomed.authority = Authority(journal)
        doomed.authority.port = 1  # where it finds nobody
        authority.end(signal.SIGKILL)
        started = time.monotonic()
        authority.start()
        healthy = Peer(authority, "healthy", schema(1), 0.1)
        healthy.start()
        finish([healthy])
        assert time.monotonic() - started > 0.6
        assert authority.end() == 0
        assert "doomed has not come back" in authority.log, authority.log
    assert "identical" in replay(journal)


def rows(folder, name):
    with open(os.path.join(folder, name), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def what_replay_leaves(folder):
    """CSV files of peers that no scenario knows, another policy, a file that cannot be written."""
    journal, out = os.path.join(folder, "journal"), os.path.join(folder, "out")
    with Authority(journal) as authority:
        peers = [Peer(authority, f"p{i}", schema(6), 0.1) for i in range(3)]
        for one in peers:
            one.start()
        finish(peers)
        found = re.search(r"journal_commit_seconds_count (\d+)", page(authority, "/metrics", 20))
        assert int(found[1]) > 3
        assert authority.end() == 0
    said = replay(journal, "--policy", "linear", "--csv", out, "--first", "2")
    assert len(said.splitlines()) == 4, said
    tasks = rows(out, "tasks.csv")
    builds = [row for row in tasks if row["kind"] == "build" and row["step"] != "universe"]
    assert sorted(row["step"] for row in builds) == [str(i) for i in range(6)], builds
    assert {row["peer"] for row in tasks} == {"p0", "p1", "p2"}
    assert all(row["outcome"] == "ok" and row["mode"] == "live" for row in rows(out, "peers.csv"))
    found = int(re.search(r"answers (\d+) otherwise", said)[1])
    assert len(rows(out, "differences.csv")) == found > 2
    alone = os.path.join(folder, "alone")
    os.mkdir(alone)
    copy = shutil.copy(journal, alone)
    os.chmod(copy, 0o400)
    os.chmod(alone, 0o500)
    before = open(copy, "rb").read()
    assert "identical" in replay(copy)
    assert os.listdir(alone) == ["journal"] and open(copy, "rb").read() == before
    os.chmod(alone, 0o700)


def what_is_refused(folder):
    """One sentence that names the file, and the file stays as it is."""
    foreign, journal = os.path.join(folder, "foreign"), os.path.join(folder, "journal")
    with open(foreign, "w", encoding="utf-8") as file:
        json.dump(schema(1), file)
    with Authority(journal) as authority:
        for arguments in (["serve", "--listen", "127.0.0.1:0", "--journal", journal],
                          ["serve", "--listen", "127.0.0.1:0", "--journal", foreign],
                          ["replay", foreign], ["replay", os.path.join(folder, "none")],
                          ["serve", "--retain", "3"],
                          ["replay", journal, "--first", "3"],
                          ["replay", journal, "--policy", "random"]):
            done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True,
                                  timeout=30, check=False)
            assert done.returncode == 2 and done.stderr.count("\n") == 1, (arguments, done)
        assert authority.end() == 0
    with open(foreign, encoding="utf-8") as file:
        assert json.load(file) == schema(1)


if __name__ == "__main__":
    sys.exit(run([killed_again_and_again, peers_of_ci_jobs_go_on, a_full_disk, a_slow_disk,
                  last_words_wait_for_the_disk, a_long_state_on_a_slow_disk,
                  killed_while_the_disk_is_busy, ended_while_the_disk_is_busy,
                  what_is_queued_is_written_at_the_end, newcomers_wait_for_the_fold,
                  long_texts_are_lived_again, peers_that_left_meanwhile, what_replay_leaves,
                  what_is_refused]))
