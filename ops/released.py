"""Which schemas are released: ``avro/released.json``, by the id that stands in the frame of every record.

A subscriber finds a record's schema there, and may keep it for ever: a released file is never edited, taken away, or given another id.
``python -m ops.released`` enters new files; a change that cannot be released ends it with 1.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

import orjson
import yaml

from streams.contracts import FOLDER

NAME = "released.json"
Entry = Mapping[str, str]


def declared(folder: Path = FOLDER) -> dict[int, Entry]:
    """Every schema that a ``topic.yaml`` names, with the digest of its bytes as they are now."""
    found = {}
    for path in sorted(folder.glob("*/topic.yaml")):
        for version in yaml.safe_load(path.read_text(encoding="utf-8"))["versions"]:
            file = path.parent / version["file"]
            entry = {"topic": path.parent.name, "file": f"{path.parent.name}/{version['file']}"}
            found[version["id"]] = {**entry, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    return dict(sorted(found.items()))


def released(folder: Path = FOLDER) -> dict[int, Entry]:
    """What has been released so far."""
    path = folder / NAME
    return {int(id_): entry for id_, entry in orjson.loads(path.read_bytes()).items()} if path.exists() else {}


def broken_promises(folder: Path = FOLDER) -> list[str]:
    """Released schemas that are not any more what they were."""
    now = declared(folder)
    return [
        f"schema id {id_} ({entry['file']}): 已发布，不得修改或撤下，请另写新版本 released for ever: write a new version"
        for id_, entry in released(folder).items()
        if now.get(id_) != entry
    ]


def release(folder: Path = FOLDER) -> list[int]:
    """Enter the schemas that are new; return their ids. What has been released must be whole (:func:`broken_promises`)."""
    known, now = released(folder), declared(folder)
    text = orjson.dumps({str(id_): entry for id_, entry in now.items()}, option=orjson.OPT_INDENT_2) + b"\n"
    (folder / NAME).write_bytes(text)
    return [id_ for id_ in now if id_ not in known]


def main() -> int:
    """Enter what is new, and say what."""
    if broken := broken_promises():
        print("\n".join(broken), file=sys.stderr)
        return 1
    print(f"新发布 released now: {', '.join(map(str, release())) or '无 nothing'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
