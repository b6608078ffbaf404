#!/usr/bin/python3
"""A peer that sleeps instead of building, written from docs/protocol.md alone."""

import argparse, base64, hashlib, json, math, os, pathlib, select, socket, sys, time, urllib.parse


def frame(opcode, payload):
    """One websocket frame of a client, masked as RFC 6455 demands."""
    size, mask = len(payload), os.urandom(4)
    code, width = (size, 0) if size < 126 else (126, 2) if size < 1 << 16 else (127, 8)
    head = bytes([0x80 | opcode, 0x80 | code]) + size.to_bytes(8, "big")[8 - width:] + mask
    return head + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def unframe(read):
    """A server's frame, from what reads so many bytes: whether it is the last, opcode, payload."""
    first, size = read(2)
    if size > 125:
        size = int.from_bytes(read(2 if size == 126 else 8), "big")
    return first >= 0x80, first & 15, read(size)


class Connection:
    def __init__(self, url, more="Sec-WebSocket-Protocol: task-director.1\r\n"):
        at, key, head = urllib.parse.urlsplit(url), base64.b64encode(os.urandom(16)).decode(), b""
        self.socket = socket.create_connection((at.hostname, at.port or 80))
        self.socket.sendall((
            f"GET {at.path} HTTP/1.1\r\nHost: {at.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"{more}\r\n").encode())
        while not head.endswith(b"\r\n\r\n"):
            head += self.read(1)
        proof = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        if b" 101 " not in head.splitlines()[0] or base64.b64encode(proof) not in head:
            raise ConnectionError(f"no websocket: {head.decode()}")

    def read(self, size):
        if len(data := self.socket.recv(size, socket.MSG_WAITALL)) < size:
            raise ConnectionError("the connection is lost")
        return data

    def send(self, kind, **members):
        self.socket.sendall(frame(1, json.dumps({"type": kind, **members}).encode()))

    def receive(self, until=math.inf):
        """The next message, None if there is none until then; the last one ends the program."""
        text, last = b"", False
        while not last:
            left = min(max(0, until - time.monotonic()), 1e6)
            if not text and not select.select([self.socket], [], [], left)[0]:
                return None
            last, opcode, payload = unframe(self.read)
            if opcode in (8, 9):  # a close is answered with a close, a ping with a pong
                self.socket.sendall(frame({8: 8, 9: 10}[opcode], payload))
            text, last = (text + payload, last) if opcode < 3 else (text, False)
        message = json.loads(text)
        if message["type"] in ("done", "error"):
            print(*message.values(), flush=True)
            sys.exit(message.get("outcome") != "ok")
        return message


def lacking(after, held, step=None):
    """What is lacking for a step, in dependency order; for None, all steps and then the rest."""
    before = [one for other in after[step] for one in lacking(after, held, other)]
    return list(dict.fromkeys(before + [step] * (step not in held)))


def carry_out(connection, order, held, after, seconds):
    """Takes its time for all that is lacking, and tells the authority."""
    names, how, number = lacking(after, held, order.get("step")), order["expect"], order["order"]
    for name in names:
        begin = time.monotonic()
        while message := connection.receive(begin + seconds * (1 if how == "build" else 0.1)):
            if message["type"] == "abort" and message["order"] == number:
                print("order", number, "given up", flush=True)
                return connection.send("ended", order=number, result="aborted")
        took, step = time.monotonic() - begin, {"step": name} if name else {}
        print("order", number, how, name or "the rest", flush=True)
        held.add(name)
        connection.send("obtained", order=number, **step, how=how, published=how == "build",
                        last=name == names[-1], took_ns=str(int(took * 1e9)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="ws://localhost:8080/peer")
    parser.add_argument("--name", default="peer")
    parser.add_argument("--schema", required=True, type=pathlib.Path, metavar="FILE")
    parser.add_argument("--seconds-per-step", default=1, type=float, metavar="N")
    options = parser.parse_args()
    schema = {"id": options.schema.stem, **json.loads(options.schema.read_text("utf-8"))}
    after = {step: value.get("after", []) if isinstance(value, dict) else []
             for step, value in schema["steps"].items()}
    after[None], held, connection = list(after), set(), Connection(options.url)
    connection.send("hello", peer=options.name, schema=schema)
    while message := connection.receive():
        if message["type"] == "order":
            carry_out(connection, message, held, after, options.seconds_per_step)
