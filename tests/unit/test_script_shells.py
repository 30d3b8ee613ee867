"""The batch script run by every POSIX shell of this machine."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kedge.links.base import Answer, Command
from kedge.links.frames import Reader
from kedge.links.script import Sudo, render

NONCE = secrets.token_hex(8)
SHELLS = [words for words in (["sh"], ["dash"], ["bash"], ["busybox", "sh"]) if shutil.which(words[0]) is not None]


def run(
    shell: Sequence[str],
    commands: Sequence[Command],
    *,
    sudo: Sudo = Sudo.NOPASSWD,
    env: dict[str, str] | None = None,
    seconds: float = 30,
) -> list[Answer]:
    """Feed the script to the shell as SSH does; nothing may come on stderr and the script must end by itself."""
    inner = " ".join([shutil.which(shell[0]) or shell[0], *shell[1:]])
    script = render(commands, nonce=NONCE, shell=inner, sudo=sudo)
    done = subprocess.run([*shell, "-s"], input=script, capture_output=True, timeout=seconds, check=False, env=env)
    assert done.stderr == b""
    reader = Reader(NONCE)
    reader.feed(done.stdout)
    assert reader.batch.complete
    return reader.batch.in_order(commands)


def processes_with(mark: str) -> list[str]:
    listed = subprocess.run(["ps", "-A", "-o", "args"], capture_output=True, check=True, text=True).stdout
    return [line for line in listed.splitlines() if mark in line and "ps -A" not in line]


@pytest.fixture(params=SHELLS, ids=" ".join)
def shell(request: pytest.FixtureRequest) -> list[str]:
    words: list[str] = request.param
    return words


def test_each_command_has_its_own_outcome(shell: list[str]) -> None:
    commands = [
        Command("both", "echo out; echo err >&2; exit 3"),
        Command("syntax", "if ((; fi"),
        Command("missing", "/no/such/program"),
        Command("signal", "kill -9 $$"),
        Command("stdin", "cat", stdin=b"100% 'a' \\n\0\xff\nlast"),
        Command("no stdin", "cat; [ ! -t 0 ]"),
        Command("language", "echo $LC_ALL $TZ; pwd"),
        Command("name with | ' \" spaces", "echo ok"),
    ]
    both, syntax, missing, signal, stdin, no_stdin, language, named = run(shell, commands)
    assert (both.exit_code, both.stdout, both.stderr) == (3, b"out\n", b"err\n")
    assert syntax.exit_code not in (0, None)
    assert syntax.stderr != b""
    assert missing.exit_code == 127
    assert signal.exit_code == 137
    assert stdin.stdout == b"100% 'a' \\n\0\xff\nlast"
    assert (no_stdin.exit_code, no_stdin.stdout) == (0, b"")
    assert language.stdout == b"C UTC\n/\n"
    assert named.stdout == b"ok\n"
    assert all(answer.at is not None for answer in (both, syntax, named))


def test_bytes_of_any_kind_come_back_as_they_are(shell: list[str], tmp_path: Path) -> None:
    data = bytes(range(256)) * 20 + f"\n#{NONCE} Z\n".encode() + b"no newline at the end"
    (tmp_path / "data").write_bytes(data)
    (answer,) = run(shell, [Command("all", f"cat {tmp_path}/data; cat {tmp_path}/data >&2")])
    assert answer.stdout == data
    assert answer.stderr == data
    assert not answer.cut


def test_output_beyond_the_cap_is_cut_and_says_so(shell: list[str]) -> None:
    commands = [
        Command("large", "head -c 3000000 /dev/zero; exit 5", cap=1000),
        Command("exact", "head -c 1000 /dev/zero", cap=1000),
        Command("one more", "head -c 1001 /dev/zero >&2", cap=1000),
        Command("none", "echo x", cap=0),
    ]
    large, exact, more, none = run(shell, commands)
    assert (large.exit_code, len(large.stdout), large.cut) == (5, 1000, True)
    assert (len(exact.stdout), exact.cut) == (1000, False)
    assert (len(more.stderr), more.cut) == (1000, True)
    assert (none.stdout, none.cut) == (b"", True)


def test_a_hung_command_dies_with_its_children_and_costs_the_others_nothing(shell: list[str]) -> None:
    mark = f"4242{os.getpid()}"
    hang = f"sleep {mark}1 & sleep {mark}2"
    stubborn = f"trap '' TERM; sleep {mark}3 & sleep {mark}4; sleep {mark}5"
    began = time.monotonic()
    first, second, after = run(
        shell,
        [Command("hang", hang, timeout=1), Command("stubborn", stubborn, timeout=1), Command("after", "echo here")],
    )
    assert time.monotonic() - began < 15
    assert (first.exit_code, first.timed_out) == (124, True)
    assert (second.exit_code, second.timed_out) == (124, True)
    assert (after.exit_code, after.stdout, after.timed_out) == (0, b"here\n", False)
    assert processes_with(mark) == []


def test_waiting_commands_wait_side_by_side(shell: list[str]) -> None:
    began = time.monotonic()
    answers = run(shell, [Command(str(number), "sleep 1; echo done") for number in range(4)])
    assert [answer.stdout for answer in answers] == [b"done\n"] * 4
    assert time.monotonic() - began < 3.5


def test_a_service_left_behind_stays_and_does_not_hold_up_the_answer(shell: list[str]) -> None:
    (answer,) = run(shell, [Command("start", "setsid sleep 60 & echo $!", timeout=1)])
    service = int(answer.stdout)
    try:
        assert (answer.exit_code, answer.timed_out) == (0, False)
        os.kill(service, 0)  # raises if it has ended
    finally:
        os.kill(service, signal.SIGKILL)


def test_nothing_stays_behind_on_the_host(shell: list[str], tmp_path: Path) -> None:
    (answer,) = run(shell, [Command("where", "for d in /dev/shm /tmp; do ls -d $d/kedge-* 2>/dev/null; done; :")])
    (folder,) = re.findall(rf"\S*/kedge-{NONCE}-\d+", answer.stdout.decode())
    assert not Path(folder).exists()


def test_without_setsid_the_shells_own_job_control_kills_the_children(tmp_path: Path) -> None:
    """macOS has no setsid; its sh is bash."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ["cat", "date", "head", "id", "mkdir", "mkfifo", "rm", "sh", "sleep", "wc", "bash"]:
        found = shutil.which(tool)
        assert found
        (tools / tool).symlink_to(found)
    mark = f"4343{os.getpid()}"
    script = render(
        [Command("hang", f"sleep {mark}1 & sleep {mark}2", timeout=1), Command("fine", "echo ok")],
        nonce=NONCE,
        shell=str(tools / "bash"),
    ).replace(b":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", b"")
    done = subprocess.run(
        [tools / "bash", "-s"], input=script, capture_output=True, timeout=30, check=True, env={"PATH": str(tools)}
    )
    reader = Reader(NONCE)
    reader.feed(done.stdout)
    assert reader.batch.answers["hang"].timed_out
    assert reader.batch.answers["fine"].stdout == b"ok\n"
    assert processes_with(mark) == []


def test_a_reader_that_goes_away_ends_the_script_and_what_it_started(shell: list[str]) -> None:
    mark = f"4444{os.getpid()}"
    commands = [Command("long", f"sleep {mark}", timeout=600)]
    commands += [Command(str(number), f"sleep 1; head -c {1 << 17} /dev/zero") for number in range(3)]
    script = render(commands, nonce=NONCE)
    with subprocess.Popen([*shell, "-s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(script)
        process.stdin.flush()
        assert process.stdout.readline() == b"\n"
        assert process.stdout.readline().startswith(f"#{NONCE} K ".encode())
        process.stdout.close()
        process.wait(15)
    assert processes_with(f"sleep {mark}") == []


def test_a_reader_that_has_never_been_there_leaves_no_trace(shell: list[str]) -> None:
    mark = secrets.token_hex(8)
    script = render([Command("long", "sleep 60", timeout=60)], nonce=mark)
    pipe = subprocess.PIPE
    with subprocess.Popen([*shell, "-s"], stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stderr.close()
        process.stdin.write(script)
        process.stdin.flush()
        process.wait(15)
    assert [*Path("/dev/shm").glob(f"kedge-{mark}-*"), *Path("/tmp").glob(f"kedge-{mark}-*")] == []


def test_no_place_for_the_answers_is_said_aloud(shell: list[str]) -> None:
    script = render([Command("a", "true")], nonce=NONCE).replace(b'mkdir "$d"', b"false")
    done = subprocess.run([*shell, "-s"], input=script, capture_output=True, timeout=30, check=False)
    assert done.returncode == 1
    assert b"no writable directory" in done.stderr


@settings(max_examples=15)
@given(
    st.sampled_from(SHELLS),
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
        st.tuples(st.binary(max_size=300), st.integers(0, 255)),
        min_size=1,
        max_size=4,
    ),
)
@example(["sh"], {"option": (b"-n\n-e x", 0), "percent": (b"%s%%\\n'", 0)})
def test_anything_goes_in_and_comes_out(shell: list[str], wanted: dict[str, tuple[bytes, int]]) -> None:
    commands = [Command(name, f"cat; exit {code}", stdin=data) for name, (data, code) in wanted.items()]
    assert {a.id: (a.stdout, a.exit_code) for a in run(shell, commands)} == wanted


@settings(max_examples=15)
@given(
    st.sampled_from(SHELLS),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=80),
)
def test_hostile_words_stay_words(shell: list[str], words: str) -> None:
    (answer,) = run(shell, [Command("echo", f"printf %s {shlex.quote(words)}")])
    assert answer.stdout == words.encode()


def test_the_script_needs_no_tool_beyond_its_list(tmp_path: Path) -> None:
    """A busybox system has little else; setsid is among what may be missing."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ["cat", "date", "head", "id", "mkdir", "mkfifo", "rm", "sleep", "wc", "setsid"]:
        found = shutil.which(tool)
        if found:
            (tools / tool).symlink_to(found)
    sh = shutil.which("dash") or shutil.which("sh")
    assert sh
    script = render([Command("a", "echo ok", root=True), Command("b", "cat", stdin=b"x")], nonce=NONCE, shell=sh)
    script = script.replace(b":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", b"")
    env = {"PATH": str(tools)}
    done = subprocess.run([sh, "-s"], input=script, capture_output=True, timeout=30, check=False, env=env)
    reader = Reader(NONCE)
    reader.feed(done.stdout)
    assert reader.batch.answers["b"].stdout == b"x"
    assert reader.batch.complete
