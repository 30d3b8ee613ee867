"""Words of shell, kubectl and yq in which steps say what they do. Part of :mod:`kedge.steps`."""

from __future__ import annotations

import shlex

Value = bool | int | float | str
"""What an edit may write into a YAML file."""


def here_document(text: str) -> str:
    """A text as the standard input of a shell command, whatever is in it."""
    end = "KEDGE_END"
    while end in text:
        end += "_"
    return f"<<'{end}'\n{text.rstrip()}\n{end}"


def kubectl_words(path: str, verb: str) -> str:
    """``-n NAMESPACE VERB RESOURCE/NAME`` of an API path, quoted."""
    words = path.strip("/").split("/")
    namespace = words[words.index("namespaces") + 1] if "namespaces" in words[:-2] else ""
    where = f"-n {shlex.quote(namespace)} " if namespace else ""
    return f"{where}{verb} {shlex.quote('/'.join(words[-2:]))}"


def comment(text: str) -> str:
    """A line of comment."""
    return "# " + " ".join(text.split())  # names are hostile input: a newline must not end the comment


def yq_path(path: str) -> str:
    """A dotted path as yq names it."""
    return "".join(f".{yq_value(key)}" for key in split_path(path))


def yq_value(value: Value) -> str:
    """A value as yq and YAML write it."""
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def split_path(path: str) -> tuple[str, ...]:
    """The keys of a dotted path; ``\\.`` is a dot inside a key."""
    return tuple(part.replace("\0", ".") for part in path.replace("\\.", "\0").split("."))
