"""Apache Kafka from Maven Central: its jars, fetched once into a cache that all working copies share."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from streams.errors import DependencyError
from streams.variables import CACHE_VARIABLE

KAFKA_VERSION = "4.1.2"
_LOG4J_VERSION = "2.25.3"  # the one kafka_2.13 asks for: a binding of another version is refused at start
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_MINIMUM_JAVA = 17
_DOWNLOAD_SECONDS = 600
_COMPILER_VERSION = "3.42.0"
_COMPILER_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>guidang</groupId><artifactId>ecj</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.eclipse.jdt</groupId><artifactId>ecj</artifactId><version>{_COMPILER_VERSION}</version></dependency>
  </dependencies>
</project>
"""
_COMPILE_SECONDS = 120
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>guidang</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>{_LOG4J_VERSION}</version></dependency>
  </dependencies>
</project>
"""


def cache_folder() -> Path:
    """Where downloads are kept: ``$GUIDANG_CACHE_DIR``, else ``guidang`` in the user's cache."""
    base = os.environ.get(CACHE_VARIABLE)
    return Path(base) if base else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "guidang"


def jars_folder() -> Path:
    """Folder of the Kafka jars; there only once :func:`fetch_jars` has succeeded, and then whole."""
    return cache_folder() / f"kafka-{KAFKA_VERSION}"


def java() -> str:
    """Path of a Java that can run Kafka.

    Raises
    ------
    DependencyError
        None is installed, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    found = found or shutil.which("java")
    if not found:
        raise DependencyError(
            f"没有 Java：请安装 Java {_MINIMUM_JAVA} 或更高版本（Debian: apt-get install default-jre-headless）。"
            f" No Java: install {_MINIMUM_JAVA} or newer."
        )
    version = java_version(found)
    if version < _MINIMUM_JAVA:
        raise DependencyError(f"Java {version} 太旧，Kafka {KAFKA_VERSION} 需要 {_MINIMUM_JAVA} 以上。 {found} is too old.")
    return found


def java_version(path: str) -> int:
    """Major version of the Java at ``path``; 0 when it does not say."""
    said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False, timeout=60).stderr
    number = re.search(r'version "(\d+)', said)
    return int(number[1]) if number else 0


def fetch_jars() -> Path:
    """Return the folder with Kafka's jars, after downloading them when they are not there.

    Raises
    ------
    DependencyError
        Maven is missing or could not download; with its last lines.
    """
    return download_jars(jars_folder(), _POM, f"Kafka {KAFKA_VERSION}")


def download_jars(target: Path, pom: str, name: str) -> Path:
    """Return ``target`` with the jars that a Maven project asks for at run time, after downloading them when it is not there.

    Downloads go to a folder of their own that is renamed when complete: a broken download leaves nothing behind that looks whole, and
    two processes may do this at once.

    Parameters
    ----------
    pom
        The project, as the text of its ``pom.xml``.
    name
        What it is called in errors.

    Raises
    ------
    DependencyError
        Maven is missing or could not download; with its last lines.
    """
    if target.is_dir():
        return target
    maven = shutil.which("mvn")
    if not maven:
        raise DependencyError(
            f"没有 Maven，无法下载 {name}：请安装 maven，或设置 kafka.bootstrap_servers 使用现成的 Kafka。"
            f" No Maven to download {name} with: install maven, or set kafka.bootstrap_servers to use a real Kafka."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as folder:
        project, jars = Path(folder, "pom.xml"), Path(folder, "jars")
        project.write_text(pom, encoding="utf-8")
        # -C: a jar whose checksum differs from the repository's is an error, not a warning
        command = [maven, "-q", "-B", "-C", "-f", str(project), _COPY, "-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_DOWNLOAD_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise DependencyError(f"下载 {name} 超过 {_DOWNLOAD_SECONDS} 秒未完成。 Downloading {name} took too long.") from error
        if done.returncode != 0:
            said = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line]
            raise DependencyError(f"下载 {name} 失败 download failed:\n" + "\n".join(said[:3]))
        try:
            jars.rename(target)
        except OSError:
            if not target.is_dir():  # nobody else finished first
                raise
    return target


def compile_java(source: Path, jars: Path, target: Path) -> None:
    """Compile a Java file into the folder ``target``, with a compiler that needs no more than the Java that runs Kafka.

    Parameters
    ----------
    jars
        Folder of the jars it uses.

    Raises
    ------
    DependencyError
        Java or Maven is missing, the compiler could not be downloaded, or it refuses the file; with what it says.
    """
    (compiler,) = download_jars(cache_folder() / f"ecj-{_COMPILER_VERSION}", _COMPILER_POM, "ECJ").glob("*.jar")
    command = [java(), "-jar", str(compiler), f"-{_MINIMUM_JAVA}", "-nowarn", "-cp", class_path(jars), "-d", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_COMPILE_SECONDS)
    if done.returncode != 0:
        raise DependencyError(f"{source.name}: 编译失败 does not compile:\n{done.stderr}")


def class_path(*folders: Path) -> str:
    """The jars in these folders, and the folders themselves for classes, as Java's ``-cp`` wants them."""
    return os.pathsep.join(str(path) for folder in folders for path in (*sorted(folder.glob("*.jar")), folder))
