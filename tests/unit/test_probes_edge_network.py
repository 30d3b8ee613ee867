"""Reading what nc, telnet, bash, curl, python3, ss and netstat say about the network."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.asks import Sockets, Tcp
from kedge.facts.network import Established, Reach, Socket, TcpReach
from kedge.i18n import _
from kedge.model import Observation, Reason, Unknown
from kedge.probes.network import read_established, read_listening, read_sockets, read_stream_reach, read_tcp


def seen(rc: int | None, out: str = "", err: str = "", what: str = "", error: Unknown | None = None) -> Observation:
    return Observation(Tcp("10.0.0.1", 10004), "edge1", what, exit_code=rc, stdout=out, stderr=err, error=error)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        # bash
        (seen(0), Reach.OPEN),
        (seen(124), Reach.FILTERED),
        (seen(1, err="bash: connect: Connection refused\nbash: line 1: /dev/tcp/10.0.0.1/10004: Connection refused"),
         Reach.REFUSED),
        (seen(1, err="bash: connect: No route to host"), Reach.NO_ROUTE),
        (seen(1, err="bash: connect: Network is unreachable"), Reach.NO_ROUTE),
        (seen(1, err="bash: cloud: Name or service not known\nbash: line 1: /dev/tcp/…: Invalid argument"),
         Reach.UNRESOLVED),
        (seen(1, err="bash: connect: Connection timed out"), Reach.FILTERED),
        # nc, of OpenBSD, nmap and busybox
        (seen(0, err="Connection to 10.0.0.1 10004 port [tcp/*] succeeded!"), Reach.OPEN),
        (seen(1, err="nc: connect to 10.0.0.1 port 10004 (tcp) failed: Connection refused"), Reach.REFUSED),
        (seen(1, err="nc: connect to 10.0.0.1 port 10004 (tcp) timed out: Operation now in progress"), Reach.FILTERED),
        (seen(1, err="Ncat: TIMEOUT."), Reach.FILTERED),
        (seen(1, err="nc: bad address 'cloud'"), Reach.UNRESOLVED),
        (seen(1, err="nc: getaddrinfo for host \"x\" port 1: Temporary failure in name resolution"), Reach.UNRESOLVED),
        # telnet stays connected until it is killed
        (seen(124, out="Trying 10.0.0.1...\nConnected to 10.0.0.1.\nEscape character is '^]'.\n"), Reach.OPEN),
        (seen(1, out="Trying 10.0.0.1...\nConnected to 10.0.0.1.\n", err="Connection closed by foreign host."),
         Reach.OPEN),
        (seen(124, out="Trying 10.0.0.1...\n"), Reach.FILTERED),
        (seen(1, out="Trying 10.0.0.1...\n", err="telnet: Unable to connect to remote host: No route to host"),
         Reach.NO_ROUTE),
        # curl
        (seen(7, err="curl: (7) Failed to connect to 10.0.0.1 port 10004: Connection refused", what="curl telnet://…"),
         Reach.REFUSED),
        (seen(28, err="curl: (28) Connection timed out after 3001 ms", what="curl telnet://…"), Reach.FILTERED),
        (seen(6, err="curl: (6) Could not resolve host: cloud", what="curl telnet://…"), Reach.UNRESOLVED),
        (seen(52, err="curl: (52) Empty reply from server", what="curl telnet://…"), Reach.OPEN),
        # openssl
        (seen(1, out="CONNECTED(00000003)\n", err="error:0A00010B:SSL routines::wrong version number"), Reach.OPEN),
        (seen(1, err="BIO_connect:connect error\nconnect:errno=111"), Reach.REFUSED),
        (seen(1, err="connect:errno=113"), Reach.NO_ROUTE),
        # none
        (seen(1, err="bad address -oops"), Reach.UNRESOLVED),
        # python3
        (seen(1, err="ConnectionRefusedError: [Errno 111] Connection refused"), Reach.REFUSED),
        (seen(1, err="TimeoutError: timed out"), Reach.FILTERED),
        (seen(1, err="socket.gaierror: [Errno -2] Name or service not known"), Reach.UNRESOLVED),
    ],
)  # fmt: skip
def test_every_tool_tells_the_same_four_ways(answer: Observation, outcome: Reach) -> None:
    found = read_tcp(answer)
    assert isinstance(found, TcpReach)
    assert found.outcome is outcome
    assert (found.host, found.port) == ("10.0.0.1", 10004)


@pytest.mark.parametrize("host", ["-e", "$(id)", "a b", "x\ny"])
def test_what_is_no_address_is_given_to_no_tool(host: str) -> None:
    script = f"set -- nothing; {Tcp(host, 1).render()}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"bad address {host}\n")


def test_a_failure_keeps_what_the_tool_said() -> None:
    found = read_tcp(seen(1, out="Trying 10.0.0.1...\n", err="telnet: Unable to connect: Connection refused"))
    assert isinstance(found, TcpReach)
    assert found.detail == "telnet: Unable to connect: Connection refused"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (seen(127, err="none of bash, nc, python, telnet, openssl found"), Reason.NO_TOOL),
        (seen(1), Reason.UNPARSABLE),
        (seen(None, error=Unknown(Reason.UNREACHABLE, _("no ssh"))), Reason.UNREACHABLE),
    ],
)
def test_no_answer_is_not_taken_for_a_closed_port(answer: Observation, reason: Reason) -> None:
    found = read_tcp(answer)
    assert isinstance(found, Unknown)
    assert found.reason is reason


def test_one_attempt_that_was_not_recorded_does_not_lose_the_others() -> None:
    missing = seen(None, error=Unknown(Reason.NOT_RECORDED, _("not recorded")))
    found = read_stream_reach(missing, seen(0))
    assert not isinstance(found, Unknown)
    assert [a.outcome for a in found.attempts] == [Reach.OPEN]
    assert isinstance(read_stream_reach(missing), Unknown)


# --------------------------------------------------------------------------------------------------- sockets

TUNNEL = Socket("10.99.0.21", 47450, "10.99.0.10", 10004, "edgecore", 2336, 0, 3743)


@pytest.mark.parametrize(
    "line",
    [
        '0      3743         10.99.0.21:47450   10.99.0.10:10004 users:(("edgecore",pid=2336,fd=23))',
        'ESTAB 0      3743         10.99.0.21:47450   10.99.0.10:10004 users:(("edgecore",pid=2336,fd=23))',
        'tcp   ESTAB 0  3743  [::ffff:10.99.0.21]:47450 [::ffff:10.99.0.10]:10004 users:(("edgecore",pid=2336,fd=23))',
        "tcp        0   3743 10.99.0.21:47450        10.99.0.10:10004        ESTABLISHED 2336/edgecore",
    ],
)
def test_ss_and_netstat_tell_the_same(line: str) -> None:
    assert list(read_sockets(line, {"ESTAB", "ESTABLISHED"})) == [TUNNEL]


def test_the_retransmission_timer_is_read_where_it_is_told() -> None:
    line = '0 3743 1.1.1.1:1 2.2.2.2:10004 users:(("edgecore",pid=1,fd=2)) timer:(on,1min20sec,7)'
    assert [s.retransmits for s in read_sockets(line, set())] == [7]
    assert [s.retransmits for s in read_sockets("0 3743 1.1.1.1:1 2.2.2.2:10004", set())] == [None]


def test_rows_of_other_states_and_protocols_are_left_out() -> None:
    text = (
        "Netid State   Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n"
        "udp   UNCONN  0      0      0.0.0.0:68        0.0.0.0:*\n"
        "tcp   LISTEN  0      128    0.0.0.0:22        0.0.0.0:*    users:((\"sshd\",pid=1,fd=3))\n"
        "tcp   ESTAB   0      0      10.0.0.1:22       10.0.0.2:999\n"
        "tcp   TIME-WAIT 0    0      10.0.0.1:22       10.0.0.2:998\n"
    )  # fmt: skip
    assert [s.local_port for s in read_sockets(text, {"LISTEN"})] == [22]
    assert [s.peer_port for s in read_sockets(text, {"ESTAB"})] == [999]


def test_wildcards_and_scopes() -> None:
    text = "LISTEN 0 4096 *:6443 *:*\nLISTEN 0 4096 127.0.0.53%lo:53 0.0.0.0:*\nLISTEN 0 128 [::]:22 [::]:*\n"
    assert [(s.local_ip, s.local_port) for s in read_sockets(text, {"LISTEN"})] == [
        ("*", 6443),
        ("127.0.0.53", 53),
        ("::", 22),
    ]


def test_a_missing_ss_is_a_typed_reason() -> None:
    answer = Observation(Sockets("established"), "edge1", "ss", exit_code=127, stderr="sh: ss: not found")
    found = read_established(answer)
    assert isinstance(found, Unknown)
    assert found.reason is Reason.NO_TOOL


def test_no_connection_at_all_is_known() -> None:
    answer = Observation(Sockets("established"), "edge1", "ss", exit_code=0, stdout="Recv-Q Send-Q Local Peer\n")
    assert read_established(answer) == Established()


@given(st.text())
def test_no_text_breaks_the_reading_of_sockets(text: str) -> None:
    answer = Observation(Sockets("listening"), "edge1", "ss", exit_code=0, stdout=text)
    read_listening(answer)
    list(read_sockets(f"0 0 {text}:1 {text}:2", set()))


@given(st.integers(0, 255), st.text(), st.text())
def test_no_text_breaks_the_reading_of_an_attempt(rc: int, out: str, err: str) -> None:
    read_tcp(seen(rc, out, err))
