#!/usr/bin/python3
"""An authority whose journal lies on a small disk (a tmpfs of its own) that is full ever again.

    disk.py [PROGRAM [SECONDS]]       also $TASK_DIRECTOR

CI jobs of ever new cohorts work; for SECONDS the disk is filled up and room is made, and sometimes
the authority is killed meanwhile. Ends with `N passed, N failed`.
"""
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time

import rig

STEPS = 4
SCHEMA = json.dumps({"id": "disk", "universe": "//...",
                     "steps": {str(i): f"//s{i}" for i in range(STEPS)}})
PEERS = 4  # at once, and that share
SENTENCE = "the journal cannot be written: make room on its disk, or mend it"


class Disk:
    """A tmpfs that ends with the namespace that it is in, and what fills it up."""

    def __init__(self, folder, size):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "td", folder], check=True,
                       capture_output=True, text=True)
        self.folder, self.ballast = folder, os.path.join(folder, "ballast")

    def fill(self):
        with open(self.ballast, "ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)

    def empty(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.ballast)


class Rounds:
    def __init__(self, site, disk, authority):
        self.site, self.disk, self.authority = site, disk, authority
        self.peers, self.started, self.chance = {}, 0, random.Random(1)
        self.full, self.refused, self.kills = 0, 0, 0

    def start_peers(self):
        self.reap()
        while len(self.peers) < PEERS:
            name, cohort = f"p{self.started}", f"base-{self.started // PEERS}"
            self.peers[name] = self.site.peer(f"127.0.0.1:{self.authority.port}", name, cohort, 0.3)
            self.started += 1

    def reap(self):
        for name, peer in list(self.peers.items()):
            if peer.poll() is not None:
                _, said = peer.communicate()
                del self.peers[name]
                assert peer.returncode == 0, f"{name} ended with {peer.returncode}: {said[-600:]}"

    def orders(self):
        """Builds that were begun, the undirected ones not counted."""
        with open(self.site.log, encoding="utf-8") as file:
            return sum(line.startswith("begin ") for line in file)

    def is_full(self):
        """Orders stop, and `/healthz` says why."""
        self.disk.fill()
        self.start_peers()
        said = self.authority.wait_for(503)
        assert said == SENTENCE, said
        time.sleep(0.2)  # what was on its way
        begun = self.orders()
        for _ in range(4):
            time.sleep(0.3)
            self.disk.fill()
        assert self.orders() == begun, "an order was given"
        self.full += 1

    def killed_while_full(self):
        self.kills += 1
        self.authority.kill()
        self.start()

    def start(self):
        """On a full disk: it may refuse with a sentence, and has then left the journal alone."""
        before = self.journal()
        why = self.authority.start()
        if why is None:
            return
        self.refused += 1
        assert why.startswith("task-director: cannot ") and why.count("\n") == 1, why
        assert self.authority.process.returncode == 1, self.authority.process.returncode
        assert self.journal() == before, "the journal has changed"
        self.disk.empty()
        assert (why := self.authority.start()) is None, why

    def journal(self):
        with open(self.authority.journal, "rb") as file:
            return file.read()

    def run(self, seconds):
        end = time.monotonic() + seconds
        for number in range(1000000):
            if number > 1 and time.monotonic() > end:
                break
            self.start_peers()
            time.sleep(self.chance.uniform(0, 1))
            self.is_full()
            if number % 2 == 1:
                self.killed_while_full()
            self.disk.empty()
            assert self.authority.wait_for(200) == "ok"
        limit = time.monotonic() + rig.LONGEST
        while self.peers:
            self.reap()
            assert time.monotonic() < limit, f"stuck: {' '.join(self.peers)}"
            time.sleep(0.05)

    def end(self):
        for peer in self.peers.values():
            peer.terminate()
            peer.communicate()
        if self.authority.process.poll() is None:
            self.authority.kill()

    def doubles(self):
        cohorts = range((self.started + PEERS - 1) // PEERS)
        return [(cohort, step, names) for cohort in cohorts for step in range(STEPS)
                if len(names := self.site.builders(f"base-{cohort}", str(step))) != 1]


def torture(folder):
    site, disk = rig.Site(SCHEMA), Disk(folder, "2m")
    journal = os.path.join(folder, "journal")
    rounds = Rounds(site, disk, rig.Authority(site, journal))
    results = []
    try:
        wrong = None
        try:
            rounds.run(rig.seconds())
            for _ in range(2):
                assert (status := rounds.authority.end()) == 0, f"it ended with {status}"
                disk.fill()
                rounds.start()
            assert rounds.refused, "it started without room"
            rounds.authority.end()
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            wrong = f"{error!r}\n{rounds.authority.log()[-2000:]}"
        results.append(("orders stop while the disk is full, and go on; everybody completes",
                        wrong))
    finally:
        rounds.end()
    doubles = rounds.doubles()
    results.append(("every step is built once", f"{doubles[:5]}" if doubles else None))
    done = rig.replay(journal)
    results.append(("replay finds no difference", None if done.returncode == 0 else done.stderr))
    print(f"note {rounds.started} peers; the disk was full {rounds.full} times, the authority was "
          f"killed {rounds.kills} times meanwhile, and {rounds.refused} times did not start")
    return rig.count(results)


def main():
    what = "a full disk"
    if not rig.enter("mount"):
        return rig.skip(what, "mount namespaces cannot be had here")
    with tempfile.TemporaryDirectory() as folder:
        try:
            return torture(folder)
        except subprocess.CalledProcessError as error:
            return rig.skip(what, f"there is no permission to mount: {error.stderr.strip()}")
        finally:
            subprocess.run(["umount", "--lazy", folder], capture_output=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
