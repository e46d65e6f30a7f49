"""How the brokers of the tests start: some forty in a run, each for seconds. Their Java compiles little, and reads Kafka's classes once.

``python -m tests.java`` keeps the classes of a broker in the form in which Java works with them, beside the interpreter of the tests
(``make test`` does, once). A broker, with the formatting of its storage, then takes 8 CPU seconds instead of 12. Where the file is not
there, or was made by another Java or from other jars, Java does without.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from ops.kafka import LocalBroker
from ops.topics import ensure_topics
from streams.settings import Settings

_VARIABLE = "JDK_JAVA_OPTIONS"
_COMPILING = "-XX:TieredStopAtLevel=1"
"""What the optimising compiler costs at start, 4 to 5 CPU seconds each time, never pays."""
_CLASSES = Path(sys.prefix) / "kafka.jsa"
_ARCHIVING_SECONDS = 120.0


def start_quickly() -> None:
    """Let every Java that this process and its children start go by this, unless somebody has said otherwise."""
    os.environ.setdefault(_VARIABLE, f'{_COMPILING} "-XX:SharedArchiveFile={_CLASSES}" -Xlog:cds=off -Xlog:cds+dynamic=off')


def keep_classes() -> None:
    """Let a broker do once what brokers do in tests, and keep the classes that it has loaded when it ends."""
    with tempfile.TemporaryDirectory(dir=_CLASSES.parent, prefix=".kafka-") as folder:
        made, broker = Path(folder, "classes"), LocalBroker(Path(folder, "broker"))
        broker.prepare()
        os.environ[_VARIABLE] = f'{_COMPILING} "-XX:ArchiveClassesAtExit={made}"'
        broker.start()
        ensure_topics(Settings(data_dir=Path(folder), kafka={"bootstrap_servers": broker.bootstrap}))
        broker.stop(timeout_seconds=_ARCHIVING_SECONDS)
        if made.exists():  # a Java without its own archive has nothing to build on
            made.replace(_CLASSES)


if __name__ == "__main__":
    keep_classes()
