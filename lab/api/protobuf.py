"""Just enough protobuf to read a SelfSubjectAccessReview: kubectl sends its own reviews in that form."""

from __future__ import annotations

from lab.errors import bad_request
from lab.objects import Object

_MAGIC = b"k8s\x00"
_FIELDS = {1: "namespace", 2: "verb", 3: "group", 4: "version", 5: "resource", 6: "subresource", 7: "name"}
_LENGTH_DELIMITED, _VARINT = 2, 0


def access_review(raw: bytes) -> Object:
    """The body of a review (`runtime.Unknown` around a SelfSubjectAccessReview) as JSON would have it. Raises 400."""
    if not raw.startswith(_MAGIC):
        raise bad_request("the body is not protobuf of Kubernetes")
    try:
        review = _fields(_fields(raw[len(_MAGIC) :])[2])
        spec = _fields(review[2])
        if 1 not in spec:
            return {"spec": {"nonResourceAttributes": {}}}
        asked = {_FIELDS[number]: value.decode() for number, value in _fields(spec[1]).items() if number in _FIELDS}
    except (IndexError, KeyError, UnicodeDecodeError) as problem:
        raise bad_request(f"unable to decode the review: {problem}") from problem
    return {"spec": {"resourceAttributes": {key: value for key, value in asked.items() if value}}}


def _fields(data: bytes) -> dict[int, bytes]:
    """The length-delimited fields of a message by number; the last of a repeated one. Raises IndexError."""
    found: dict[int, bytes] = {}
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, wire = key >> 3, key & 7
        size, position = _varint(data, position)
        if wire == _VARINT:
            continue
        if wire != _LENGTH_DELIMITED or position + size > len(data):
            raise IndexError(f"field {number}")
        found[number] = data[position : position + size]
        position += size
    return found


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position += 1
        shift += 7
        if not byte & 0x80:
            return value, position
