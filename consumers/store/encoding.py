"""HTTP content encodings, in pieces: what clients send compressed and what they accept."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import lz4.frame  # type: ignore[import-untyped]
from backports import zstd

from consumers.store.failure import INCORRECT_DATA, NOT_IMPLEMENTED, refuse

_GZIP_WBITS = 31
_DEFLATE_WBITS = 15
_PREFERRED = ("lz4", "zstd", "gzip", "deflate")


def decoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Decompress a request's body, piece by piece.

    A client may compress block by block, so that several frames follow each other: each is begun anew.

    Raises
    ------
    Refused
        The encoding is unknown, the bytes are not of it, or the last frame is not whole.
    """
    if encoding in {"", "identity"}:
        yield from chunks
        return
    begin = _decompressor(encoding)
    frame, whole = begin(), True
    for chunk in chunks:
        data = chunk
        while data:
            try:
                piece = frame.decompress(data)
            except Exception as error:
                raise refuse(INCORRECT_DATA, "INCORRECT_DATA", f"The body is not {encoding}: {error}") from error
            if piece:
                yield piece
            whole = frame.eof
            data = (frame.unused_data or b"") if whole else b""
            if whole:
                frame = begin()
    if not whole:
        raise refuse(INCORRECT_DATA, "INCORRECT_DATA", f"The {encoding} body ends in the middle")


def accepted(header: str) -> str:
    """The encoding to answer in, of those that the client accepts; empty: none."""
    offered = {part.split(";")[0].strip() for part in header.split(",")}
    return next((name for name in _PREFERRED if name in offered), "")


def encoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Compress an answer piece by piece, into one frame."""
    if not encoding:
        yield from chunks
        return
    if encoding == "lz4":
        compressor = lz4.frame.LZ4FrameCompressor()
        yield compressor.begin()
        compress: Callable[[bytes], bytes] = compressor.compress
    else:
        compressor = zstd.ZstdCompressor(level=1) if encoding == "zstd" else zlib.compressobj(1, zlib.DEFLATED, _wbits(encoding))
        compress = compressor.compress
    for chunk in chunks:
        piece = compress(chunk)
        if piece:
            yield piece
    yield compressor.flush()


def _wbits(encoding: str) -> int:
    return _GZIP_WBITS if encoding == "gzip" else _DEFLATE_WBITS


class _Decompressor(Protocol):
    """One frame: what the three libraries have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes) -> bytes: ...


class _Inflater:
    """zlib with the interface that the two others share."""

    def __init__(self, encoding: str) -> None:
        self._object = zlib.decompressobj(_wbits(encoding))

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data

    def decompress(self, data: bytes) -> bytes:
        return self._object.decompress(data)


def _decompressor(encoding: str) -> Callable[[], _Decompressor]:
    if encoding == "lz4":
        begin: Callable[[], _Decompressor] = lz4.frame.LZ4FrameDecompressor
        return begin
    if encoding == "zstd":
        return zstd.ZstdDecompressor
    if encoding in {"gzip", "deflate"}:
        return lambda: _Inflater(encoding)
    raise refuse(NOT_IMPLEMENTED, "NOT_IMPLEMENTED", f"Content-Encoding {encoding}: lz4, zstd, gzip and deflate are known here")
