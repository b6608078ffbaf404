#!/usr/bin/python3
"""Half-open connections: packets between an authority and its peers get lost, in network
namespaces that are joined by cables (veth).

    network.py [PROGRAM [SECONDS]]       also $TASK_DIRECTOR

Each case is a cohort of its own, and all go on at once: a peer far away gets an order (or waits),
then its packets vanish. What is to come of it, the cases say. Longer than 60 SECONDS, cables are
also cut at random for so long. Ends with `N passed, N failed`.
"""
import concurrent.futures
import contextlib
import os
import random
import subprocess
import sys
import time

import rig
from abuse import Authority

SCHEMA = '{"id": "two", "universe": "//...", "steps": {"0": "//a", "1": "//b"}}'
LOST_AFTER = 40  # live/server.c: so long without a pong
SLACK = 15       # for machines that do much else


def ip(*arguments, inside=()):
    subprocess.run([*inside, "ip", *arguments], check=True, capture_output=True, text=True)


class Place:
    """A namespace far away, and the cable to it."""

    def __init__(self, number):
        self.here, self.there = f"10.77.{number}.1", f"10.77.{number}.2"
        self.cable = f"cable{number}"
        self.keeper = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
        space, own = f"/proc/{self.keeper.pid}/ns/net", os.readlink("/proc/self/ns/net")
        while os.readlink(space) == own:
            assert self.keeper.poll() is None, "no second namespace"
            time.sleep(0.01)
        self.inside = ("nsenter", f"--net={space}")
        ip("link", "add", self.cable, "type", "veth", "peer", "name", "far", "netns",
           str(self.keeper.pid))
        ip("address", "add", f"{self.here}/24", "dev", self.cable)
        ip("link", "set", self.cable, "up")
        ip("address", "add", f"{self.there}/24", "dev", "far", inside=self.inside)
        ip("link", "set", "far", "up", inside=self.inside)

    def cut(self, how):
        """`down`: the cable is pulled; else packets to the peer (`deaf`), from it (`mute`) or
        both (`silent`) go to a machine that is none, and nobody is told."""
        if how == "down":
            ip("link", "set", self.cable, "down")
        nowhere = ("lladdr", "02:00:00:00:00:99", "nud", "permanent")
        if how in ("deaf", "silent"):
            ip("neigh", "replace", self.there, "dev", self.cable, *nowhere)
        if how in ("mute", "silent"):
            ip("neigh", "replace", self.here, "dev", "far", *nowhere, inside=self.inside)

    def mend(self):
        with contextlib.suppress(subprocess.CalledProcessError):
            ip("neigh", "del", self.there, "dev", self.cable)
        with contextlib.suppress(subprocess.CalledProcessError):
            ip("neigh", "del", self.here, "dev", "far", inside=self.inside)
        ip("link", "set", self.cable, "up")

    def end(self):
        self.keeper.communicate()


class Case:
    """A cohort: one peer far away, one near by, and what is known of them."""

    def __init__(self, site, authority, cohort, number):
        self.site, self.authority, self.cohort = site, authority, cohort
        self.place, self.peers = Place(number), {}

    def start(self, name, takes, far=False):
        server = f"{self.place.here if far else '127.0.0.1'}:{self.authority.port}"
        self.peers[name] = self.site.peer(server, f"{self.cohort}-{name}", self.cohort, takes,
                                          self.place.inside if far else ())

    def until(self, what, seconds, *line):
        end = time.monotonic() + seconds
        while not any(one[:len(line)] == line for one in self.site.lines(self.cohort)):
            assert time.monotonic() < end, f"not within {seconds} s: {what}"
            time.sleep(0.05)

    def name(self, peer):
        return f"{self.cohort}-{peer}"

    def begin(self, takes):
        """The peer far away builds step 0, and the one near by waits for it."""
        self.start("far", takes, far=True)
        self.until("an order", 20, "begin", "0", "build", self.name("far"))
        self.start("near", 0.1)
        time.sleep(1)

    def finish(self, seconds=60):
        for name, peer in list(self.peers.items()):
            _, said = peer.communicate(timeout=seconds)
            assert peer.returncode == 0, f"{name} ended with {peer.returncode}: {said[-600:]}"

    def end(self):
        for peer in self.peers.values():
            if peer.poll() is None:
                peer.terminate()
                peer.communicate()
        self.place.end()


def given_up(how):
    def case(one):
        one.begin(600)
        one.place.cut(how)
        cut = time.monotonic()
        one.until("the step for the other", LOST_AFTER + 1 + SLACK, "begin", "0", "build",
                  one.name("near"))
        took = time.monotonic() - cut
        assert took > 10, f"given up after {took:.1f} s only"
        one.until("the other's universe", 20, "end", "rest")
        one.place.mend()
        one.finish()
        assert one.site.builders(one.cohort, "0") == [one.name("far"), one.name("near")]
    return case


def resumed(one):
    """The connection is lost, and the peer is back within its grace: its order goes on."""
    one.begin(LOST_AFTER + 12)
    one.place.cut("silent")
    time.sleep(LOST_AFTER + 2)
    one.place.mend()
    one.finish(60 + SLACK)
    assert one.site.builders(one.cohort, "0") == [one.name("far")]


def unnoticed(one):
    """Shorter than anybody notices: not even the connection is lost."""
    one.begin(8)
    one.place.cut("silent")
    time.sleep(5)
    one.place.mend()
    one.finish(30 + SLACK)
    assert one.site.builders(one.cohort, "0") == [one.name("far")]


def waits(one):
    """A peer that waits is lost; when it is back it gets what there is."""
    one.start("near", LOST_AFTER + 5)
    one.until("an order", 20, "begin", "0", "build", one.name("near"))
    one.start("far", 0.1, far=True)
    time.sleep(1)
    one.place.cut("silent")
    time.sleep(LOST_AFTER + 3)
    one.place.mend()
    one.finish(60 + SLACK)


def never_back(one):
    """A peer from the protocol's page, on a machine that is gone for ever."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "live", "peer.py")
    schema = one.site.write("alone.json", SCHEMA.replace('"two"', '"alone"'))
    one.peers["far"] = subprocess.Popen(
        [*one.place.inside, sys.executable, script, "--url",
         f"ws://{one.place.here}:{one.authority.port}/peer", "--name", one.name("far"),
         "--schema", schema, "--seconds-per-step", "600"], stderr=subprocess.PIPE)
    time.sleep(2)
    near = subprocess.Popen(
        [sys.executable, script, "--url", f"ws://127.0.0.1:{one.authority.port}/peer", "--name",
         one.name("near"), "--schema", schema, "--seconds-per-step", "0.1"],
        stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    one.place.cut("silent")
    try:
        said, _ = near.communicate(timeout=LOST_AFTER + 10 + SLACK)
        assert near.returncode == 0 and "build 0" in said, said
    finally:
        near.kill()
        near.wait()


def at_random(one):
    """Ever again another peer far away, and another cut; some of them nobody notices."""
    chance, end = random.Random(1), time.monotonic() + rig.seconds()
    for number in range(1000):
        if time.monotonic() > end:
            break
        one.cohort = f"random-{number}"
        one.begin(chance.uniform(0.2, 3))
        one.start("second", chance.uniform(0.2, 3), far=True)
        time.sleep(chance.uniform(0, 2))
        one.place.cut(chance.choice(("silent", "deaf", "mute", "down")))
        time.sleep(chance.choice((0.5, 3, 20, LOST_AFTER + 5)))
        one.place.mend()
        one.finish(180)
        one.peers.clear()


def attempt(case, cohort, site, authority, number):
    try:
        one = Case(site, authority, cohort, number)
        try:
            case(one)
        finally:
            one.end()
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        return f"{cohort}: {error!r} {getattr(error, 'stderr', '')}"
    return None


def main():
    what = "half-open connections"
    if not rig.enter("net"):
        return rig.skip(what, "network namespaces cannot be had here")
    try:
        ip("link", "set", "lo", "up")
        Place(0).end()
    except FileNotFoundError as error:
        return rig.skip(what, f"there is no {error.filename}")
    except subprocess.CalledProcessError as error:
        return rig.skip(what, f"there are no cables between namespaces: {error.stderr.strip()}")
    cases = {f"who is {how} is given up, and another gets its step": (given_up(how), how)
             for how in ("silent", "deaf", "mute", "down")}
    cases |= {"who is back within its grace goes on": (resumed, "resumed"),
              "a short loss is not noticed": (unnoticed, "unnoticed"),
              "who waits and is lost comes back": (waits, "waits"),
              "who never comes back stops nobody": (never_back, "never-back")}
    if rig.seconds() > 60:
        cases["cables are cut at random"] = (at_random, "random-0")
    site = rig.Site(SCHEMA)
    quick = os.path.join(site.folder, "quick"), os.path.join(site.folder, "patient")
    options = ("--insecure-no-tokens", "--insecure-no-tls", "--quiet", "--journal")
    results = []
    with Authority(*options, quick[0], "--grace", "1", address="0.0.0.0") as hasty, \
            Authority(*options, quick[1], "--grace", "30", address="0.0.0.0") as patient, \
            concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
        running = {name: pool.submit(attempt, case, cohort, site,
                                     patient if case in (resumed, waits) else hasty, number + 1)
                   for number, (name, (case, cohort)) in enumerate(cases.items())}
        results += [(name, one.result()) for name, one in running.items()]
        for authority, journal in zip((hasty, patient), quick):
            authority.end()
            done = rig.replay(journal)
            results.append((f"replay of {os.path.basename(journal)} finds no difference",
                            None if done.returncode == 0 else done.stderr))
    return rig.count(results)


if __name__ == "__main__":
    sys.exit(main())
