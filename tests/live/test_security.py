#!/usr/bin/python3
"""TLS and tokens, end to end: certificates and tokens that are right, wrong, missing, expired.

Usage: test_security.py [PROGRAM]; also $TASK_DIRECTOR. Ends with `N passed, N failed`.
"""
import hashlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
import v1_client
from abuse import LONGEST, PROGRAM, SCHEMA, Authority, Raw, healthy, outcome, start_peer
from counting import run

GOOD, OTHER, FORK = "good-token-0123456789", "other-token-012345678", "fork-token-0123456789"
EYE = "eye-token-01234567890"
SLEEPING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scenarios",
                        "live-sleep.json")
HERE = "DNS:localhost,IP:127.0.0.1"
ALWAYS = ("20200101000000Z", "20991231235959Z")


def name_of_this_machine():
    """A bare system may know no name of its own; certificates are then held against an address."""
    try:
        socket.getaddrinfo("localhost", None, socket.AF_INET)
        return "localhost"
    except OSError:
        print("     localhost has no address here: 127.0.0.1 stands in for it", flush=True)
        return "127.0.0.1"


NAME = name_of_this_machine()


def openssl(folder, *arguments):
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True,
                          timeout=LONGEST, check=False)
    assert done.returncode == 0, done.stderr


def authority_of_certificates(folder, name):
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}",
            "-days", "3000")


def certificate(folder, name, names, ca="ca", dates=ALWAYS):
    """NAME.pem and NAME.key, for those names, valid between those dates."""
    with open(os.path.join(folder, f"{name}.cnf"), "w", encoding="utf-8") as file:
        file.write(f"[ca]\ndefault_ca=it\n[it]\ndatabase={name}.index\nserial={name}.serial\n"
                   "new_certs_dir=.\ndefault_md=sha256\npolicy=any\nx509_extensions=more\n"
                   f"[any]\ncommonName=supplied\n[more]\nsubjectAltName={names}\n")
    for suffix, text in (("index", ""), ("serial", "01")):
        with open(os.path.join(folder, f"{name}.{suffix}"), "w", encoding="utf-8") as file:
            file.write(text)
    openssl(folder, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    openssl(folder, "ca", "-batch", "-notext", "-config", f"{name}.cnf", "-cert", f"{ca}.pem",
            "-keyfile", f"{ca}.key", "-in", f"{name}.csr", "-out", f"{name}.pem", "-startdate",
            dates[0], "-enddate", dates[1])


def certificates(folder):
    authority_of_certificates(folder, "ca")
    certificate(folder, "server", HERE)


def tls(folder, name="server"):
    return ("--tls-cert", os.path.join(folder, f"{name}.pem"),
            "--tls-key", os.path.join(folder, f"{name}.key"))


def secret(folder, name, text, mode=0o600):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def hashed(token):
    return "sha256:" + hashlib.sha256(token.encode()).hexdigest()


def tokens(folder, *more):
    lines = [f"main {hashed(GOOD)}", f"other {OTHER}",
             f"forks {hashed(FORK)} repository=forks pipeline=check",
             f"eye {hashed(EYE)} observer", *more]
    return secret(folder, "tokens", "\n".join(lines) + "\n")


def refused_to_start(*arguments, env=None):
    done = subprocess.run([PROGRAM, "serve", *arguments], capture_output=True, text=True,
                          timeout=LONGEST, check=False, env={**os.environ, **(env or {})})
    assert done.returncode == 2, done
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def peers_over_tls(folder):
    certificates(folder)
    ca = ("--tls-ca", os.path.join(folder, "ca.pem"))
    with Authority(*tls(folder)) as authority:
        peers = [start_peer(authority, f"p{i}", folder, *ca, scheme="wss", host=host)
                 for i, host in enumerate((NAME, "127.0.0.1"))]
        for peer in peers:
            status, said = outcome(peer)
            assert status == 0, said
        authority.end()


def a_server_that_is_not_to_be_trusted(folder):
    certificates(folder)
    authority_of_certificates(folder, "stranger")
    certificate(folder, "elsewhere", "DNS:elsewhere.example,IP:10.0.0.1")
    ca, stranger = (("--tls-ca", os.path.join(folder, f"{name}.pem"))
                    for name in ("ca", "stranger"))
    unknown = "signed by a CA that is not known here"
    with Authority(*tls(folder)) as authority:
        for arguments in ((), stranger):  # without an own CA the system's count, and ca is none
            peer = start_peer(authority, "p", folder, *arguments, scheme="wss", host=NAME)
            status, said = outcome(peer)
            assert status == 1 and unknown in said, (status, said)
        status, said = outcome(start_peer(authority, "p", folder))  # ws:// to wss://
        assert status == 1 and "ws:// or wss://" in said, said
    with Authority(*tls(folder, "elsewhere")) as authority:
        for host in (NAME, "127.0.0.1"):
            peer = start_peer(authority, "p", folder, *ca, scheme="wss", host=host)
            status, said = outcome(peer)
            assert status == 1 and f"its certificate is not for {host}" in said, said
    with Authority() as authority:  # wss:// to ws://
        peer = start_peer(authority, "p", folder, *ca, scheme="wss", host=NAME)
        status, said = outcome(peer)
        assert status == 1 and "it speaks no TLS" in said, said


def addresses_of_ipv6(folder):
    """The library cuts them off at their first colon, and would then compare no name at all."""
    certificates(folder)
    certificate(folder, "six", "IP:::1")
    ca = ("--tls-ca", os.path.join(folder, "ca.pem"))
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return  # this machine has none
    for name, good in (("server", False), ("six", True)):
        with Authority(*tls(folder, name), address="[::1]") as authority:
            peer = start_peer(authority, "p", folder, *ca, scheme="wss", host="[::1]")
            status, said = outcome(peer)
            assert (status == 0) is good and ("is not for ::1" in said) is not good, said


class Impostor:
    """What answers on a port with a certificate that no authority would start with."""

    def __init__(self, folder, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*(os.path.join(folder, f"{name}.{end}") for end in ("pem", "key")))
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.serve, args=(context,), daemon=True).start()

    def serve(self, context):
        while True:
            try:
                connection, _ = self.server.accept()
                context.wrap_socket(connection, server_side=True).close()
            except ssl.SSLError:
                connection.close()
            except OSError:
                return


def certificates_out_of_time(folder):
    authority_of_certificates(folder, "ca")
    certificate(folder, "old", HERE, dates=("20200101000000Z", "20200201000000Z"))
    certificate(folder, "early", HERE, dates=("20980101000000Z", "20981231000000Z"))
    ca = ("--tls-ca", os.path.join(folder, "ca.pem"))
    for name, at_start, at_peer in (
            ("old", "has expired on 2020-02-01", "its certificate has expired on 2020-02-01"),
            ("early", "is valid from 2098-01-01", "its certificate is valid from 2098-01-01")):
        assert at_start in refused_to_start(*tls(folder, name))
        impostor = Impostor(folder, name)
        peer = start_peer(impostor, "p", folder, *ca, scheme="wss", host=NAME)
        status, said = outcome(peer)
        assert status == 1 and at_peer in said, said
        peer = start_peer(impostor, "p", folder, *ca, "--fallback", scheme="wss",
                          host=NAME)
        status, said = outcome(peer)
        assert status == 0 and "undirected" in said, said
        impostor.server.close()


def certificates_that_are_none(folder):
    certificates(folder)
    certificate(folder, "second", HERE)
    openssl(folder, "ec", "-aes128", "-passout", "pass:secret", "-in", "server.key", "-out",
            "locked.key")
    cert, key = (os.path.join(folder, name) for name in ("server.pem", "server.key"))
    nothing = secret(folder, "nothing", "nothing\n")
    for arguments, sentence in (
            (("--tls-cert", cert), "belong together"),
            (("--tls-key", key), "belong together"),
            (("--tls-cert", cert + "x", "--tls-key", key), "No such file"),
            (("--tls-cert", cert, "--tls-key", key + "x"), "No such file"),
            (("--tls-cert", nothing, "--tls-key", key), "is no certificate in PEM"),
            (("--tls-cert", cert, "--tls-key", nothing), "is no private key in PEM"),
            (("--tls-cert", cert, "--tls-key", os.path.join(folder, "locked.key")),
             "without a passphrase"),
            (("--tls-cert", cert, "--tls-key", os.path.join(folder, "second.key")),
             "is not the key of the certificate")):
        said = refused_to_start(*arguments)
        assert sentence in said, said


def a_certificate_that_ends_soon(folder):
    certificates(folder)
    openssl(folder, "req", "-x509", "-key", "server.key", "-out", "soon.pem", "-subj", "/CN=soon",
            "-days", "3")
    with Authority("--tls-cert", os.path.join(folder, "soon.pem"),
                   "--tls-key", os.path.join(folder, "server.key")) as authority:
        assert "warning" in authority.end() and "expires on" in authority.log, authority.log


def a_certificate_is_renewed(folder):
    certificates(folder)
    trusting = ssl.create_default_context(cafile=os.path.join(folder, "ca.pem"))

    def shown():
        raw = Raw(authority, tls=trusting)
        assert raw.status == 101
        return raw.socket.getpeercert(binary_form=True)

    def told_to_reload():
        authority.process.send_signal(signal.SIGHUP)
        return authority.process.stderr.readline()

    with Authority(*tls(folder)) as authority:
        first = shown()
        certificate(folder, "new", HERE)
        for end in ("pem", "key"):
            os.replace(os.path.join(folder, f"new.{end}"), os.path.join(folder, f"server.{end}"))
        assert "certificate again" in told_to_reload()
        second = shown()
        assert second != first
        secret(folder, "server.key", "nothing\n")
        assert "stays as it was" in told_to_reload()
        assert shown() == second


def half_a_handshake_of_tls(folder):
    certificates(folder)
    ca = ("--tls-ca", os.path.join(folder, "ca.pem"))
    with Authority(*tls(folder), "--hello-time", "0.5", "--max-connections", "40") as authority, \
            healthy(authority, folder, *ca, scheme="wss", host=NAME):
        beginnings = [b"", b"\x16\x03\x01", b"\xff" * 20000, b"GET /peer HTTP/1.1\r\n\r\n",
                      b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 200]
        for _ in range(3):
            halves = [Raw(authority, connect=False) for _ in range(35)]
            for i, half in enumerate(halves):
                half.send(beginnings[i % len(beginnings)])
            for half in halves:
                half.drain()  # ends when the authority closes it


def tokens_right_wrong_and_missing(folder):
    file = tokens(folder)
    with Authority("--tokens", file) as authority, \
            healthy(authority, folder, "--token-file", secret(folder, "good", GOOD + "\n")):
        status, said = outcome(start_peer(authority, "p", folder))
        assert status == 2 and "it wants a token" in said, said
        status, said = outcome(start_peer(authority, "p", folder,
                                          env={"TASK_DIRECTOR_TOKEN": "wrong-token-012345"}))
        assert status == 2 and "does not know this peer's token" in said, said
        status, said = outcome(start_peer(authority, "p", folder, "--fallback"))
        assert status == 2, said
        status, said = outcome(start_peer(authority, "p", folder,
                                          env={"TASK_DIRECTOR_TOKEN": OTHER}))
        assert status == 0, said
        for header in ("", "Authorization: Bearer \r\n", f"Authorization: Basic {GOOD}\r\n",
                       f"Authorization: Bearer {GOOD}x\r\n",
                       f"Authorization: Bearer {GOOD[:-1]}\r\n",
                       f"Authorization: Bearer {hashed(GOOD)}\r\n",
                       f"Authorization: Bearer {'x' * 2000}\r\n"):
            raw = Raw(authority, headers=header)
            assert raw.status == 401 and b"www-authenticate: Bearer" in raw.head, raw.head
            assert "token" in raw.body()
        assert Raw(authority, headers=f"authorization: bearer {GOOD}\r\n").status == 101


def tokens_are_nowhere_to_be_seen(folder):
    token = secret(folder, "good", GOOD)
    with Authority(env={"TASK_DIRECTOR_TOKENS": f"main {GOOD}; other {OTHER}"}) as authority:
        with open(f"/proc/{authority.process.pid}/environ", "rb") as file:
            assert GOOD.encode() not in file.read()
        peer = start_peer(authority, "p", folder, env={"TASK_DIRECTOR_TOKEN": GOOD},
                          seconds='0; test -z "$TASK_DIRECTOR_TOKEN" && '
                                  f'! grep -q {GOOD} /proc/$PPID/environ')
        status, said = outcome(peer)
        assert status == 0, said
        status, said = outcome(start_peer(authority, "q", folder, "--token-file", token))
        assert status == 0, said
        assert Raw(authority, headers=f"Authorization: Bearer {FORK}\r\n").status == 401
        log = authority.end()
        assert "p joins with the token main" in log and "refuses a connection" in log, log
        assert not any(secret in log for secret in (GOOD, OTHER, FORK)), log


def tokens_with_limits(folder):
    env = {"TASK_DIRECTOR_TOKEN": FORK}
    with Authority("--tokens", tokens(folder)) as authority:
        for arguments, status, sentence in (
                (("--repository", "forks", "--pipeline", "check"), 0, ""),
                (("--repository", "app", "--pipeline", "check"), 2, 'not for repository "app"'),
                (("--repository", "forks", "--pipeline", "gate"), 2, 'not for pipeline "gate"'),
                (("--repository", "forks"), 2, "is for peers of some pipelines o")):
            got, said = outcome(start_peer(authority, "p", folder, *arguments, env=env))
            assert got == status and sentence in said, (arguments, got, said)
            assert status == 0 or "not-allowed" in said, said


def pages_want_a_token_too(folder):
    def ask(path, token=None, method="GET"):
        bearer = "" if token is None else f"Authorization: Bearer {token}\r\n"
        return Raw(authority, connect=False).ask(path, method, bearer)

    with Authority("--tokens", tokens(folder)) as authority, \
            healthy(authority, folder, env={"TASK_DIRECTOR_TOKEN": GOOD}):
        for path in ("/metrics", "/api/v1/state"):
            for token in (None, "", GOOD[:-1], GOOD + "x", hashed(GOOD), "x" * 2000):
                status, head, body = ask(path, token)
                assert status == 401 and b"www-authenticate: Bearer" in head, (path, token, head)
                assert b"token" in body and b"healthy" not in body, body
                status, head, _ = ask(path, token, "HEAD")
                assert status == 401 and b"www-authenticate: Bearer" in head, head
            assert ask(f"{path}?token={GOOD}")[0] == 401
        for token, metrics, state in ((GOOD, 200, 200), (EYE, 200, 200), (FORK, 200, 403)):
            assert ask("/metrics", token)[0] == metrics
            status, _, body = ask("/api/v1/state", token)
            assert status == state and (b'"healthy"' in body) == (state == 200), body
        assert ask("/healthz")[::2] == (200, b"ok\n")
        assert ask("/healthz", "wrong-token-0123456")[::2] == (200, b"ok\n")
        assert ask("/secrets")[0] == 404
        # one connection asks with several tokens, and none is remembered
        raw = Raw(authority, connect=False)
        for token, status in ((GOOD, 200), ("", 401), (EYE, 200), (GOOD[1:], 401)):
            assert raw.ask("/metrics", headers=f"Authorization: Bearer {token}\r\n")[0] == status
        assert raw.ask("/metrics")[0] == 401


def who_looks_on_has_no_peers(folder):
    with Authority("--tokens", tokens(folder)) as authority:
        status, said = outcome(start_peer(authority, "p", folder,
                                          env={"TASK_DIRECTOR_TOKEN": EYE}))
        assert status == 2 and "not-allowed" in said and "for looking on only" in said, said


def status_and_swarm_are_let_in(folder):
    def command(name, *arguments, token=None, scheme="wss"):
        environment = {key: value for key, value in os.environ.items()
                       if key != "TASK_DIRECTOR_TOKEN"}
        environment.update({} if token is None else {"TASK_DIRECTOR_TOKEN": token})
        done = subprocess.run(
            [PROGRAM, name, "--server", f"{scheme}://{NAME}:{authority.port}", *arguments],
            capture_output=True, text=True, timeout=LONGEST, check=False, env=environment)
        assert done.stderr.count("\n") == (done.returncode != 0), done.stderr
        return done.returncode, done.stdout, done.stderr

    certificates(folder)
    ca = ("--tls-ca", os.path.join(folder, "ca.pem"))
    good = ("--token-file", secret(folder, "good", GOOD + "\n"))
    swarm = ("--scenario", SLEEPING, "--time-scale", "0.00001")
    unknown, plain = "signed by a CA that is not known here", "ws:// or wss://"
    with Authority(*tls(folder), "--tokens", tokens(folder)) as authority:
        for arguments, token in (((*ca, *good), None), (ca, GOOD), (ca, EYE)):
            status, said, _ = command("status", *arguments, token=token)
            assert status == 0 and said.startswith("policy directed; 0 peers"), said
        for arguments, token, scheme, code, sentence in (
                (ca, None, "wss", 2, "wants a token"),
                (ca, "wrong-token-01234", "wss", 2, "does not know this token"),
                (ca, FORK, "wss", 2, "no token with limits"),
                ((), GOOD, "wss", 1, unknown),
                ((), GOOD, "ws", 1, plain),
                (ca, GOOD, "ws", 2, "--tls-ca is for"),
                (("--tls-ca", ca[1] + "x"), GOOD, "wss", 2, "cannot be read"),
                ((*ca, "--token-file", ca[1] + "x"), None, "wss", 2, "cannot be read")):
            status, said, complaint = command("status", *arguments, token=token, scheme=scheme)
            assert status == code and said == "" and sentence in complaint, (status, complaint)
        for arguments, token in (((*ca, *good), None), (ca, GOOD)):
            status, said, _ = command("swarm", *swarm, *arguments, token=token)
            assert status == 0 and "3 peers: 3 completed" in said, said
        for arguments, token, scheme, code, sentence in (
                (ca, None, "wss", 1, "wants a token"),
                (ca, "wrong-token-01234", "wss", 1, "does not know this peer's token"),
                (ca, EYE, "wss", 1, "for looking on only"),
                (("--max-away", "0.1s"), GOOD, "wss", 1, unknown),
                (ca, GOOD, "ws", 2, "--tls-ca is for")):
            status, said, complaint = command("swarm", *swarm, *arguments, token=token,
                                              scheme=scheme)
            assert status == code and sentence in complaint, (status, complaint)
            assert code == 2 or "0 completed" in said, said
        log = authority.end()
        assert not any(token in log for token in (GOOD, EYE, FORK)), log


def clients_of_version_1_have_no_token(folder):
    path, bearer = "/ws/api/1/old/", f"Authorization: Bearer {GOOD}\r\n"
    with Authority("--tokens", tokens(folder)) as authority:
        for headers in ("", bearer, bearer, ""):
            raw = Raw(authority, headers=headers, path=path)
            assert raw.status == 401 and b"www-authenticate: Bearer" in raw.head, raw.head
            assert "version 1" in raw.body()
        log = authority.end()
        assert "clients of version 1 have none" in log and "--v1-without-token" in log, log
    with Authority("--tokens", tokens(folder), "--v1-without-token") as authority:
        assert "warning" in authority.process.stderr.readline()
        url = f"ws://127.0.0.1:{authority.port}{path}"
        old = v1_client.Connection(url)
        old.init("six", 1)
        assert Raw(authority).status == 401  # others still need one
        secret(folder, "tokens", f"forks {hashed(FORK)} repository=forks\n")
        authority.process.send_signal(signal.SIGHUP)
        while "the tokens again" not in (line := authority.process.stderr.readline()):
            assert line
        old.complete(old.instruction())  # nothing that it came with is gone
        old.expect_complete()
    with Authority("--v1-without-token") as authority:
        assert Raw(authority, path=path).status == 101
        assert "warning" not in authority.end()


def a_peer_speaks_only_for_itself(folder):
    as_main, as_other = (f"Authorization: Bearer {token}\r\n" for token in (GOOD, OTHER))
    with Authority("--tokens", tokens(folder)) as authority:
        mine = Raw(authority, headers=as_main)
        mine.hello("pr-1")
        assert mine.hear()["type"] == "welcome"
        order = mine.hear()["order"]
        for lost in (False, True):  # while it is there, and in its grace
            if lost:
                mine.close()
            thief = Raw(authority, headers=as_other)
            thief.hello("pr-1", resume=order)
            code, text = thief.error()
            assert code == "name-taken" and "another token" in text, (code, text)
        again = Raw(authority, headers=as_main)
        again.hello("pr-1", resume=order)
        assert again.hear().get("resumed") is True
        again.say("bye")
        assert again.hear() is None
        later = Raw(authority, headers=as_other)  # it has left for good
        later.hello("pr-1")
        assert later.hear()["type"] == "welcome"


def a_read_only_token_publishes_nothing(folder):
    file = tokens(folder, f"guest {hashed('guest-token-0123456')} read-only")
    with Authority("--tokens", file) as authority:
        guest = Raw(authority, headers="Authorization: Bearer guest-token-0123456\r\n")
        guest.hello("guest")
        order = [guest.hear() for _ in range(2)][1]
        guest.say("obtained", order=order["order"], step=order["step"], how="build",
                  published=True, took_ns="1")
        guest.say("look", order=order["order"], step=order["step"])
        assert guest.hear().get("published") in (None, False)
        main = Raw(authority, headers=f"Authorization: Bearer {GOOD}\r\n")
        main.hello("main")
        first = [main.hear() for _ in range(2)][1]
        assert first["step"] == order["step"] and first["expect"] == "build", first


def tokens_are_taken_back(folder):
    with Authority("--tokens", tokens(folder)) as authority, \
            healthy(authority, folder, "--token-file", secret(folder, "good", GOOD)):
        other = Raw(authority, headers=f"Authorization: Bearer {OTHER}\r\n")
        other.hello("other", schema={**SCHEMA, "id": "other's own"})
        secret(folder, "tokens", f"main {GOOD}\nnewcomer newcomer-token-1234\n")
        authority.process.send_signal(signal.SIGHUP)
        code, text = other.error()
        assert code == "not-allowed" and "not valid any more" in text, (code, text)
        assert Raw(authority, headers=f"Authorization: Bearer {OTHER}\r\n").status == 401
        assert Raw(authority, headers="Authorization: Bearer newcomer-token-1234\r\n").status == 101
        secret(folder, "tokens", "nonsense\n")
        authority.process.send_signal(signal.SIGHUP)
        while "stay as they were" not in (line := authority.process.stderr.readline()):
            assert line
        assert Raw(authority, headers="Authorization: Bearer newcomer-token-1234\r\n").status == 101


def it_is_told_at_once(folder):
    with Authority("--tokens", tokens(folder)) as authority:  # nothing else wakes it
        other = Raw(authority, headers=f"Authorization: Bearer {OTHER}\r\n")
        other.hello("other")
        assert [other.hear()["type"] for _ in range(2)] == ["welcome", "order"]
        secret(folder, "tokens", f"main {GOOD}\n")
        authority.process.send_signal(signal.SIGHUP)
        began = time.monotonic()
        assert other.error()[0] == "not-allowed"
        assert time.monotonic() - began < 15  # a ping would have, after 20


def what_must_be_meant(folder):
    certificates(folder)
    file = tokens(folder)
    assert "--insecure-no-tokens" in refused_to_start("--listen", "0.0.0.0:0")
    assert "--insecure-no-tls" in refused_to_start("--listen", "0.0.0.0:0", "--tokens", file)
    assert "--insecure-no-tokens" in refused_to_start("--listen", "[::]:0", *tls(folder))
    os.chmod(file, 0o644)
    assert "chmod 600" in refused_to_start("--tokens", file)
    os.chmod(file, 0o600)
    assert "give one of them" in refused_to_start(
        "--tokens", file, env={"TASK_DIRECTOR_TOKENS": f"main {GOOD}"})
    said = refused_to_start(env={"TASK_DIRECTOR_TOKENS": f"main {GOOD[:9]}"})
    assert "no token" in said and GOOD[:9] not in said, said


if __name__ == "__main__":
    sys.exit(run([peers_over_tls, a_server_that_is_not_to_be_trusted, addresses_of_ipv6,
                  certificates_out_of_time, certificates_that_are_none,
                  a_certificate_that_ends_soon, a_certificate_is_renewed, half_a_handshake_of_tls,
                  tokens_right_wrong_and_missing, tokens_are_nowhere_to_be_seen,
                  tokens_with_limits, pages_want_a_token_too, who_looks_on_has_no_peers,
                  status_and_swarm_are_let_in, clients_of_version_1_have_no_token,
                  a_peer_speaks_only_for_itself, a_read_only_token_publishes_nothing,
                  tokens_are_taken_back, it_is_told_at_once, what_must_be_meant]))
