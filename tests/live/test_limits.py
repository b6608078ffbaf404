#!/usr/bin/python3
"""The authority's limits over real sockets: each holds, and a healthy peer beside is undisturbed.

Usage: test_limits.py [PROGRAM]; also $TASK_DIRECTOR. Ends with `N passed, N failed`.
"""
import json
import os
import re
import socket
import sys
import time

sys.dont_write_bytecode = True
from abuse import SCHEMA, Authority, Raw, frame, healthy, outcome, start_peer
from counting import run

SPARE, FILES = 16, 64  # TD_GUARD_SPARE, TD_GUARD_FILES


def too_many_connections(folder):
    with Authority("--max-connections", "3") as authority:
        with healthy(authority, folder):
            held = [Raw(authority), Raw(authority)]
            assert [one.status for one in held] == [101, 101]
            late = Raw(authority)
            assert late.status == 503 and "too many connections" in late.body(), late.head
            status, said = outcome(start_peer(authority, "late", folder))
            assert status == 1 and "it has too many connections" in said, (status, said)
            held.pop().close()
            while Raw(authority).status != 101:  # as soon as the authority has seen it go
                pass
        assert "refuses a connection from ::ffff:127.0.0.1: too many" in authority.end()


def too_many_connections_from_one_address(folder):
    with Authority("--max-per-address", "2") as authority, healthy(authority, folder):
        held = Raw(authority)
        assert held.status == 101
        late = Raw(authority)
        assert late.status == 503 and "--max-per-address" in late.body(), late.head


def a_flood_of_connections(folder):
    with Authority("--max-connections", "8") as authority, healthy(authority, folder):
        flood = [Raw(authority, connect=False) for _ in range(300)]
        closed = 0
        for one in flood[8 + SPARE:]:
            one.send(b"GET ")
            closed += one.read_some(1) == b""
        assert closed == 300 - 8 - SPARE, closed
        for one in flood:
            one.close()


def files_run_short(folder):
    with Authority("--max-connections", "500", files=SPARE + FILES + 20) as authority:
        assert "there are files for 20 connections only" in authority.process.stderr.readline()
        with healthy(authority, folder):
            flood = [Raw(authority, connect=False) for _ in range(300)]
            for one in flood[20 + SPARE:]:
                one.send(b"GET ")
                assert one.read_some(1) == b""
            for one in flood:
                one.close()
        status, said = outcome(start_peer(authority, "newcomer", folder))
        assert status == 0, said
        authority.end()


def a_connection_says_too_much(folder):
    with Authority("--max-rate", "5") as authority, healthy(authority, folder):
        talker = Raw(authority)
        talker.hello("talker", schema={**SCHEMA, "id": "talker's own"})
        for _ in range(200):
            talker.say("look", order="999")
        code, text = talker.error()
        assert code == "too-fast" and "say less" in text, (code, text)


def pieces_and_pongs_count_too(folder):
    with Authority("--max-rate", "5") as authority, healthy(authority, folder):
        for flood in (frame(10, b"x"), b"\x00" + frame(1, b" ")[1:]):
            one = Raw(authority)
            one.send(b"\x01" + frame(1, b"{")[1:])
            one.send(flood * 200)
            assert one.error()[0] == "too-fast"


def no_hello(folder):
    with Authority("--hello-time", "0.3") as authority, healthy(authority, folder):
        mute = Raw(authority)
        code, text = mute.error()
        assert code == "too-slow" and "no hello" in text, (code, text)


def half_a_handshake(folder):
    with Authority("--hello-time", "0.3") as authority, healthy(authority, folder):
        beginnings = [b"", b"GET /pe", b"GET /peer HTTP/1.1\r\nHost: x\r\n", b"\x16\x03\x01",
                      b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"]
        halves = [Raw(authority, connect=False) for _ in range(10 * len(beginnings))]
        for i, half in enumerate(halves):
            half.send(beginnings[i % len(beginnings)])
        for half in halves:
            half.drain()  # ends when the authority closes it


def what_is_no_message(folder):
    deep = json.dumps({"type": "hello", "peer": "x", "schema": "s"})[:-1] + ', "x": ' + \
        "[" * 500000 + "]" * 500000 + "}"
    good = json.dumps({"type": "hello", "peer": "garbage", "schema": SCHEMA}).encode()
    garbage = {
        "nested": frame(1, deep.encode()),
        "malformed": frame(1, b'{"type": "hello", '),
        "no JSON": frame(1, b"\x00\x01\x02"),
        "empty": frame(1, b""),
        "no UTF-8": frame(1, good.replace(b"garbage", b"gar\xff\xfebage")),
        "a surrogate": frame(1, good.replace(b"garbage", b"\xed\xa0\x80")),
        "twice": frame(1, good.replace(b'"peer"', b'"peer": "x", "peer"')),
        "a long name": frame(1, good.replace(b"garbage", b"g" * 129)),
        "an unprintable name": frame(1, good.replace(b"garbage", b"a\\u001b[2Jb")),
        "binary": frame(2, good),
        "an authority's": frame(1, b'{"type": "wait"}'),
    }
    with Authority() as authority, healthy(authority, folder):
        for what, bytes_ in garbage.items():
            one = Raw(authority)
            one.send(bytes_)
            code, text = one.error()
            assert code == "bad-message" and text, (what, code, text)


def a_message_that_is_too_long(folder):
    with Authority() as authority, healthy(authority, folder):
        whole = Raw(authority)
        whole.send(frame(1, b" " * ((1 << 20) + 1)))
        code, text = whole.error()
        assert code == "bad-message" and "1 MiB" in text, (code, text)
        pieces = Raw(authority)
        pieces.send(b"\x01" + frame(1, b" " * 60000)[1:])
        for _ in range(20):
            pieces.send(b"\x00" + frame(1, b" " * 60000)[1:])
        assert pieces.error()[0] == "bad-message"
        endless = Raw(authority)  # a frame of 2^62 bytes is announced
        endless.send(b"\x81\xff" + (1 << 62).to_bytes(8, "big") + b"mask" + b" " * (2 << 20))
        endless.close()


def frames_that_are_none(folder):
    hello = frame(1, json.dumps({"type": "hello", "peer": "x", "schema": SCHEMA}).encode())
    with Authority() as authority, healthy(authority, folder):
        for bytes_ in (b"\x81\x02{}",  # not masked
                       b"\x83" + hello[1:], b"\xf1" + hello[1:],  # no such opcode, reserved bits
                       b"\x80" + hello[1:],  # goes on with nothing
                       b"\x09" + frame(9, b"x")[1:],  # a ping in pieces
                       b"\x89\xfe\xff\xff" + b"mask" + b"x" * 65535):  # a long ping
            one = Raw(authority)
            one.send(bytes_)
            one.close()


def a_message_in_pieces_is_fine(folder):
    with Authority() as authority, healthy(authority, folder):
        hello = json.dumps({"type": "hello", "peer": "pieces", "schema": SCHEMA}).encode()
        one = Raw(authority)
        one.send(b"\x01" + frame(1, hello[:1])[1:])
        for byte in hello[1:-1]:
            one.send(b"\x00" + frame(1, bytes([byte]))[1:])
        one.send(b"\x80" + frame(1, hello[-1:])[1:])
        assert one.hear()["type"] == "welcome"
        one.say("bye")


def a_reader_that_does_not_read(folder):
    """It asks for answers that it never takes; its queue is bounded, so it is cut off."""
    with Authority("--max-rate", "1000000") as authority, healthy(authority, folder):
        deaf = Raw(authority)
        deaf.hello("deaf", schema={**SCHEMA, "id": "deaf's own"})
        assert deaf.hear()["type"] == "welcome"
        order = deaf.hear()
        assert order["type"] == "order"
        look = frame(1, json.dumps({"type": "look", "order": order["order"], "step": "1"})
                     .encode())
        deaf.socket.settimeout(2)
        try:
            for _ in range(4000):
                deaf.socket.sendall(look * 100)
        except OSError:
            pass  # it is read no more, or closed
        deaf.close()


def page(authority, path, method="GET"):
    return Raw(authority, connect=False).ask(path, method)


def pages_when_there_are_too_many_connections(folder):
    for limit in (("--max-connections", "2"), ("--max-per-address", "2")):
        with Authority(*limit) as authority, healthy(authority, folder):
            held = Raw(authority, connect=False)
            assert held.ask("/metrics")[0] == 200
            for path in ("/metrics", "/api/v1/state"):
                one = Raw(authority, connect=False)
                status, head, body = one.ask(path)
                assert status == 503 and b"too many connections" in body, (status, body)
                assert b"connection: close" in head and one.drain() == b"", head
            one = Raw(authority, connect=False)  # whoever watches over it can still ask
            assert one.ask("/healthz")[::2] == (200, b"ok\n") and one.drain() == b""
            held.close()
            while page(authority, "/metrics")[0] != 200:  # as soon as it has been seen to go
                pass


def a_connection_asks_too_often(folder):
    with Authority("--max-rate", "5") as authority, healthy(authority, folder):
        one = Raw(authority, connect=False)
        one.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        answered = one.drain().count(b" 200 OK")
        assert answered < 1000, answered
        assert page(authority, "/healthz")[0] == 200


def connections_that_ask_nothing_more(folder):
    with Authority("--hello-time", "0.3") as authority, healthy(authority, folder):
        for path in ("/healthz", "/nothing", "/metrics"):
            began = time.monotonic()
            one = Raw(authority, connect=False)
            status = one.ask(path)[0]  # but for a machine on which that has taken too long
            assert status in (200, 404) or time.monotonic() - began >= 0.3, (path, status)
            one.drain()  # ends when the authority closes it
            one = Raw(authority, connect=False)
            one.ask(path)
            one.send(b"GET /metrics HTTP/1.1\r\nHost: x")  # and this is half a request
            one.drain()


def large_state(authority):
    """Many MB of state, and the peers that hold it up."""
    schema = {"id": "many", "universe": "//a/...",
              "steps": {"s" * 100 + str(i): "//a" for i in range(5000)}}
    hellos = [frame(1, json.dumps({"type": "hello", "peer": f"p{i}", "repository": f"r{i}",
                                   "schema": schema if i == 0 else "many"}).encode())
              for i in range(10)]
    peers = []
    for hello in hellos:
        peers.append(Raw(authority))
        peers[-1].send(hello)
        assert peers[-1].hear()["type"] == "welcome"
    return peers


def deaf_reader(authority):
    """It has asked for the state, and has seen that it comes."""
    one = Raw(authority, connect=False)
    one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.send(b"GET /api/v1/state HTTP/1.1\r\nHost: x\r\n\r\n")
    return one, int(one.read(12).split()[1])


def memory(authority):
    text = page(authority, "/metrics")[2].decode()
    return float(re.search(r"\nprocess_resident_memory_bytes (\S+)", text)[1])


def states_that_nobody_reads(folder):
    with Authority() as authority, healthy(authority, folder):
        held = large_state(authority)
        size = len(page(authority, "/api/v1/state")[2])
        assert size > 8 << 20, size
        before = memory(authority)
        deaf = [deaf_reader(authority) for _ in range(16)]
        assert {status for _, status in deaf} == {200}
        assert memory(authority) - before < size / 2  # of 16 such states
        late, status = deaf_reader(authority)
        assert status == 503 and b"at once" in late.drain()
        assert page(authority, "/healthz")[0] == 200
        for one, _ in deaf:
            one.close()
        while page(authority, "/api/v1/state")[0] != 200:  # as soon as they have been seen to go
            pass
        assert len(held) == 10


def states_that_are_read_too_slowly(_):
    """An answer may take six times as long as a handshake."""
    with Authority("--hello-time", "1") as authority:
        held = large_state(authority)
        deaf = [deaf_reader(authority)[0] for _ in range(16)]
        while deaf_reader(authority)[1] != 200:  # as soon as one of them has been cut off
            pass
        assert len(held) == 10 and len(deaf) == 16


def peers_that_are_done_take_no_room(_):
    """Their schema is large, and each has all of its steps when it comes."""
    steps = {str(i): "//a" for i in range(10000)}
    schema = {"id": "many", "universe": "//a/...", "steps": steps}

    def come_and_go(peer):
        one = Raw(authority)
        one.hello(peer, schema=schema, holds=list(steps))
        assert one.hear()["type"] == "welcome"
        one.say("ended", order=one.hear()["order"], result="ok")
        assert one.hear()["type"] == "done"
        one.close()

    # a sanitizer keeps what was freed
    options = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}
    with Authority(env=options) as authority:
        come_and_go("first")
        before = memory(authority)
        for i in range(50):
            come_and_go(f"p{i}")
        assert memory(authority) - before < 6 << 20  # what they have takes twice that


def requests_that_are_odd(folder):
    with Authority() as authority, healthy(authority, folder):
        one = Raw(authority, connect=False)  # one connection asks again and again
        for method, path, status in (("GET", "/healthz", 200), ("HEAD", "/metrics", 200),
                                     ("HEAD", "/nothing", 404), ("GET", "/healthz?x=1", 200),
                                     ("HEAD", "/healthz", 200), ("GET", "/metrics", 200)):
            got, head, body = one.ask(path, method)
            assert got == status and b"content-length: " in head, (method, path, head)
            assert (body == b"") == (method == "HEAD"), (method, path, body)
        one.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 3)  # without waiting
        for _ in range(3):
            assert one.answer()[::2] == (200, b"ok\n")
        got, head, _ = one.ask("/api/v1/state", "HEAD")
        assert got == 200 and b"connection: close" in head and one.drain() == b"", head
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            one = Raw(authority, connect=False)
            status, head, _ = one.ask("/healthz", method, "Content-Length: 0\r\n")
            assert status in (0, 405) and one.drain() == b"", (method, head)
        host = b" HTTP/1.1\r\nHost: x\r\n"
        for bytes_ in (b"GET /" + b"x" * 100000 + host + b"\r\n",
                       b"GET /metrics" + host + b"X: " + b"y" * 100000 + b"\r\n\r\n",
                       b"GET /metrics" + host + b"X: y\r\n" * 10000 + b"\r\n",
                       b"GET /metrics" + host + b"Authorization: Bearer " + b"z" * 5000 +
                       b"\r\n\r\n",
                       b"\x00" * 5000, b"\xff\xfe\xfd" * 5000, b"\r\n" * 5000,
                       b"GET /../../etc/passwd" + host + b"\r\n", b"GET metrics" + host + b"\r\n",
                       b"GET /healthz?x=%00" + host + b"\r\n", b"GET" + host + b"\r\n",
                       b"GET /healthz HTTP/9.9\r\n\r\n",
                       b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                       b"GET /healthz" + host + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
                       b"GET /healthz" + host + b"Upgrade: websocket\r\n"
                       b"Connection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n",
                       b"POST /api/v1/state" + host + b"Content-Length: 99999999\r\n\r\n" +
                       b"{" * 100000,
                       b"POST /metrics" + host + b"Transfer-Encoding: chunked\r\n\r\n"
                       b"ffffffffffffffff\r\n" + b"x" * 100000,
                       b"GET /metrics" + host + b"Content-Length: -1\r\n\r\n" + b"x" * 1000):
            one = Raw(authority, connect=False)
            one.send(bytes_)
            one.read_some(4096)
            one.close()
        assert page(authority, "/healthz")[0] == 200


if __name__ == "__main__":
    sys.exit(run([too_many_connections, too_many_connections_from_one_address,
                  a_flood_of_connections, files_run_short, a_connection_says_too_much,
                  pieces_and_pongs_count_too, no_hello, half_a_handshake, what_is_no_message,
                  a_message_that_is_too_long, frames_that_are_none, a_message_in_pieces_is_fine,
                  a_reader_that_does_not_read, pages_when_there_are_too_many_connections,
                  a_connection_asks_too_often, connections_that_ask_nothing_more,
                  states_that_nobody_reads, states_that_are_read_too_slowly,
                  peers_that_are_done_take_no_room, requests_that_are_odd]))
