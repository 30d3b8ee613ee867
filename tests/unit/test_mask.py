"""No secret passes the link; nothing else changes, and lines stay where they were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedge.printable import one_line, printable
from kedge.sources.mask import masked

KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIPlanted\nSecret\n-----END EC PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("    token: abc.def", '    token: "***"'),
        ('  "token": "abc"', '  "token": "***"'),
        ("- token: x  ", '- token: "***"  '),
        ("token: 'a b c'", 'token: "***"'),
        ('token: ""', 'token: ""'),
        ("token: # none yet", "token: # none yet"),
        ("token:", "token:"),
        ("tokenRefreshDuration: 12", "tokenRefreshDuration: 12"),
        ("TOKEN: abc", 'TOKEN: "***"'),
    ],
)
def test_named_fields_lose_their_value_and_nothing_else(line: str, after: str) -> None:
    assert masked(f"a: 1\n{line}\nb: 2\n", ("token",)) == f"a: 1\n{after}\nb: 2\n"


def test_a_private_key_is_masked_and_the_lines_below_keep_their_numbers() -> None:
    text = masked(f"first\n{KEY}\nlast\n")
    assert "Planted" not in text
    assert text.splitlines().index("last") == f"first\n{KEY}\nlast".splitlines().index("last")


def test_a_key_that_was_cut_off_is_masked_to_the_end() -> None:
    assert "Planted" not in masked(KEY[:50])


def test_bearer_tokens_are_masked_wherever_they_stand() -> None:
    assert masked("Authorization: Bearer eyJhbGciOi.J9") == "Authorization: Bearer ***"


@given(st.text())
def test_masking_never_crashes_and_keeps_line_numbers(text: str) -> None:
    assert masked(text, ("token",)).count("\n") == text.count("\n")


@given(st.text())
def test_printable_text_holds_no_control_character(text: str) -> None:
    shown = one_line(text)
    assert "\n" not in shown
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in shown)


def test_escapes_are_taken_out() -> None:
    assert printable("a\x1b[31mb\x1b]0;title\x07c\x1b[2Jd") == "abcd"
