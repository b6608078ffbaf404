#!/usr/bin/python3
"""A client of the older protocol, version 1, that sleeps instead of building. It behaves as the
original's client does: INIT, then each task as it is told, until SCHEMA_COMPLETE; after a task that
failed it closes. What it does is on standard output, a line each.
"""
import argparse
import json
import math
import os
import select
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peer

INIT, BUILD_INSTRUCTION, TASK_COMPLETE, SCHEMA_COMPLETE, ABORT_TASK = 1, 2, 3, 4, 5


class Closed(Exception):
    """The authority has closed the connection; says why."""


class Connection(peer.Connection):
    """Without a subprotocol, and with version 1's messages."""

    def __init__(self, url):
        super().__init__(url, "Origin: http://localhost\r\n")

    def send_text(self, text):
        self.socket.sendall(peer.frame(1, text.encode()))

    def send(self, kind, **members):
        self.send_text(json.dumps({"message_type": kind, **members}))

    def receive(self, until=math.inf):
        """The next message, None if there is none until then."""
        while True:
            left = min(max(0, until - time.monotonic()), 1e6)
            if not select.select([self.socket], [], [], left)[0]:
                return None
            try:
                _, opcode, payload = peer.unframe(self.read)
            except (ConnectionError, OSError):
                raise Closed("without a word") from None
            if opcode == 8:
                raise Closed(payload[2:].decode())
            if opcode == 9:
                self.socket.sendall(peer.frame(10, payload))
            if opcode == 1:
                return json.loads(payload)

    def init(self, schema="six", tasks=4, repo_state=None, **members):
        state = repo_state or {"app": {"base_ref": "master", "patchset": "p1"}}
        self.send(INIT, **{"repo_state": state, "complex_patchset": False, "cache_id": "1",
                           "schema_id": schema, "total_tasks": tasks, **members})

    def instruction(self):
        """The ID of the task that it is told to run."""
        message = self.receive()
        assert message["message_type"] == BUILD_INSTRUCTION, message
        return message["task_id"]

    def complete(self, task, success=True, schema="six"):
        self.send(TASK_COMPLETE, schema_id=schema, task_id=task, task_success=success)

    def expect_complete(self):
        message = self.receive()
        assert message == {"message_type": SCHEMA_COMPLETE, "schema_id": "six"}, message
        self.close()

    def close(self):
        self.socket.sendall(peer.frame(8, b"\x03\xe8"))
        self.socket.close()


def run_task(connection, message, seconds, fails):
    """Whether it ended well. No other task may come meanwhile."""
    until = time.monotonic() + seconds
    print("task", message["task_id"], flush=True)
    while other := connection.receive(until):
        if other["message_type"] == ABORT_TASK:
            return False
        raise RuntimeError(f"a task is running when {other} comes")
    return message["task_id"] not in fails


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="ws://HOST:PORT/ws/api/1/CLIENT/")
    parser.add_argument("--schema", default="six")
    parser.add_argument("--tasks", default=4, type=int)
    parser.add_argument("--patchset", default="p1")
    parser.add_argument("--seconds", default=0.1, type=float, help="for each task")
    parser.add_argument("--fails", action="append", default=[], help="a task that does not build")
    options = parser.parse_args()
    connection = Connection(options.url)
    printed = {"base_ref": "master", "patchset": options.patchset + "\n"}  # by git
    connection.init(options.schema, options.tasks, {"app\n": printed})
    try:
        while (message := connection.receive())["message_type"] != SCHEMA_COMPLETE:
            success = run_task(connection, message, options.seconds, options.fails)
            connection.complete(message["task_id"], success, options.schema)
            if not success:
                connection.close()
                return 1
    except Closed as why:
        print("closed:", why, flush=True)
        return 1
    print("complete", flush=True)
    connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
