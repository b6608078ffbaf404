#!/usr/bin/python3
"""Peers that lie about what is not theirs, give up for ever and come under others' names, in a
crowd beside healthy ones: those complete, and what was kept can be lived again.

Usage: test_hostile.py [PROGRAM]; also $TASK_DIRECTOR. Ends with `N passed, N failed`.
"""
import os
import random
import re
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
from abuse import LONGEST, PROGRAM, Authority, Raw, outcome, start_peer
from counting import run

WEBSOCKET = ("GET {} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n")


def replay(journal):
    done = subprocess.run([PROGRAM, "replay", journal], capture_output=True, text=True,
                          timeout=LONGEST, check=False)
    assert done.returncode == 0 and "identical" in done.stdout, done


def figure(authority, name):
    text = Raw(authority, connect=False).ask("/metrics")[2].decode()
    return float(re.search(rf"\n{name} (\S+)", text)[1])


def what_is_spoken_elsewhere(_):
    offers = (("/peer", "", 101), ("/peer", "task-director.1", 101),
              ("/peer", "task-director.9, task-director.1", 101), ("/peer", "task-director.2", 400),
              ("/peer", "chat, superchat", 400), ("/peer", "task-director.1" * 99, 400),
              ("/peer?x=1", "task-director.1", 101), ("/", "task-director.1", 404),
              ("/peer/x", "task-director.1", 404), ("/metrics", "", 404), ("/ws/api/2/x/", "", 404),
              ("/ws/api/1/x/", "", 101))
    with Authority() as authority:
        for path, offer, status in offers:
            one = Raw(authority, connect=False)
            header = offer and f"Sec-WebSocket-Protocol: {offer}\r\n"
            one.send(WEBSOCKET.format(path, header).encode())
            head = one.read(12)
            assert int(head.split()[1]) == status, (path, offer, head)
            if status == 400:
                assert b"task-director.1" in one.drain()


def who_gives_up_for_ever(folder):
    """Its cohort need not wait for it, nor is the journal filled by it."""
    journal = os.path.join(folder, "journal")
    with Authority("--journal", journal) as authority:
        evil = Raw(authority)
        evil.hello("evil")
        orders, waiter = 0, None
        while (message := evil.hear())["type"] != "done":
            if message["type"] == "order":
                orders += 1
                waiter = waiter or start_peer(authority, "waiter", folder)
                evil.say("ended", order=message["order"], result="aborted")
        assert orders == 3 and message["reason"] == "too-flaky", (orders, message)
        status, said = outcome(waiter)
        assert status == 0, said
        authority.end()
    replay(journal)


class Crowd:
    """Each kind of them comes again and again, until it is told to end."""

    def __init__(self, authority, names):
        self.authority, self.names, self.over = authority, names, threading.Event()
        self.came, self.stolen, self.flaws = 0, [], []
        kinds = (self.foreign, self.thief, self.storm, self.garbled, self.deaf, self.giver_up)
        self.threads = [threading.Thread(target=self.live, args=(kind, random.Random(i)))
                        for i, kind in enumerate(kinds)]

    def live(self, kind, dice):
        try:
            while not self.over.is_set():
                kind(dice)
                self.came += 1
        except Exception as error:  # whatever it is, the test is to know
            self.flaws.append(repr(error))

    def join(self, dice, **members):
        one = Raw(self.authority)
        one.hello(f"evil {dice.random()}", **{"cache": "evil", **members})
        assert one.hear()["type"] == "welcome"
        return one

    def foreign(self, dice):
        """Ends and results of orders that are others'."""
        one = self.join(dice)
        mine = one.hear().get("order")
        for _ in range(50 if mine else 0):
            order = str(dice.randrange(1, 100))
            if order != mine:
                one.say("ended", order=order, result=dice.choice(["ok", "broken", "flaky"]),
                        step="2")
                one.say("obtained", order=order, step="3", how="build", published=True, last=True,
                        took_ns=str(2**62 - 1))
        one.close()

    def thief(self, dice):
        """Says that it is one of the healthy, which has lost its connection."""
        one = Raw(self.authority)
        one.hello(dice.choice(self.names), resume=str(dice.randrange(1, 100)))
        message = one.hear()
        if message.get("code") != "name-taken":
            self.stolen.append(message)
        one.close()
        time.sleep(0.02)

    def storm(self, dice):
        self.join(dice, digests={step: str(dice.random()) for step in "123"}).close()

    def garbled(self, dice):
        one = self.join(dice)
        text = bytearray(b'{"type": "obtained", "order": "1", "step": "1", "how": "build", '
                         b'"published": true, "took_ns": "5"}')
        for _ in range(3):
            text[dice.randrange(len(text))] = dice.randrange(256)
        one.text(bytes(text))
        one.close()

    def deaf(self, dice):
        one = self.join(dice)
        one.send(b"\x89\x80mask" * 2000)  # pings
        one.send(b"\x01\x81maskm" + b"\x00\x80mask" * 500)  # a message that does not end
        one.close()

    def giver_up(self, dice):
        one = self.join(dice)
        while (message := one.hear()) is not None and not self.over.is_set():
            if message["type"] == "order":
                one.say("ended", order=message["order"],
                        result=dice.choice(["aborted", "flaky", "broken"]))
            elif message["type"] != "done":
                break
        one.close()

    def wait_for(self, count):
        """Until so many of them have been there, on a machine that is slow."""
        deadline = time.monotonic() + LONGEST
        while self.came < count and not self.flaws:
            assert time.monotonic() < deadline, self.came
            time.sleep(0.01)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


def a_crowd(folder):
    journal, names = os.path.join(folder, "journal"), [f"healthy {i}" for i in range(4)]
    # quiet, since a log that nobody reads fills its pipe, and then the authority stands still
    with Authority("--journal", journal, "--grace", "0.5", "--quiet") as authority:
        peers = []
        for name in names:
            os.mkdir(os.path.join(folder, name))  # where it finds its schema
            peers.append(start_peer(authority, name, os.path.join(folder, name), seconds="0.3"))
        for peer in peers:
            line = peer.stderr.readline()
            assert "is there" in line, line
        with Crowd(authority, names) as crowd:
            for peer in peers:
                status, said = outcome(peer)
                assert status == 0, said
            crowd.wait_for(50)
        assert not crowd.flaws, crowd.flaws
        assert all("order" not in message and not message.get("resumed")
                   for message in crowd.stolen), crowd.stolen
        twice = figure(authority, "task_director_duplicate_builds_total")
        assert twice == 0, twice
        deadline = time.monotonic() + LONGEST
        while figure(authority, 'task_director_connections') > 0:
            assert time.monotonic() < deadline, "connections stay"
        time.sleep(0.6)  # and their grace is over
        before = figure(authority, "process_cpu_seconds_total")
        time.sleep(1)
        busy = figure(authority, "process_cpu_seconds_total") - before
        assert busy < 0.5, busy
        authority.end()
    replay(journal)
    with Authority("--journal", journal, "--grace", "0.5") as authority:
        status, said = outcome(start_peer(authority, "later", folder))
        assert status == 0, said
        authority.end()
    replay(journal)


if __name__ == "__main__":
    sys.exit(run([what_is_spoken_elsewhere, who_gives_up_for_ever, a_crowd]))
