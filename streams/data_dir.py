"""Files of the data folder, which may be another user's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.errors import ConfigurationError


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Say of a file that cannot be read or written, another user's as a rule, that the data folder is not the right one.

    Raises
    ------
    ConfigurationError
        For any :class:`OSError` within.
    """
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"data_dir 不可用 cannot be used: {path}: {error.strerror}") from error
