"""The headers of a record as ``confluent_kafka`` gives them, whoever sent it."""

from __future__ import annotations

from operator import methodcaller
from typing import Any, Final

Headers = tuple[tuple[str, bytes | None], ...]

UNREADABLE: Final[Headers] = (("headers-unreadable", "消息头的名称不是 UTF-8 a name is not UTF-8".encode()),)
"""What stands for headers that cannot be read."""

#: A call written out is made without a look at whether it failed, once the interpreter has specialized it (CPython 3.11 and later). The
#: error would come up in some other line, and what was returned holds pointers to nothing.
_headers: Final = methodcaller("headers")


def headers_of(message: Any) -> Headers:
    """Return the headers of a ``confluent_kafka.Message``.

    To the broker a header's name is bytes, and a producer in C or Go sends what it is given. Of a record with one name that is not UTF-8
    the client gives no headers at all: it returns a list with holes and an error at once, which makes a :class:`SystemError`.
    """
    try:
        return tuple(_headers(message) or ())
    except SystemError:
        message.set_headers(list(UNREADABLE))  # asked again, it would give the list with holes, and no error
        return UNREADABLE
