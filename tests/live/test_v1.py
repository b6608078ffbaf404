#!/usr/bin/python3
"""The original's clients against the authority, over real websockets.

Usage: test_v1.py [PROGRAM]; also $TASK_DIRECTOR. Ends with `N passed, N failed`.
"""
import json
import os
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support")]
import peer
from counting import run
from test_live import SCHEMA, Authority, start_peer
from v1_client import Closed, Connection


def url(authority, client):
    return f"ws://127.0.0.1:{authority.port}/ws/api/1/{client}/"


def start(authority, client, *options):
    return subprocess.Popen([sys.executable, os.path.join(HERE, "v1_client.py"),
                             url(authority, client), *options], stdout=subprocess.PIPE, text=True)


def connect(authority, client, **init):
    """A client that has said INIT."""
    connection = Connection(url(authority, client))
    connection.init(**init)
    return connection


def until(authority, *lines):
    """Reads the authority's log until it has had lines that end like these, in any order."""
    left = set(lines)
    while left:
        text = authority.process.stderr.readline()
        if not text:
            raise AssertionError(f"the log ends without: {left}")
        left = {line for line in left if not text.rstrip().endswith(line)}


def refused(connection):
    try:
        message = connection.receive()
    except Closed as why:
        return str(why)
    raise AssertionError(message)


def app(patchset, *more, **repositories):
    """A state of the repository "app" on master, and of others."""
    state = {"app": {"base_ref": "master", "patchset": patchset}}
    if more:
        state["app"]["additional_patchsets"] = list(more)
    for name, base_ref in repositories.items():
        state[name] = {"base_ref": base_ref, "patchset": name + " " + patchset}
    return state


def three_at_a_time(_):
    """Their changes have nothing in common but the base. Another client sees to it that nothing is
    complete before all are there."""
    with Authority() as authority:
        for _ in range(2):  # an instance is over when it is complete
            first = connect(authority, "first", tasks=7)
            assert first.instruction() == "0"
            clients = [start(authority, f"c{i}", "--patchset", f"q{i}", "--tasks", "7")
                       for i in range(3)]
            until(authority, *(f"v1:c{i} joins" for i in range(3)))
            first.complete("0")
            tasks = ["0"]
            while (message := first.receive())["message_type"] != 4:
                tasks.append(message["task_id"])
                first.complete(tasks[-1])
            first.close()
            for client in clients:
                *ran, end = client.communicate(timeout=60)[0].splitlines()
                assert client.returncode == 0 and end == "complete", (ran, end)
                tasks += (line.removeprefix("task ") for line in ran)
            assert sorted(tasks) == [str(i) for i in range(7)], tasks
        assert authority.end() == 0, authority.log


def each_task_is_run_once_from_first_to_last(_):
    with Authority() as authority:
        clients = [connect(authority, f"c{i}") for i in range(2)]
        assert [client.instruction() for client in clients] == ["0", "1"]
        clients.append(connect(authority, "c2"))
        assert clients[2].instruction() == "2"
        clients[1].complete("1")
        assert clients[1].instruction() == "3"
        clients[0].complete("0")
        until(authority, "c0 waits (others-build)")
        clients[2].complete("2")
        clients[1].complete("3")
        for client in clients:
            client.expect_complete()


def a_killed_clients_task_goes_to_an_idle_one(_):
    with Authority() as authority:
        doomed = start(authority, "doomed", "--seconds", "600", "--tasks", "1")
        assert doomed.stdout.readline() == "task 0\n"
        idle = connect(authority, "idle", tasks=1)
        until(authority, "v1:idle waits (others-build)")
        doomed.kill()
        doomed.communicate()
        assert idle.instruction() == "0"
        idle.complete("0")
        idle.expect_complete()


def a_failed_task_is_tried_by_one_other(_):
    with Authority() as authority:
        failing = start(authority, "failing", "--fails", "0", "--tasks", "2", "--seconds", "0")
        assert failing.communicate(timeout=60)[0] == "task 0\n"
        assert failing.returncode == 1
        a, b, c = (connect(authority, name, tasks=2) for name in "abc")
        assert [a.instruction(), b.instruction()] == ["0", "1"]
        until(authority, "v1:c waits (others-build)")
        a.complete("0", success=False)
        assert c.instruction() == "0"
        # a newcomer joins as long as it may still become complete
        d = connect(authority, "d", tasks=2)
        until(authority, "v1:d waits (others-build)")
        c.complete("0", success=False)
        # d could still be told task 1; whoever comes now has an instance of its own
        e = connect(authority, "e", tasks=2)
        assert e.instruction() == "0"
        b.complete("1")
        assert "failed on two clients" in refused(b)
        assert "failed on two clients" in refused(d)
        e.complete("0")
        assert e.instruction() == "1"
        e.complete("1")
        e.expect_complete()


def a_complex_patchset_never_shares(_):
    with Authority() as authority:
        clients = [connect(authority, f"c{complex}{i}", tasks=1, complex_patchset=complex)
                   for i in range(2) for complex in (True, False)]
        assert [client.instruction() for client in clients[:3]] == ["0"] * 3
        until(authority, "v1:cFalse1 waits (others-build)")
        for client in clients[:3]:
            client.complete("0")
        for client in clients:
            client.expect_complete()


def unlike_clients_do_not_share(_):
    with Authority() as authority:
        for i, init in enumerate((
                {"repo_state": app("p")}, {"repo_state": app("p"), "cache_id": "2"},
                {"repo_state": app("p"), "schema": "other"},
                {"repo_state": {"app": {"base_ref": "stable", "patchset": "p"}}},
                {"repo_state": {"lib": {"base_ref": "master", "patchset": "p"}}},
                {"repo_state": app("p", lib="main")})):
            assert connect(authority, f"c{i}", **init).instruction() == "0", init


def most_patchsets_in_common(_):
    """Two instances that a newcomer fits into: app with lib, and app with tool."""
    with Authority() as authority:
        for number, (newcomer, task) in enumerate((
                (app("p1"), "1"),        # one in common with the first
                (app("p2"), "2"),        # one with the second
                (app("x", "p2"), "2"),   # also as an additional one
                (app("p3", "p2", "p1"), "1"),  # two with the first, one with the second
                (app("x"), "1"))):       # none with either: the older one
            state = {"schema": str(number)}
            first = connect(authority, "first", **state, repo_state=app("p1", "p3", lib="main"))
            assert first.instruction() == "0"
            second = [connect(authority, name, **state, repo_state=app("p2", tool="main"))
                      for name in ("second", "third")]
            assert [client.instruction() for client in second] == ["0", "1"]
            assert connect(authority, "new", **state, repo_state=newcomer).instruction() == task


def a_different_number_of_tasks_is_refused(_):
    with Authority() as authority:
        first = connect(authority, "first", tasks=4)
        assert first.instruction() == "0"
        why = refused(connect(authority, "second", tasks=5))
        assert "total_tasks is 5" in why, why
        until(authority, why)
        first.complete("0")
        assert first.instruction() == "1"


def both_protocols_at_once(folder):
    schema = os.path.join(folder, "schema.json")
    with open(schema, "w", encoding="utf-8") as file:
        json.dump(SCHEMA, file)
    with Authority() as authority:
        others = [start_peer(authority, f"c{i}", schema) for i in range(2)]
        clients = [start(authority, f"c{i}", "--schema", "three") for i in range(2)]
        for process in others + clients:
            said, _ = process.communicate(timeout=60)
            assert process.returncode == 0, said
        assert authority.end() == 0, authority.log


def odd_ids(_):
    with Authority() as authority:
        # two clients of one ID, and IDs that look like what the second one is called
        clients = [connect(authority, client, tasks=5)
                   for client in ("a", "a", "a%232", "%C3%A4%20b%2Fc%22", "a" * 100)]
        assert [client.instruction() for client in clients] == ["0", "1", "2", "3", "4"]
        until(authority, "v1:" + "a" * 100 + " order 5: step 4 (ready)")
        for bad in ("a" * 101, "%07", "%FF"):
            why = refused(Connection(url(authority, bad)))
            assert "client ID" in why, why
        without = Connection(url(authority, "x")[:-1])
        without.init(tasks=1, schema="one")
        assert without.instruction() == "0"
        for path in ("/ws/api/1/", "/ws/api/2/a/", "/ws/api/1", "/"):
            try:
                Connection(f"ws://127.0.0.1:{authority.port}{path}")
            except (ConnectionError, OSError):
                continue
            raise AssertionError(path)


def nonsense_disturbs_nobody_else(_):
    with Authority() as authority:
        healthy = connect(authority, "healthy", tasks=2)
        assert healthy.instruction() == "0"
        for text in ("", "{", "[]", "{}", '{"message_type": 7}', '{"message_type": 1}',
                     '{"message_type": "1"}', '{"message_type": 2}', '{"message_type": 6}',
                     '{"message_type": 3, "schema_id": "six", "task_id": "0", '
                     '"task_success": true}', '{"type": "hello", "peer": "p", "schema": "six"}'):
            bad = Connection(url(authority, "bad"))
            bad.send_text(text)
            assert refused(bad), text
        # one that is in loses its task, which another gets
        liar = connect(authority, "liar", tasks=2)
        assert liar.instruction() == "1"
        liar.complete("0")
        assert '$.task_id: is not the client\'s task, which is "1"' in refused(liar)
        long = Connection(url(authority, "long"))
        long.send_text(" " * (1 << 20) + "7")
        assert "1 MiB" in refused(long)
        broken = Connection(url(authority, "broken"))
        broken.socket.sendall(peer.frame(1, b"{")[:4])
        broken.socket.shutdown(socket.SHUT_RDWR)
        healthy.complete("0")
        assert healthy.instruction() == "1"
        healthy.complete("1")
        healthy.expect_complete()


TESTS = (three_at_a_time, each_task_is_run_once_from_first_to_last,
         a_killed_clients_task_goes_to_an_idle_one, a_failed_task_is_tried_by_one_other,
         a_complex_patchset_never_shares, unlike_clients_do_not_share, most_patchsets_in_common,
         a_different_number_of_tasks_is_refused, both_protocols_at_once, odd_ids,
         nonsense_disturbs_nobody_else)


if __name__ == "__main__":
    sys.exit(run(TESTS))
