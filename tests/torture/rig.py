"""What the scripts beside this file share: namespaces of their own, and looks at a process.

Namespaces live as long as the processes in them, so whatever ends a script leaves nothing behind.
"""
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "live"))
from abuse import PROGRAM  # noqa: E402 (what tests of security share, in the folder beside)

LONGEST = 60  # seconds that nothing here takes
INSIDE = "TORTURE_INSIDE"
TICKS = os.sysconf("SC_CLK_TCK")
# A build: its begin and its end are lines of one file. A step that nobody has takes its time.
BUILD = """#!/bin/sh
cohort=$1 name=$2 log=$3 seconds=$4
say() { echo "$1 $cohort ${TD_STEP:-rest} $TD_EXPECT $name $TD_ORDER" >>"$log"; }
say begin
case $TD_EXPECT$TD_STEP in build?*) sleep "$seconds" ;; *) sleep 0.05 ;; esac
say end
"""


def enter(*kinds):
    """Starts this script again in namespaces of its own; false if this machine lets nobody."""
    if os.environ.get(INSIDE):
        return True
    for user in ([], ["--user", "--map-root-user"]):
        command = ["unshare", *user, *(f"--{kind}" for kind in kinds)]
        try:
            done = subprocess.run([*command, "true"], capture_output=True, check=False)
        except FileNotFoundError:
            return False
        if done.returncode == 0:
            os.environ[INSIDE] = "1"
            os.execvp("unshare", [*command, sys.executable, *sys.argv])
    return False


def seconds():
    """For how long, as the second argument says."""
    return float((sys.argv[2:] + ["30"])[0])


def memory(pid):
    """MiB that a process has in memory."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def cpu(pid):
    """Seconds of a processor that a process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Site:
    """A folder with a build script, and the log of what it built."""

    def __init__(self, schema_text):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        self.build = self.write("build.sh", BUILD)
        self.schema = self.write("schema.json", schema_text)
        self.log = self.write("log", "")
        os.chmod(self.build, 0o755)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def lines(self, cohort):
        """What was begun and ended in a cohort: (what, step, expected, name) each."""
        with open(self.log, encoding="utf-8") as file:
            for line in file:
                what, base, step, expected, name, _ = line.split()
                if base == cohort:
                    yield what, step, expected, name

    def builders(self, cohort, step):
        return [name for what, built, expected, name in self.lines(cohort)
                if (what, built, expected) == ("begin", step, "build")]

    def peer(self, server, name, cohort, takes, inside=(), arguments=()):
        return subprocess.Popen(
            [*inside, PROGRAM, "peer", "--server", f"ws://{server}", "--name", name, "--schema",
             self.schema, "--workspace", self.folder, "--repository", "r", "--base-ref", cohort,
             "--max-away", "10m", *arguments, "--exec", self.build, "--", cohort, name, self.log,
             str(takes)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


class Authority:
    """`task-director serve` with a journal; it can be killed, and starts again at its port."""

    def __init__(self, site, journal, *arguments, env=None):
        self.journal, self.arguments, self.port = journal, arguments, 0
        self.env = {**os.environ, **(env or {})}
        self.errors = os.path.join(site.folder, "authority.log")
        self.process = None
        assert (why := self.start()) is None, why

    def start(self):
        """None if it runs; else the sentence why not."""
        with open(self.errors, "a", encoding="utf-8") as errors:
            begin = errors.tell()
            self.process = subprocess.Popen(
                [PROGRAM, "serve", "--listen", f"127.0.0.1:{self.port}", "--journal",
                 self.journal, *self.arguments], stdout=subprocess.PIPE, stderr=errors, text=True,
                env=self.env)
        line = self.process.stdout.readline()
        if line.startswith("listening"):
            self.port = int(line.split(",")[0].rsplit(":", 1)[1])
            return None
        self.process.communicate(timeout=LONGEST)
        return self.log()[begin:]

    def log(self):
        with open(self.errors, encoding="utf-8") as file:
            return file.read()

    def health(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz",
                                        timeout=LONGEST) as page:
                return page.status, page.read().decode().strip()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode().strip()

    def wait_for(self, status):
        end = time.monotonic() + LONGEST
        while (health := self.health())[0] != status:
            assert time.monotonic() < end, f"{health} for {LONGEST} s"
            time.sleep(0.05)
        return health[1]

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def end(self):
        self.process.terminate()
        self.process.communicate(timeout=LONGEST)
        return self.process.returncode


def replay(journal):
    return subprocess.run([PROGRAM, "replay", journal], capture_output=True, text=True,
                          check=False, timeout=600)


def count(results):
    """Says each (what, what is wrong or None); the exit status."""
    failed = 0
    for what, wrong in results:
        failed += wrong is not None
        print("ok  " if wrong is None else "FAIL", what, *([] if wrong is None else [wrong]))
    print(f"{len(results) - failed} passed, {failed} failed")
    return failed != 0


def skip(what, why):
    """Nothing was tried, and whoever reads the sum shall see it."""
    print(f"SKIP {what}: {why}")
    print("0 passed, 0 failed")
    return 0
