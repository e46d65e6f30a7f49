"""Peers in Java: their jars from Maven Central, compiled once for each version of their sources, and the commands that run them."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ops.bench.contender import Place
from ops.bench.events import SCHEMA_JSON
from ops.jars import cache_folder, class_path, compile_java, download_jars, java

_FOLDER = Path(__file__).parent
_JVM = (
    "-Xms1g",
    "-Xmx2g",
    "-Dorg.apache.avro.fastread=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
_OPENED = ("java.util", "java.lang", "java.time")
"""Packages that Flink looks into by reflection."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a peer is tuned for (docs/bench.md says where it comes from).

    Parameters
    ----------
    collector
        Of garbage.
    linger_ms, compression
        Of its producers.
    session_ms
        After which a member of its group that is silent is taken to be gone.
    standbys
        Copies of the state on other instances.
    """

    collector: str
    linger_ms: int
    compression: str
    session_ms: int = 45_000
    standbys: int = 0


THROUGHPUT = Tuning("Parallel", 100, "lz4")
LATENCY = Tuning("G1", 0, "none")


@dataclass(frozen=True, slots=True)
class JavaPeer:
    """A peer: the folder under ``ops/bench/peers`` with its ``pom.xml`` and the one class of that name in it."""

    folder: str
    main: str

    def provide(self) -> None:
        """Fetch the jars and compile.

        Raises
        ------
        DependencyError
            Java or Maven is missing, or could not do it.
        """
        pom, source = (_FOLDER / self.folder / "pom.xml").read_text(encoding="utf-8"), _FOLDER / self.folder / f"{self.main}.java"
        jars = download_jars(self._jars, pom, self.folder)
        if self._classes.is_dir():
            return
        with tempfile.TemporaryDirectory(dir=self._classes.parent, prefix=".compile-") as folder:
            compile_java(source, jars, Path(folder, "classes"))
            try:
                Path(folder, "classes").rename(self._classes)
            except OSError:
                if not self._classes.is_dir():  # nobody else finished first
                    raise

    def command(
        self, place: Place, tuning: Tuning, *, threads: int, store: str, commit_ms: int, guarantee: str = "", instance: str = ""
    ) -> tuple[str, ...]:
        """The command of one run; an ``instance`` with a name is a static member of its group."""
        told = {
            **place.told,
            "partitions": place.data.partitions,
            "schema": SCHEMA_JSON,
            "threads": threads,
            "store": store,
            "commit_ms": commit_ms,
            "guarantee": guarantee,
            "instance": instance,
            "linger_ms": tuning.linger_ms,
            "compression": tuning.compression,
            "session_ms": tuning.session_ms,
            "standbys": tuning.standbys,
        }
        opened = (f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED)
        path = class_path(self._jars, self._classes)
        return (
            java(),
            f"-XX:+Use{tuning.collector}GC",
            *_JVM,
            *opened,
            "-cp",
            path,
            self.main,
            *(f"{name}={value}" for name, value in told.items()),
        )

    @property
    def _jars(self) -> Path:
        return cache_folder() / f"bench-{self.folder}-{_digest(_FOLDER / self.folder / 'pom.xml')}"

    @property
    def _classes(self) -> Path:
        return self._jars.with_name(f"{self._jars.name}-{_digest(_FOLDER / self.folder / f'{self.main}.java')}")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
