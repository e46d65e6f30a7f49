"""Which encoding a file is in: UTF-8, or the GBK of older office systems.

Line feed, comma and quotation mark are the same single bytes in all of them, so lines can be told apart before they are decoded.
"""

from __future__ import annotations

import codecs
from itertools import islice
from typing import IO

from streams.errors import BadInputFile

_CODECS = {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}
_BLOCK_BYTES = 1 << 20
_LINES_LOOKED_AT = 10_000


def text_codec(encoding: str) -> str:
    """Python's name of an encoding that files may be in; GBK is read as its superset GB18030.

    Raises
    ------
    BadInputFile
        Any other.
    """
    codec = _CODECS.get(encoding.lower())
    if codec is None:
        raise BadInputFile(f"编码 encoding {encoding!r}: 只认 only utf-8 / gbk / gb18030")
    return codec


def is_mixed(file: IO[bytes], name: str, codec: str) -> bool:
    """Read the file through once, and go back to its beginning; whether single lines of it are not in ``codec``.

    Raises
    ------
    BadInputFile
        No line with more than ASCII in it is in ``codec``, or most are in UTF-8 while ``codec`` is GBK, as which much of UTF-8 can be
        read, as other characters, or it begins with the mark of UTF-16: the file is in another encoding. Says where it shows first, and
        what to do.
    """
    marks = file.read(len(codecs.BOM_UTF16))
    file.seek(0)
    if marks in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        raise BadInputFile(
            f"{name}: 是 UTF-16 编码（“Unicode 文本”）is in UTF-16: 请另存为 save it as CSV UTF-8（逗号分隔 comma delimited）。"
            "什么也没有发布 nothing was published"
        )
    if codec != "utf-8" and _is_utf_8(file):
        raise BadInputFile(f"{name}: 是 UTF-8 编码 is in UTF-8: 去掉 leave out --encoding。什么也没有发布 nothing was published")
    if _decodes(file, codec):
        return False
    fits, first = 0, (0, 0, b"")
    for number, raw in enumerate(file, start=1):
        if raw.isascii():
            continue
        try:
            raw.decode(codec)
        except UnicodeDecodeError as error:
            first = first if first[0] else (number, error.start + 1, raw[error.start : error.start + 2])
        else:
            fits += 1
    file.seek(0)
    if fits:
        return True
    line, column, found = first
    where = f"{name}: 第 {line} 行第 {column} 字节起 at line {line}, byte {column} (0x{found.hex()})"
    if codec == "utf-8" and _decodes(file, "gb18030"):
        raise BadInputFile(
            f"{where}: 不是 UTF-8，而是 GBK 编码 not UTF-8 but GBK: 加 add --encoding gbk。什么也没有发布 nothing was published"
        )
    raise BadInputFile(f"{where}: 不是 not {codec.upper()} 编码；什么也没有发布 nothing was published")


def _is_utf_8(file: IO[bytes]) -> bool:
    """Whether most lines, of those that can tell, are in UTF-8 with characters of three bytes, as Chinese ones are; GBK never is by chance.

    A word or two of GBK may be UTF-8 of two bytes a character (通 is ͨ as well): such a line tells nothing.
    """
    votes = 0
    for raw in islice((line for line in file if not line.isascii()), _LINES_LOOKED_AT):
        try:
            votes += max(raw.decode()) >= "\u0800"
        except UnicodeDecodeError:
            votes -= 1
    file.seek(0)
    return votes > 0


def _decodes(file: IO[bytes], codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)("strict")
    try:
        while block := file.read(_BLOCK_BYTES):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        file.seek(0)
    return True
