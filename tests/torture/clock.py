#!/usr/bin/python3
"""The wall clock is set, back and forth, while peers work and while their authority is away.

    clock.py [PROGRAM [SECONDS]]       also $TASK_DIRECTOR

The machine's own clock is left alone: a library that is loaded first (LD_PRELOAD) shifts what the
authority sees of it. Ends with `N passed, N failed`.
"""
import os
import random
import subprocess
import sys
import time

import rig

SCHEMA = '{"id": "clock", "universe": "//...", "steps": {"0": "//a", "1": "//b", "2": "//c"}}'
# Seconds to add are in a file; whoever wants to know how time passes asks another clock.
SHIFT = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long shift(void)
{
    long seconds = 0;
    FILE *file = fopen(getenv("SHIFT"), "r");
    if (file == NULL || fscanf(file, "%ld", &seconds) != 1) seconds = 0;
    if (file != NULL) fclose(file);
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec += shift();
    return status;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec at;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &at);
    *now = (struct timeval){at.tv_sec, at.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at != NULL) *at = now.tv_sec;
    return now.tv_sec;
}
"""
DAY = 86400


class Clock:
    def __init__(self, site):
        self.file, library = site.write("shift", "0"), os.path.join(site.folder, "shift.so")
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", library,
                        site.write("shift.c", SHIFT), "-ldl"], check=True)
        self.env, self.site = {"LD_PRELOAD": library, "SHIFT": self.file}, site

    def set(self, seconds):
        """At once: a file that is half written would be another time."""
        os.replace(self.site.write("next", str(seconds)), self.file)


def live(site, authority, clock, seconds):
    """Nobody waits longer than work takes, whatever the wall clock says."""
    chance, end = random.Random(1), time.monotonic() + seconds
    shifts = [-DAY, DAY, -400 * DAY, 0]
    for number in range(1000):
        if number > 0 and time.monotonic() > end:
            return
        begin, cohort = time.monotonic(), f"base-{number}"
        peers = [site.peer(f"127.0.0.1:{authority.port}", f"{cohort}-{i}", cohort, 1.5)
                 for i in range(2)]
        for shift in shifts:
            time.sleep(0.4)
            clock.set(shift)
            time.sleep(0.4)
            authority.kill()
            assert (why := authority.start()) is None, why
        for peer in peers:
            _, said = peer.communicate(timeout=rig.LONGEST)
            assert peer.returncode == 0, said
        took = time.monotonic() - begin
        assert took < 30, f"it took {took:.0f} s"
        for step in "012":
            assert len(site.builders(cohort, step)) == 1, (step, site.builders(cohort, step))
        shifts = [chance.randint(-9 * DAY, 9 * DAY) for _ in range(4)]


def main():
    site, results = rig.Site(SCHEMA), []
    journal, clock = os.path.join(site.folder, "journal"), Clock(site)
    authority, wrong = rig.Authority(site, journal, "--grace", "20", env=clock.env), None
    try:
        live(site, authority, clock, rig.seconds())
        assert authority.end() == 0
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        wrong = f"{error!r}\n{authority.log()[-2000:]}"
        authority.kill()
    results.append(("the wall clock is set, and nobody waits for it", wrong))
    done = rig.replay(journal)
    results.append(("replay finds no difference", None if done.returncode == 0 else done.stderr))
    return rig.count(results)


if __name__ == "__main__":
    sys.exit(main())
