"""What tests of security share: an authority, healthy peers, and raw sockets that misbehave."""
import base64
import contextlib
import json
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support")]
from peer import frame, unframe

PROGRAM = os.path.abspath(
    (sys.argv[1:] + [os.environ.get("TASK_DIRECTOR", "build/task-director")])[0])
SCHEMA = {"id": "three", "universe": "//app/...",
          "steps": {"1": "//app/a/...", "2": "//app/b/...", "3": "//app/c/..."}}
LONGEST = 60  # seconds that nothing here takes


class Authority:
    """`task-director serve` on a free port; SIGTERM ends it, and it must end well."""

    def __init__(self, *arguments, env=None, files=None, address="127.0.0.1"):
        limit = files and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)))
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--listen", f"{address}:0", *arguments], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})},
            preexec_fn=limit)
        line = self.process.stdout.readline()
        found = re.match(r"listening on \S+:(\d+), policy", line)
        assert found, line or self.process.stderr.read()
        self.port = int(found[1])

    def __enter__(self):
        return self

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        _, self.log = self.process.communicate(timeout=LONGEST)
        assert self.process.returncode == 0, (self.process.returncode, self.log)
        return self.log

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def start_peer(authority, name, folder, *arguments, scheme="ws", host="127.0.0.1", env=None,
               seconds="0.1"):
    """A real peer, whose steps take so many seconds."""
    schema = os.path.join(folder, "schema.json")
    with open(schema, "w", encoding="utf-8") as file:
        json.dump(SCHEMA, file)
    return subprocess.Popen(
        [PROGRAM, "peer", "--server", f"{scheme}://{host}:{authority.port}", "--name", name,
         "--schema", schema, "--exec", "sh", "--max-away", "3s", *arguments, "--", "-c",
         f"sleep {seconds}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
        env={**os.environ, **(env or {})})


def outcome(peer):
    """The exit status of a peer, and what it wrote."""
    said = peer.communicate(timeout=LONGEST)
    return peer.returncode, "".join(said)


@contextlib.contextmanager
def healthy(authority, folder, *arguments, **words):
    """A peer that comes first, and completes whatever happens meanwhile. Under a --hello-time that
    is short, a machine that stands still can make it too slow to come in: then it comes again."""
    peer = start_peer(authority, "healthy", folder, *arguments, seconds="0.4", **words)
    deadline = time.monotonic() + LONGEST
    while "is there" not in (line := peer.stderr.readline()):
        assert "is not there" in line or "in time" in line, line
        assert time.monotonic() < deadline, line
    try:
        yield peer
        status, said = outcome(peer)
        assert status == 0, said
    finally:
        if peer.poll() is None:
            peer.kill()
            peer.communicate()


class Raw:
    """A websocket by hand: what is sent is what the test says."""

    def __init__(self, authority, connect=True, headers="", path="/peer", tls=None):
        self.socket = socket.create_connection(("127.0.0.1", authority.port), timeout=LONGEST)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.head = b""
        if connect:
            self.request(headers, path)

    def request(self, headers="", path="/peer"):
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Protocol: task-director.1\r\n{headers}\r\n").encode())
        while not self.head.endswith(b"\r\n\r\n"):
            if not (byte := self.read_some(1)):
                break
            self.head += byte

    @property
    def status(self):
        return int((self.head.split() + [b"0", b"0"])[1])

    def read_some(self, size):
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            return self.socket.recv(size)
        return b""

    def ask(self, path, method="GET", headers=""):
        """Over plain HTTP: the answer's status, head and body, which is whole; 0 if none comes."""
        self.send(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
        return self.answer(method != "HEAD")

    def answer(self, with_body=True):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            if not (byte := self.read_some(1)):
                return 0, head, b""
            head += byte
        length = re.search(rb"\r\ncontent-length: (\d+)", head, re.I)
        body = (b"" if not with_body else self.read(int(length[1])) if length else self.drain())
        return int(head.split()[1]), head, body

    def drain(self):
        """All that comes until the connection is closed."""
        data = bytearray()
        while part := self.read_some(65536):
            data += part
        return bytes(data)

    def body(self):
        return self.drain().decode()

    def read(self, size):
        data = b""
        while len(data) < size:
            if not (part := self.read_some(size - len(data))):
                raise EOFError
            data += part
        return data

    def send(self, bytes_):
        with contextlib.suppress(ConnectionError):  # it may have been closed meanwhile
            self.socket.sendall(bytes_)

    def text(self, text):
        self.send(frame(1, text.encode() if isinstance(text, str) else text))

    def say(self, kind, **members):
        self.text(json.dumps({"type": kind, **members}))

    def hello(self, name, **members):
        self.say("hello", peer=name, **{"schema": SCHEMA, **members})

    def hear(self):
        """The next message; None: the connection is closed."""
        with contextlib.suppress(EOFError):
            while True:
                _, opcode, payload = unframe(self.read)
                if opcode == 8:
                    self.send(frame(8, payload))
                if opcode == 9:
                    self.send(frame(10, payload))
                if opcode == 1:
                    return json.loads(payload)
        return None

    def error(self):
        """The code of the error that it hears, after which the connection is closed."""
        while (message := self.hear()) is not None:
            if message["type"] == "error":
                assert self.hear() is None
                return message["code"], message.get("text", "")
        return None, ""

    def close(self):
        self.socket.close()
