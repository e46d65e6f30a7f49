"""What a workbook may not be, looked at before anything reads it.

A workbook is a zip of XML files from somebody else: it may unpack to more than a machine holds, ask an XML parser to fetch or multiply
things (DTD, entities), or carry macros. The limits lie far above any form that a unit fills in.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO
from xml.etree.ElementTree import ParseError
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from streams.errors import BadInputFile

LARGEST_FILE_BYTES = 20_000_000
LARGEST_UNPACKED_BYTES = 200_000_000
MOST_ENTRIES = 2_000
LARGEST_RATIO = 200
MOST_TAGS = 4_000_000
"""About a million cells with a value. An XML parser takes some 100 bytes and some microseconds for each, whatever it is."""
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED_STREAM, _WORD_STREAM, _EXCEL_STREAM = (name.encode("utf-16-le") for name in ("EncryptedPackage", "WordDocument", "Workbook"))
_WORD_PARTS = "word/"
_KIND, _OPEN_DOCUMENT = "mimetype", b"application/vnd.oasis.opendocument."
"""The part in which a zip of another kind of document says what it is."""
_TYPES = "[Content_Types].xml"
_MACRO_TYPES = (b"macroEnabled", b"vbaProject", b"macrosheet")
"""How a workbook says that it has macros, whatever its parts are called."""
_STRICT = "{http://purl.oclc.org/ooxml/spreadsheetml/"
_PICTURES = "xl/media/"
"""Nothing here reads pictures, and SVG has a document type by custom."""
_METHODS = (ZIP_STORED, ZIP_DEFLATED)
_BLOCK_BYTES = 1 << 20
_SMALLEST_BOMB_BYTES = 1_000_000
_SAVE_AS = "请另存为 save it as .xlsx"
_WORD = "文字文档（Word、WPS）a text document: 请把表粘贴到 Excel 后另存为 paste its table into Excel and save it as .xlsx"
_ODS = f"OpenDocument 格式 an OpenDocument file such as .ods: {_SAVE_AS}"
_SUFFIXES = {
    ".xls": f"旧版 Excel 格式 the old Excel format .xls: {_SAVE_AS}",
    ".et": f"WPS 表格格式 the WPS format .et: {_SAVE_AS}",
    ".xlsb": f"二进制格式 the binary format .xlsb: {_SAVE_AS}",
    ".xlsm": f"含宏的工作簿 a workbook with macros: {_SAVE_AS}",
    ".xltm": f"含宏的模板 a template with macros: {_SAVE_AS}",
    **dict.fromkeys((".doc", ".docx", ".wps"), _WORD),
    ".ods": _ODS,
}


def read_bytes(path: Path) -> bytes:
    """Read a file that is not too large.

    Raises
    ------
    BadInputFile
        Larger than 20 MB, or it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise BadInputFile(f"{path}: 打不开 cannot be opened: {error.strerror}") from error
    if len(raw) > LARGEST_FILE_BYTES:
        raise BadInputFile(f"{path.name}: 文件超过 larger than {LARGEST_FILE_BYTES // 1_000_000} MB")
    return raw


def check_workbook(raw: bytes, name: str) -> None:
    """Refuse a workbook that could do harm, or that is none.

    Raises
    ------
    BadInputFile
        With what it is, and the way out.
    """
    suffix = Path(name).suffix.lower()
    if suffix in _SUFFIXES:
        raise BadInputFile(f"{name}: {_SUFFIXES[suffix]}")
    if raw.startswith(_OLE):
        raise BadInputFile(f"{name}: {_kind_of_ole(raw)}")
    try:
        with ZipFile(io.BytesIO(raw)) as archive:
            _check_entries(archive.infolist(), len(raw), name)
            _check_kind(archive, name)
            _check_parts(archive, name)
    except BadInputFile:
        raise
    except Exception as error:  # zipfile raises whatever the numbers in broken and crafted ones lead it to
        raise BadInputFile(f"{name}: 不是 .xlsx 工作簿，或已损坏 no .xlsx workbook, or a broken one: {type(error).__name__}") from error


def _kind_of_ole(raw: bytes) -> str:
    """What a file of the old Office formats is, by the names of its streams; an encrypted one of a new format is in them, too."""
    if _ENCRYPTED_STREAM in raw:
        return "已加密 encrypted: 请去掉密码 remove its password"
    return _WORD if _WORD_STREAM in raw and _EXCEL_STREAM not in raw else _SUFFIXES[".xls"]


def _check_kind(archive: ZipFile, name: str) -> None:
    """Refuse what is a document of another kind, whatever its name ends in, or a workbook with macros."""
    parts = archive.namelist()
    if any(part.startswith(_WORD_PARTS) for part in parts):
        raise BadInputFile(f"{name}: {_WORD}")
    if _KIND in parts and archive.read(_KIND).startswith(_OPEN_DOCUMENT):
        raise BadInputFile(f"{name}: {_ODS}")
    types = archive.read(_TYPES) if _TYPES in parts else b""
    if any(mark in types for mark in _MACRO_TYPES):
        raise BadInputFile(f"{name}: {_SUFFIXES['.xlsm']}")


def _check_parts(archive: ZipFile, name: str) -> None:
    """Refuse what an XML parser should not see, or would be at for long."""
    tags = 0
    for entry in archive.infolist():
        if entry.filename.startswith(_PICTURES):
            continue
        with archive.open(entry) as part:
            _check_declarations(part, f"{name}: {entry.filename}")
        with archive.open(entry) as part:
            tags += _tags(part)
        if tags > MOST_TAGS:
            told = "单元格过多，多为空白区域的格式 too many cells: 请清除 clear the formats of empty rows and columns"
            raise BadInputFile(f"{name}: {told}")


def _check_entries(entries: list[ZipInfo], file_bytes: int, name: str) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    faults = {
        f"包内文件过多 {len(entries)} files within, at most {MOST_ENTRIES}": len(entries) > MOST_ENTRIES,
        f"解压后过大 unpacks to {unpacked:,} bytes, at most {LARGEST_UNPACKED_BYTES:,}": unpacked > LARGEST_UNPACKED_BYTES,
        f"压缩比过高 a part that is compressed more than {LARGEST_RATIO} times": any(map(_is_bomb, entries)),
        f"压缩比过高 compressed more than {LARGEST_RATIO} times": unpacked > max(LARGEST_RATIO * file_bytes, _SMALLEST_BOMB_BYTES),
        "不是 Office 所用的压缩方式 a compression that Office does not use": any(entry.compress_type not in _METHODS for entry in entries),
        "已加密 encrypted: 请去掉密码 remove its password": any(entry.flag_bits & 1 for entry in entries),
        _SUFFIXES[".xlsm"]: any(entry.filename.lower().endswith("vbaproject.bin") for entry in entries),
    }
    if found := next((fault for fault, there in faults.items() if there), None):
        raise BadInputFile(f"{name}: {found}")


def _is_bomb(entry: ZipInfo) -> bool:
    """Whether a part unpacks to far more than it is; small ones harm nobody, and blank pictures are like that."""
    return entry.file_size > _SMALLEST_BOMB_BYTES and entry.file_size > LARGEST_RATIO * entry.compress_size


def _tags(part: IO[bytes]) -> int:
    """About how many XML tags a part has; whatever its encoding, each has this byte."""
    tags = 0
    while block := part.read(_BLOCK_BYTES):
        tags += block.count(b"<")
    return tags


def _check_declarations(part: IO[bytes], where: str) -> None:
    """Read up to the first element: a document type can only stand before it.

    A part that is no XML, or in an encoding that the parser does not know, declares nothing: if anything needs it, that fails by itself.
    """
    try:
        _, root = next(iterparse(part, events=("start",), forbid_dtd=True), ("", None))
    except DefusedXmlException as error:
        raise BadInputFile(f"{where}: 含文档类型声明或实体 declares a document type or entities, which no workbook needs") from error
    except (ParseError, LookupError, ValueError):
        return
    if root is not None and root.tag.startswith(_STRICT):
        raise BadInputFile(f"{where}: 严格开放格式 a Strict Open XML workbook: {_SAVE_AS}（不选“严格” not strict）")
