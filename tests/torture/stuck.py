#!/usr/bin/python3
"""Peers that do not read, or hardly, while the authority has something to say to them.

    stuck.py [PROGRAM [SECONDS]]       also $TASK_DIRECTOR

Rounds of such peers, at least two and for SECONDS. A healthy peer beside completes in each;
afterwards nobody is left, the authority's memory is what it was before, give or take MARGIN, and it
idles. Ends with `N passed, N failed`.
"""
import contextlib
import json
import re
import select
import socket
import sys
import time
import urllib.request

import rig
from abuse import Authority, Raw, frame

SCHEMA = {"id": "stuck", "universe": "//...", "steps": {"0": "//a", "1": "//b"}}
STUCK = 200       # peers a round
# MiB: names, what the journal's library keeps, and room for as many connections; it has been 9 to
# 12 after one round and after seven, of 100 at the height of each.
MARGIN = 20
IDLE = 0.05       # of a processor
QUEUED = 256      # MiB that the answers which nobody reads may take, for all of them
LONGEST = 60


def gauge(authority, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{authority.port}/metrics",
                                timeout=LONGEST) as page:
        return float(re.search(rf"^{name} (\S+)", page.read().decode(), re.M)[1])


class Narrow(Raw):
    """A websocket for which the system, on both sides, keeps hardly anything."""

    def __init__(self, authority):
        self.socket, self.head = socket.socket(), b""
        self.socket.settimeout(LONGEST)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        self.socket.connect(("127.0.0.1", authority.port))
        self.request()


def connect(authority, name):
    """A peer with an order, in a cohort of its own."""
    one = Narrow(authority)
    one.hello(name, schema=SCHEMA, repository="stuck", base_ref=name)
    assert one.hear()["type"] == "welcome"
    return one, one.hear()


def ask(one, order):
    """Asks again and again for what it does not read, until it is heard no more."""
    look = frame(1, json.dumps({"type": "look", "order": order["order"], "step": "0"}).encode())
    one.socket.setblocking(False)
    data = look * 6000
    with contextlib.suppress(OSError):
        while data:
            if not select.select([], [one.socket], [], 0.2)[1]:
                return
            data = data[one.socket.send(data):]


def slow(one, order):
    """Reads every byte of a thousand answers, a little at a time; true if all of them came."""
    one.socket.setblocking(True)
    for _ in range(1000):
        one.say("look", order=order["order"], step="0")
    for number in range(1000):
        if number % 50 == 0:
            time.sleep(0.05)
        if one.hear()["type"] != "seen":
            return False
    return True


class Rounds:
    def __init__(self, authority, site):
        self.authority, self.site = authority, site
        self.pid, self.memory, self.most, self.number = authority.process.pid, [], 0, 0
        self.before = rig.memory(self.pid)

    def round(self):
        authority, name = self.authority, f"base-{self.number}"
        self.number += 1
        stuck = [connect(authority, f"{name}-{i}") for i in range(STUCK)]
        for one, order in stuck:
            ask(one, order)
        self.most = max(self.most, rig.memory(self.pid))
        healthy = self.site.peer(f"127.0.0.1:{authority.port}", "healthy", name, 0.1)
        one, order = connect(authority, f"{name}-slow")
        assert slow(one, order), "a slow reader has not got everything"
        one.say("bye")
        _, said = healthy.communicate(timeout=LONGEST)
        assert healthy.returncode == 0, said
        self.most = max(self.most, rig.memory(self.pid))
        for other, _ in stuck[::2]:  # the others are cut off
            other.close()
        end = time.monotonic() + LONGEST
        while gauge(authority, "task_director_connections") > 0:
            assert time.monotonic() < end, "connections are left"
            time.sleep(0.2)
        for other, _ in [(one, order), *stuck[1::2]]:
            other.close()
        time.sleep(1.5)  # their grace
        self.memory.append(rig.memory(self.pid))

    def run(self, seconds):
        end = time.monotonic() + seconds
        while len(self.memory) < 2 or time.monotonic() < end:
            self.round()
        print(f"note {self.number} rounds of {STUCK}; memory (MiB): {self.before:.1f} before, "
              f"{self.most:.1f} at most, {self.memory[0]:.1f} after the first, "
              f"{self.memory[-1]:.1f} after the last")

    def used(self, seconds=4):
        """Of a processor, in so many seconds."""
        before = rig.cpu(self.pid)
        time.sleep(seconds)
        return (rig.cpu(self.pid) - before) / seconds


def main():
    site, results = rig.Site(json.dumps(SCHEMA)), []
    with Authority("--quiet", "--grace", "1", "--journal", site.folder + "/journal") as authority:
        rounds, wrong = Rounds(authority, site), None
        try:
            rounds.run(rig.seconds())
        except (AssertionError, OSError) as error:
            wrong = repr(error)
        results.append(("a healthy peer completes, and a slow one hears everything", wrong))
        if wrong is None:
            grown = max(rounds.memory) - rounds.before
            results += [(f"what waits for them is bounded: {QUEUED} MiB",
                         f"{rounds.most:.1f} MiB" if rounds.most > QUEUED else None),
                        (f"memory is back where it was, within {MARGIN} MiB",
                         f"{grown:.1f} MiB more" if grown > MARGIN else None)]
        used = rounds.used()
        results.append((f"it idles, below {IDLE:.0%} of a processor",
                        f"{used:.1%}" if used > IDLE else None))
        authority.end()
    done = rig.replay(site.folder + "/journal")
    results.append(("replay finds no difference", None if done.returncode == 0 else done.stderr))
    return rig.count(results)


if __name__ == "__main__":
    sys.exit(main())
