#!/usr/bin/python3
"""Where an authority listens, and what it does when there is no file for who comes.

Usage: test_listen.py [PROGRAM]; also $TASK_DIRECTOR. Ends with `N passed, N failed`.
"""
import contextlib
import http.client
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from counting import run

PROGRAM = os.path.abspath(
    (sys.argv[1:] + [os.environ.get("TASK_DIRECTOR", "build/task-director")])[0])
PATIENCE = 60


@contextlib.contextmanager
def authority(listen, *arguments):
    """`serve` on that address, and where it says that it listens: (process, place, port)."""
    with subprocess.Popen([PROGRAM, "serve", "--listen", listen, *arguments], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            line = process.stdout.readline()
            found = re.fullmatch(r"listening on (\S+):(\d+), policy directed\n", line)
            assert found, line or process.stderr.read()
            yield process, found[1], int(found[2])
        finally:
            process.kill()


def end(process):
    """It is told to end; its log."""
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, log
    return log


def is_served(host, port):
    """Whether /healthz answers there."""
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    except http.client.HTTPException: # closed unheard
        return False
    finally:
        connection.close()


def has_v6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def refusal(*arguments):
    done = subprocess.run([PROGRAM, "serve", "--quiet", *arguments], text=True, check=False,
                          capture_output=True, timeout=PATIENCE)
    assert done.returncode == 2 and done.stdout == "", done
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def localhost_is_both_loopback_addresses(_):
    with authority("localhost:0") as (process, place, port):
        assert place == "localhost" and is_served("127.0.0.1", port)
        assert is_served("::1", port) == has_v6()
        end(process)


def an_ipv6_address(_):
    if not has_v6():
        return
    with authority("[::1]:0") as (process, place, port):
        assert place == "[::1]" and is_served("::1", port) and not is_served("127.0.0.1", port)
        assert f"[::1]:{port}" in refusal("--listen", f"[::1]:{port}")
        end(process)


def a_network_interface(_):
    with authority("lo:0") as (process, place, port):
        assert place == "lo" and is_served("127.0.0.1", port)
        end(process)


def all_addresses(_):
    open_to_all = "--insecure-no-tokens", "--insecure-no-tls"
    with authority("0.0.0.0:0", *open_to_all) as (process, _, port):
        assert is_served("127.0.0.1", port)
        end(process)
    if not has_v6():
        return
    with authority("[::]:0", *open_to_all) as (process, place, port):
        assert place == "[::]" and is_served("::1", port) and is_served("127.0.0.1", port)
        end(process)


def the_name_of_this_machine(_):
    name = socket.gethostname()
    try:
        address = socket.getaddrinfo(name, 0, socket.AF_INET, socket.SOCK_STREAM)[0][4][0]
        socket.create_server((address, 0)).close()
    except OSError:
        return # it does not know its own name
    with authority(f"{name}:0", "--insecure-no-tokens", "--insecure-no-tls") as (process, _, port):
        assert is_served(address, port)
        end(process)


def what_cannot_be_listened_on(_):
    with authority("127.0.0.1:0") as (process, _, port):
        sentence = refusal("--listen", f"127.0.0.1:{port}")
        assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in sentence
        assert "Address already in use" in refusal("--listen", f"localhost:{port}")
        end(process)
    anywhere = "--insecure-no-tokens", "--insecure-no-tls", "--listen"
    # its warning, and the sentence
    for name, why in ("nosuch.invalid:0", "[::1]:8765"), ("192.0.2.1:0", "assign requested"):
        done = subprocess.run([PROGRAM, "serve", *anywhere, name], text=True, check=False,
                              capture_output=True, timeout=PATIENCE)
        assert done.returncode == 2 and why in done.stderr.splitlines()[-1], done


def busy(process, seconds):
    """The share of a CPU that it takes."""
    def ticks():
        with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
    begin = ticks()
    time.sleep(seconds)
    return (ticks() - begin) / os.sysconf("SC_CLK_TCK") / seconds


def files_of(process):
    return [int(name) for name in os.listdir(f"/proc/{process.pid}/fd")]


def is_socket(process, file):
    try:
        return os.readlink(f"/proc/{process.pid}/fd/{file}").startswith("socket:")
    except FileNotFoundError:
        return False # it has just been closed


def is_visited(process):
    """Whether it has a connection: more sockets than the one that listens."""
    return sum(is_socket(process, file) for file in files_of(process)) > 1


def limit(process, files):
    hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (files, hard))


def wait_until(holds):
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def is_closed(connection):
    """It is closed by the other end, unheard."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def come(port, count):
    """So many who connect; whether each is closed, as nobody is left waiting."""
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            assert is_closed(connection)


def files_that_are_taken_away_while_it_runs(_):
    with authority("127.0.0.1:0") as (process, _, port), contextlib.ExitStack() as held:
        assert is_served("127.0.0.1", port)
        wait_until(lambda: not is_visited(process))
        files = 5 + max(files_of(process))
        gaps = files - len(files_of(process))
        for _ in range(gaps):
            held.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
        wait_until(lambda: len(files_of(process)) == files)
        limit(process, files)
        come(port, 200)
        assert busy(process, 1) < 0.2
        wait_until(lambda: len(files_of(process)) == files) # the reserve is there again
        limit(process, 1000)
        assert is_served("127.0.0.1", port)
        log = end(process)
    assert log.count("closes new connections unheard") == 1, log


def not_even_the_reserve_is_left(_):
    with authority("127.0.0.1:0") as (process, _, port):
        assert is_served("127.0.0.1", port)
        limit(process, 3)
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as waiting:
            assert busy(process, 2) < 0.2
            limit(process, 1000)
            waiting.sendall(b"GET /healthz HTTP/1.0\r\n\r\n") # it has waited, and is served
            assert waiting.recv(12).startswith(b"HTTP/1.")
        log = end(process)
    assert log.count("closes new connections unheard") == 1, log


if __name__ == "__main__":
    sys.exit(run([localhost_is_both_loopback_addresses,
                  an_ipv6_address,
                  a_network_interface,
                  all_addresses,
                  the_name_of_this_machine,
                  what_cannot_be_listened_on,
                  files_that_are_taken_away_while_it_runs,
                  not_even_the_reserve_is_left]))
