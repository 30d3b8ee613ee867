"""known_hosts as OpenSSH reads it."""

from __future__ import annotations

import base64
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.links import known_hosts
from kedge.links.known_hosts import Standing, append, fingerprint, judge, load, name_of, parse

ED = "ssh-ed25519"
RSA = "ssh-rsa"
KEY, OTHER, THIRD = b"key one", b"key two", b"key three"
FILE = Path("known_hosts")


def b64(blob: bytes) -> str:
    return base64.b64encode(blob).decode()


def standing(text: str, host: str, blob: bytes = KEY, *, port: int = 22, key_type: str = ED) -> Standing:
    return judge(parse(text, FILE), host, port, key_type, blob).standing


@pytest.mark.parametrize(
    ("hosts", "host", "port", "expected"),
    [
        ("edge1", "edge1", 22, Standing.KNOWN),
        ("edge1", "EDGE1", 22, Standing.KNOWN),
        ("edge1,10.0.0.1", "10.0.0.1", 22, Standing.KNOWN),
        ("edge10", "edge1", 22, Standing.UNKNOWN),
        ("[edge1]:2222", "edge1", 2222, Standing.KNOWN),
        ("[edge1]:2222", "edge1", 22, Standing.UNKNOWN),
        ("edge1", "edge1", 2222, Standing.KNOWN),  # as ssh: the key of the host without a port is good enough
        ("*.plant.example", "edge1.plant.example", 22, Standing.KNOWN),
        ("edge?", "edge1", 22, Standing.KNOWN),
        ("edge?", "edge10", 22, Standing.UNKNOWN),
        ("[edge*]:2222", "edge7", 2222, Standing.KNOWN),
        ("*,!edge1", "edge1", 22, Standing.UNKNOWN),
        ("*,!edge1", "edge2", 22, Standing.KNOWN),
        ("!edge1", "edge1", 22, Standing.UNKNOWN),
        ("e[d]ge1", "edge1", 22, Standing.UNKNOWN),
        ("2001:db8::1", "2001:db8::1", 22, Standing.KNOWN),
        ("[2001:db8::1]:2222", "2001:db8::1", 2222, Standing.KNOWN),
    ],
)
def test_names_patterns_and_ports(hosts: str, host: str, port: int, expected: Standing) -> None:
    assert standing(f"{hosts} {ED} {b64(KEY)} comment", host, port=port) is expected


def test_a_changed_key_names_the_line_that_says_otherwise() -> None:
    text = f"# mine\n\nedge2 {ED} {b64(KEY)}\nedge1 {RSA} {b64(THIRD)}\nedge1 {ED} {b64(OTHER)}\n"
    found = judge(parse(text, FILE), "edge1", 22, ED, KEY)
    assert found.standing is Standing.CHANGED
    assert found.by is not None
    assert (found.by.place, found.by.blob) == ("known_hosts:5", OTHER)


def test_a_key_of_another_type_than_the_known_one_counts_as_changed() -> None:
    assert standing(f"edge1 {RSA} {b64(OTHER)}", "edge1") is Standing.CHANGED


def test_another_key_for_the_host_without_a_port_is_no_reason_to_refuse_the_one_with() -> None:
    assert standing(f"edge1 {ED} {b64(OTHER)}", "edge1", port=2222) is Standing.UNKNOWN


def test_one_of_several_known_keys_is_enough() -> None:
    assert standing(f"edge1 {ED} {b64(OTHER)}\nedge1 {ED} {b64(KEY)}", "edge1") is Standing.KNOWN


@pytest.mark.parametrize("hosts", ["*", "edge1", "[edge1]:2222,edge1"])
def test_a_revoked_key_is_refused_even_where_another_line_trusts_it(hosts: str) -> None:
    text = f"edge1 {ED} {b64(KEY)}\n@revoked {hosts} {ED} {b64(KEY)}"
    assert standing(text, "edge1") is Standing.REVOKED
    assert standing(text, "edge1", OTHER) is Standing.CHANGED


def test_a_certificate_authority_does_not_vouch_for_a_plain_key() -> None:
    authority = f"@cert-authority *.plant {ED} {b64(OTHER)}"
    assert standing(authority, "edge1.plant") is Standing.AUTHORITY
    assert standing(f"{authority}\nedge1.plant {ED} {b64(KEY)}", "edge1.plant") is Standing.KNOWN
    assert standing(authority, "edge1.office") is Standing.UNKNOWN


def test_lines_that_are_no_key_lines_are_passed_over() -> None:
    text = f"edge1\nedge1 {ED}\nedge1 {ED} ???\n@strange edge1 {ED} {b64(OTHER)}\n@revoked\n|1|x|y {ED} {b64(OTHER)}\n"
    assert standing(text, "edge1") is Standing.UNKNOWN


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen")
def test_what_ssh_keygen_hashed_is_found(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "k"], check=True)
    words = (tmp_path / "k.pub").read_text().split()
    file.write_text(f"[edge1]:2222,10.0.0.7 {words[0]} {words[1]}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
    assert "edge1" not in file.read_text()
    blob = base64.b64decode(words[1])
    assert judge(load([file]), "edge1", 2222, ED, blob).standing is Standing.KNOWN
    assert judge(load([file]), "10.0.0.7", 22, ED, blob).standing is Standing.KNOWN
    assert judge(load([file]), "edge2", 22, ED, blob).standing is Standing.UNKNOWN
    said = subprocess.run(["ssh-keygen", "-lf", tmp_path / "k.pub"], check=True, capture_output=True, text=True)
    assert fingerprint(blob) == said.stdout.split()[1]


def test_known_types_are_told_so_that_a_known_host_is_asked_for_them() -> None:
    keys = parse(f"edge1 {RSA} {b64(KEY)}\nedge1 {ED} {b64(OTHER)}\nedge2 ecdsa-sha2-nistp256 {b64(THIRD)}\n", FILE)
    assert known_hosts.types_on_record(keys, "edge1", 22) == [RSA, ED]
    assert known_hosts.types_on_record(keys, "edge1", 2222) == [RSA, ED]
    assert known_hosts.types_on_record(keys, "edge3", 22) == []


@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize("before", ["", "edge0 ssh-ed25519 AAAA\n", "edge0 ssh-ed25519 AAAA"])
def test_an_accepted_key_is_added_and_nothing_else_changes(tmp_path: Path, hashed: bool, before: str) -> None:
    file = tmp_path / ".ssh" / "known_hosts"
    if before:
        file.parent.mkdir()
        file.write_text(before)
        file.chmod(0o644)
    append(file, "Edge1", 2222, ED, KEY, hashed=hashed)
    text = file.read_text()
    assert text.startswith(before)
    assert len(text.splitlines()) == (2 if before else 1)
    assert ("edge1" in text) is not hashed
    assert judge(load([file]), "edge1", 2222, ED, KEY).standing is Standing.KNOWN
    assert stat.S_IMODE(file.stat().st_mode) == (0o644 if before else 0o600)


def test_a_file_that_does_not_exist_knows_nobody(tmp_path: Path) -> None:
    assert load([tmp_path / "none", tmp_path / "neither"]) == []


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory"):
        load([tmp_path])


hosts = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,20}", fullmatch=True)


@given(hosts, st.integers(1, 65535), st.binary(min_size=1, max_size=50), st.booleans())
def test_what_is_written_is_found(host: str, port: int, blob: bytes, hashed: bool) -> None:
    name = known_hosts._hashed(name_of(host, port)) if hashed else name_of(host, port)
    keys = parse(f"{name} {ED} {b64(blob)}", FILE)
    assert judge(keys, host, port, ED, blob).standing is Standing.KNOWN
    assert judge(keys, host, port, ED, blob + b"x").standing is Standing.CHANGED


@given(st.text(max_size=300), hosts)
def test_no_text_breaks_the_reader(text: str, host: str) -> None:
    assert judge(parse(text, FILE), host, 22, ED, KEY).standing in Standing
