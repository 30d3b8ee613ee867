"""The batch script as text, and reading back what it prints."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.links.base import Answer, Command
from kedge.links.frames import FramingError, Reader, parse
from kedge.links.script import STDIN_CAP, Sudo, render

NONCE = "0123456789abcdef"
HELLO = f"\n#{NONCE} K 1 2 1000 1700000000.5 100.25\n".encode()


def frame(words: str, payload: bytes = b"") -> bytes:
    return f"\n#{NONCE} {words}\n".encode() + payload


def answered(number: int, name: str, out: bytes, err: bytes = b"", code: int = 0) -> bytes:
    return frame(f"A {number} {name} {code} 0 0 101.25 101.50 {len(out)} {len(err)}", out + err)


COMMANDS = [Command("one", "true"), Command("two", "true", root=True)]


def test_answers_come_in_the_order_of_the_commands_with_the_hosts_own_clock() -> None:
    stream = HELLO + answered(1, "two", b"2", code=3) + answered(0, "one", b"1", b"e") + frame("Z")
    at = datetime.fromtimestamp(1700000001.5, UTC)
    assert parse(stream, COMMANDS, nonce=NONCE) == [
        Answer("one", 0, b"1", b"e", 0.25, at),
        Answer("two", 3, b"2", b"", 0.25, at),
    ]


def test_a_host_whose_date_knows_no_fraction_still_tells_the_time() -> None:
    hello = f"\n#{NONCE} K 1 1 0 1700000000.%N 1700000000.N\n".encode()
    stream = hello + frame("A 0 one 0 0 0 1700000002.N 1700000005.%N 0 0")
    (answer, _missing) = parse(stream, COMMANDS, nonce=NONCE)
    assert (answer.at, answer.seconds) == (datetime.fromtimestamp(1700000002, UTC), 3.0)


def test_what_a_start_up_file_prints_is_passed_over() -> None:
    stream = b"Welcome!\n#no frame\n" + HELLO + b"\nlate noise" + answered(0, "one", b"x") + frame("Z")
    assert parse(stream, COMMANDS, nonce=NONCE)[0].stdout == b"x"


@pytest.mark.parametrize("keep", range(0, 400, 7))
def test_a_stream_that_breaks_off_keeps_what_was_whole(keep: int) -> None:
    whole = HELLO + answered(0, "one", b"a" * 100) + answered(1, "two", b"b" * 100) + frame("Z")
    first, second = len(HELLO) + len(answered(0, "one", b"a" * 100)), len(whole) - len(frame("Z"))
    reader = Reader(NONCE)
    reader.feed(whole[:keep])
    one, two = reader.batch.in_order(COMMANDS)
    assert one.exit_code == (0 if keep >= first else None)
    assert two.exit_code == (0 if keep >= second else None)
    assert (len(one.stdout), len(two.stdout)) == (100 * (keep >= first), 100 * (keep >= second))


def test_output_cannot_forge_a_frame() -> None:
    forged = answered(1, "two", b"forged") + frame("Z")
    stream = HELLO + answered(0, "one", forged)
    one, two = parse(stream, COMMANDS, nonce=NONCE)
    assert one.stdout == forged
    assert two.exit_code is None


def test_denied_commands_carry_what_sudo_said() -> None:
    said = b"sudo: a password is required\n"
    stream = HELLO + frame(f"S denied {len(said)}", said) + frame("D 1 two") + answered(0, "one", b"") + frame("Z")
    two = parse(stream, COMMANDS, nonce=NONCE)[1]
    assert (two.sudo_denied, two.exit_code, two.stderr) == (True, None, said.strip())


def test_a_timeout_is_124_whatever_the_shell_made_of_it() -> None:
    stream = HELLO + frame("A 0 one 143 1 0 100.0 105.0 0 0")
    one = parse(stream, COMMANDS, nonce=NONCE)[0]
    assert (one.exit_code, one.timed_out) == (124, True)


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"This account is currently not available.\n",
        frame("K 2 1 0 1.0 1.0"),
        frame("Z"),
        HELLO + frame("A 0 one 0 0 0 1.0 1.0 99999999999 0"),
        HELLO + frame("A 0 one 0 0 0 1.0 1.0 -1 0"),
        HELLO + frame("A 0 one x 0 0 1.0 1.0 0 0"),
        HELLO + frame("A 0"),
        HELLO + frame("Q"),
    ],
)
def test_what_the_script_would_never_print_is_an_error(stream: bytes) -> None:
    with pytest.raises(FramingError):
        parse(stream, COMMANDS, nonce=NONCE)


@given(st.binary(max_size=3000), st.integers(1, 50))
def test_a_hostile_stream_gives_answers_or_a_framing_error(noise: bytes, size: int) -> None:
    reader = Reader(NONCE)
    stream = HELLO + noise.replace(b"~", f"\n#{NONCE} A ".encode())
    try:
        for start in range(0, len(stream), size):
            reader.feed(stream[start : start + size])
    except FramingError:
        return
    assert len(reader.batch.in_order(COMMANDS)) == 2


@given(
    st.lists(st.tuples(st.binary(max_size=200), st.binary(max_size=200)), min_size=1, max_size=5), st.integers(1, 64)
)
def test_pieces_of_any_size_read_the_same(outputs: list[tuple[bytes, bytes]], size: int) -> None:
    commands = [Command(str(number), "") for number in range(len(outputs))]
    stream = HELLO + b"".join(answered(n, str(n), out, err) for n, (out, err) in enumerate(outputs)) + frame("Z")
    reader = Reader(NONCE)
    for start in range(0, len(stream), size):
        reader.feed(stream[start : start + size])
    assert [(a.stdout, a.stderr) for a in reader.batch.in_order(commands)] == outputs
    assert reader.batch.complete


def test_saved_output_is_read_back_without_knowing_its_nonce() -> None:
    stream = HELLO + answered(0, "file%3A%2Fetc%2Fa%20b", b"x") + frame("Z")
    reader = Reader(None)
    reader.feed(stream)
    assert reader.batch.answers["file:/etc/a b"].stdout == b"x"


# ------------------------------------------------------------------------------------------------ rendering


def test_the_script_for_a_person_is_the_same_script_with_comments() -> None:
    plain, explained = (render(COMMANDS, nonce=NONCE, comments=flag).decode() for flag in (False, True))
    code = [line for line in map(str.strip, explained.splitlines()) if line and not line.startswith("#")]
    assert code == [line for line in map(str.strip, plain.splitlines()) if line and not line.startswith("#")]
    assert explained.count("\n# ") > plain.count("\n# ") + 10


@pytest.mark.parametrize(
    ("commands", "reason"),
    [
        ([Command("a", "true"), Command("a", "true")], "ids"),
        ([Command("", "true")], "ids"),
        ([Command("a", "printf '\0'")], "NUL"),
        ([Command("a", "cat", stdin=b"x" * (STDIN_CAP + 1))], "stdin"),
    ],
)
def test_what_cannot_be_written_down_is_refused(commands: list[Command], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        render(commands, nonce=NONCE)


@pytest.mark.parametrize("nonce", ["", "a b", "a'b", "é", "x\ny"])
def test_a_nonce_that_could_be_shell_is_refused(nonce: str) -> None:
    with pytest.raises(ValueError, match="nonce"):
        render(COMMANDS, nonce=nonce)


def test_a_batch_stays_small_enough_for_a_slow_link() -> None:
    commands = [Command(f"c{n}", "cat /etc/kubeedge/config/edgecore.yaml", root=True) for n in range(12)]
    assert len(render(commands, nonce=NONCE, sudo=Sudo.NOPASSWD)) < 7000
