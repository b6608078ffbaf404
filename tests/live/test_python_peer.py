#!/usr/bin/python3
"""Tests tests/live/peer.py: its frames, and whole runs against a small websocket server.

The server plays the authority's side of a dialogue. Whatever the peer says is a message by
docs/protocol.schema.json.
"""

import base64
import hashlib
import io
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

import jsonschema

HERE = pathlib.Path(os.path.abspath(__file__)).parent
SCHEMA = HERE.parents[1] / "docs" / "protocol.schema.json"
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
import peer

STEPS = {"universe": "//...", "steps": {"2": {"targets": "//b", "after": ["1"]}, "1": "//a"}}
LONGEST = 30  # seconds that nothing here takes


def server_frame(opcode, payload, last=True):
    size = len(payload)
    if size < 126:
        head = bytes([size])
    elif size < 1 << 16:
        head = bytes([126]) + size.to_bytes(2, "big")
    else:
        head = bytes([127]) + size.to_bytes(8, "big")
    return bytes([(0x80 if last else 0) | opcode]) + head + payload


def read_client_frame(read):
    first, second = read(2)
    assert first & 0x80 and second & 0x80, "a client's frame is masked, and here never in pieces"
    size = second & 0x7F
    if size > 125:
        size = int.from_bytes(read(2 if size == 126 else 8), "big")
    mask = read(4)
    return first & 15, bytes(byte ^ mask[i % 4] for i, byte in enumerate(read(size)))


class Authority:
    """A server for one peer, which is started here, too."""

    def __init__(self, folder, seconds, schema=None, key=None):
        path = pathlib.Path(folder) / "six.json"
        path.write_text(json.dumps(schema or STEPS), encoding="utf-8")
        definitions = json.loads(SCHEMA.read_text(encoding="utf-8"))
        resolver = jsonschema.RefResolver(SCHEMA.as_uri(), definitions)
        self.validator = jsonschema.Draft7Validator(definitions, resolver=resolver)
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(LONGEST)
            url = f"ws://127.0.0.1:{server.getsockname()[1]}/peer"
            command = [sys.executable, str(HERE / "peer.py"), "--url", url, "--name", "pr-17"]
            command += ["--schema", str(path), "--seconds-per-step", str(seconds)]
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            self.socket = server.accept()[0]
        self.socket.settimeout(LONGEST)
        self.handshake(key)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.process.kill()
        self.process.communicate()

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            assert more, "the peer has gone"
            data += more
        return data

    def handshake(self, key):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.read(1)
        request, *lines = head.decode().splitlines()
        self.request = request
        self.headers = dict(line.lower().split(": ", 1) for line in lines if line)
        if key is None:
            line = next(line for line in lines if line.lower().startswith("sec-websocket-key: "))
            key = line.split(": ")[1]
        proof = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        self.socket.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Protocol: task-director.1\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(proof) + b"\r\n\r\n"
        )

    def send(self, kind, **members):
        self.socket.sendall(server_frame(1, json.dumps({"type": kind, **members}).encode()))

    def order(self, number, expect="build", **members):
        self.send("order", order=number, targets="//a", expect=expect, **members)

    def hear(self):
        opcode, payload = read_client_frame(self.read)
        assert opcode == 1, opcode
        message = json.loads(payload)
        self.validator.validate(message)
        return message

    def end(self):
        """Exit status, what the peer printed, and its complaints."""
        out, complaints = self.process.communicate(timeout=LONGEST)
        return self.process.returncode, out.splitlines(), complaints


class Frames(unittest.TestCase):
    def test_sizes(self):
        for size in 0, 1, 125, 126, 127, 65535, 65536, 70000:
            payload = os.urandom(size)
            data = io.BytesIO(peer.frame(1, payload))
            self.assertEqual(read_client_frame(data.read), (1, payload))
            self.assertEqual(data.read(), b"")
            data = io.BytesIO(server_frame(2, payload, last=False) + b"next")
            self.assertEqual(peer.unframe(data.read), (False, 2, payload))
            self.assertEqual(data.read(), b"next")

    def test_known_bytes(self):
        """The examples of RFC 6455, section 5.7."""
        data = io.BytesIO(bytes.fromhex("810548656c6c6f"))
        self.assertEqual(peer.unframe(data.read), (True, 1, b"Hello"))
        data = io.BytesIO(bytes.fromhex("010348656c80026c6f"))
        self.assertEqual(peer.unframe(data.read), (False, 1, b"Hel"))
        self.assertEqual(peer.unframe(data.read), (True, 0, b"lo"))
        masked = peer.frame(10, b"Hello")
        self.assertEqual(masked[:2], bytes.fromhex("8a85"))

    def test_dependency_order(self):
        after = {"3": ["2", "1"], "2": ["1"], "1": [], None: ["3", "2", "1"]}
        self.assertEqual(peer.lacking(after, set(), "3"), ["1", "2", "3"])
        self.assertEqual(peer.lacking(after, {"1"}, "3"), ["2", "3"])
        self.assertEqual(peer.lacking(after, {"1", "2"}), ["3", None])
        self.assertEqual(peer.lacking(after, {"1", "2", "3"}), [None])


class Runs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_whole_life(self):
        with Authority(self.folder, seconds=0.01) as authority:
            self.assertEqual(authority.request, "GET /peer HTTP/1.1")
            self.assertEqual(authority.headers["sec-websocket-protocol"], "task-director.1")
            hello = {"type": "hello", "peer": "pr-17", "schema": {"id": "six", **STEPS}}
            self.assertEqual(authority.hear(), hello)
            authority.send("welcome", grace_ns="0", color="ignored")
            authority.order("18446744073709551615", step="1")
            first = authority.hear()
            self.assertGreaterEqual(int(first.pop("took_ns")), 10_000_000)
            self.assertEqual(
                first,
                {"type": "obtained", "order": "18446744073709551615", "step": "1", "how": "build",
                 "published": True, "last": True},
            )
            authority.send("wait", reason="others-build")
            authority.order("7", step="2", expect="fetch")
            second = authority.hear()
            self.assertEqual((second["step"], second["how"], second["published"], second["last"]),
                             ("2", "fetch", False, True))
            authority.order("8")
            rest = authority.hear()
            self.assertNotIn("step", rest)
            self.assertTrue(rest["last"])
            authority.send("done", outcome="ok", reason="complete")
            status, lines, complaints = authority.end()
            self.assertEqual((status, complaints), (0, ""))
            self.assertEqual(lines, ["order 18446744073709551615 build 1", "order 7 fetch 2",
                                     "order 8 build the rest", "done ok complete"])

    def test_prerequisites_come_first(self):
        with Authority(self.folder, seconds=0) as authority:
            authority.hear()
            authority.order("1")
            got = [authority.hear() for _ in range(3)]
            self.assertEqual([message.get("step") for message in got], ["1", "2", None])
            self.assertEqual([message["last"] for message in got], [False, False, True])

    def test_abort(self):
        with Authority(self.folder, seconds=LONGEST) as authority:
            authority.hear()
            authority.order("2", step="1")
            authority.send("abort", order="1")  # late, so ignored
            authority.send("abort", order="2", reason="superseded")
            ended = {"type": "ended", "order": "2", "result": "aborted"}
            self.assertEqual(authority.hear(), ended)
            authority.send("abort", order="2")  # repeated
            authority.send("done", outcome="failed", reason="broken")
            status, lines, _ = authority.end()
            self.assertEqual((status, lines), (1, ["order 2 given up", "done failed broken"]))

    def test_pings_while_it_builds(self):
        with Authority(self.folder, seconds=LONGEST) as authority:
            authority.hear()
            authority.order("1", step="1")
            for payload in b"", b"one", b"x" * 125:
                authority.socket.sendall(server_frame(9, payload))
                self.assertEqual(read_client_frame(authority.read), (10, payload))

    def test_fragments_with_a_ping_between(self):
        with Authority(self.folder, seconds=0) as authority:
            authority.hear()
            text = json.dumps({"type": "order", "order": "1", "step": "1", "targets": "//\u00e4",
                               "expect": "build"}, ensure_ascii=False).encode()
            cut = text.index(b"\xc3") + 1  # within a character
            whole = (server_frame(1, text[:cut], last=False) + server_frame(9, b"p")
                     + server_frame(0, b"", last=False) + server_frame(0, text[cut:]))
            for i in range(len(whole)):  # and byte by byte
                authority.socket.sendall(whole[i : i + 1])
            self.assertEqual(read_client_frame(authority.read), (10, b"p"))
            self.assertEqual(authority.hear()["step"], "1")

    def test_long_messages(self):
        steps = {str(i): f"//package/number/{i}:all" for i in range(3000)}
        with Authority(self.folder, 0, {"id": "long", "universe": "//...", "steps": steps}) as long:
            self.assertEqual(list(long.hear()["schema"]["steps"].items()), list(steps.items()))
            long.send("done", outcome="ok", text="x" * 100_000)
            self.assertEqual(long.end()[0], 0)

    def test_error(self):
        with Authority(self.folder, seconds=0) as authority:
            authority.hear()
            authority.send("error", code="name-taken", text="another has this name")
            status, lines, _ = authority.end()
            self.assertEqual((status, lines), (1, ["error name-taken another has this name"]))

    def test_close(self):
        with Authority(self.folder, seconds=0) as authority:
            authority.hear()
            authority.socket.sendall(server_frame(8, b"\x03\xe8"))
            self.assertEqual(read_client_frame(authority.read), (8, b"\x03\xe8"))
            authority.socket.close()
            status, _, complaints = authority.end()
            self.assertEqual(status, 1)
            self.assertIn("the connection is lost", complaints)

    def test_no_websocket(self):
        with Authority(self.folder, seconds=0, key="another") as authority:
            status, _, complaints = authority.end()
            self.assertEqual(status, 1)
            self.assertIn("no websocket", complaints)


if __name__ == "__main__":
    unittest.main()
