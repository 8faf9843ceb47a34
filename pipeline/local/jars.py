"""The broker from its jars: fetched once by Maven, run by any Java from 17 on.

A class-data archive beside the jars, made once for each build of Java, spares the JVM the loading and
checking of some 8,000 classes and brings a start from 2.5 s to about 1 s.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import BrokerUnavailable
from pipeline.local import children, kraft, readiness

OLDEST_JAVA = 17
TRAINING_EXIT_S = 120.0  # the JVM writes the archive on its way out: 8 s on a quiet machine
INSTALL = (
    "install Docker, or Java 17+ and Maven (Debian: apt-get install default-jre-headless maven), "
    "or set SHARPLINE_KAFKA to the address of a Kafka"
)


@dataclass(frozen=True)
class Java:
    """A Java that can run the broker; ``build`` is what it says of itself in full."""

    path: Path
    build: str


@dataclass(frozen=True)
class Kafka:
    """Jars, the features that a new cluster starts with, and the class-data archive for this Java."""

    java: Java
    libs: Path
    features: Path
    archive: Path

    def command(self, main: str, *arguments: str | Path, options: tuple[str, ...] = ()) -> list[str | Path]:
        # The archive is tied to the exact class path, so its order is fixed.
        class_path = os.pathsep.join(str(jar) for jar in sorted(self.libs.glob("*.jar")))
        logging = f"-Dlog4j2.configurationFile={kraft.POM.with_name('log4j2.properties')}"
        return [self.java.path, *options, logging, "-cp", class_path, main, *arguments]


def cache_folder() -> Path:
    """Where jars and archive are kept, outside the tree and for every checkout: ``SHARPLINE_CACHE``."""
    given = os.environ.get("SHARPLINE_CACHE")
    return Path(given).absolute() if given else Path.home() / ".cache" / "sharpline"


def find_java() -> Java:
    """The Java of ``JAVA_HOME``, else of the path; `BrokerUnavailable` when it is missing or too old."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None)
    if found is None:
        raise BrokerUnavailable(f"there is no broker to use: neither Docker nor Java answers; {INSTALL}")
    answer = subprocess.run([found, "-version"], capture_output=True, text=True, check=False)
    build = answer.stderr.strip()
    number = re.search(r'version "(\d+)', build)
    if answer.returncode != 0 or number is None or int(number[1]) < OLDEST_JAVA:
        said = build.splitlines()[0] if build else "nothing"
        raise BrokerUnavailable(
            f"the broker needs Java {OLDEST_JAVA} or newer, and {found} -version says {said}; {INSTALL}"
        )
    return Java(Path(found), build)


def installed(say: Callable[[str], None]) -> Kafka:
    """The broker's jars and archive for this machine, fetched and made now if this is the first time."""
    java = find_java()
    pom = kraft.POM.read_bytes()
    home = cache_folder() / f"kafka-{kraft.version()}-{hashlib.sha256(pom).hexdigest()[:8]}"
    build = hashlib.sha256(f"{java.path.resolve()}\n{java.build}".encode()).hexdigest()[:8]
    kafka = Kafka(java, home / "libs", home / "bootstrap.checkpoint", home / f"classes-{build}.jsa")
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not kafka.libs.is_dir():
            say(f"fetching the broker's jars (44 MB) into {home}")
            _fetch(kafka.libs)
        if not (kafka.archive.is_file() and kafka.features.is_file()):
            say("making the broker's class-data archive, once for this Java (some 10 s)")
            _train(kafka)
    except OSError as error:
        raise BrokerUnavailable(
            f"the broker's jars cannot be kept in {home} ({error.strerror}); "
            "name another folder in SHARPLINE_CACHE"
        ) from error
    return kafka


def _fetch(libs: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerUnavailable(
            f"the broker's jars are not here yet and there is no Maven to fetch them; {INSTALL}"
        )
    with _beside(libs) as folder:
        answer = subprocess.run(
            [maven, "-B", "-q", "-f", str(kraft.POM), "dependency:copy-dependencies"]
            + ["-DincludeScope=runtime", f"-DoutputDirectory={folder / 'libs'}"],
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode != 0:
            errors = [line for line in answer.stdout.splitlines() if "ERROR" in line]
            raise BrokerUnavailable(
                f"Maven could not fetch the broker's jars: {errors[0] if errors else answer.stderr.strip()}"
            )
        _put(folder / "libs", libs)


def _train(kafka: Kafka) -> None:
    """Run the broker once through what every broker does, and keep the classes that it loaded."""
    with _beside(kafka.archive) as folder:
        made, log = folder / "made.jsa", folder / "broker.log"
        port, controller_port = kraft.free_ports(2)
        _configure(folder, port, controller_port)
        _format(kafka, folder)
        _put(folder / "log" / "bootstrap.checkpoint", kafka.features)
        options = (f"-XX:ArchiveClassesAtExit={made}", *QUICK)
        process = children.start(_server(kafka, folder, options), log=log)
        try:
            readiness.wait(f"127.0.0.1:{port}", process, log)
            readiness.exercise(f"127.0.0.1:{port}")
        finally:
            children.stop(process, TRAINING_EXIT_S)
        if not made.is_file():
            raise BrokerUnavailable(f"{kafka.java.path} made no class-data archive; {INSTALL}")
        _put(made, kafka.archive)


def _format(kafka: Kafka, data: Path) -> None:
    answer = subprocess.run(
        kafka.command(
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={kraft.cluster_id()}",
            "-c",
            data / "server.properties",
            options=QUICK,
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        raise BrokerUnavailable(f"Kafka could not format {data}: {answer.stderr.strip()}")


# Short-lived brokers spend their life compiling: the first compiler alone starts them in half the time.
QUICK = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
LASTING = ("-Xms256m", "-Xmx768m", "-XX:+UseSerialGC")


def _make_cluster(
    kafka: Kafka, data: Path, port: int, controller_port: int, member: kraft.Member | None
) -> None:
    """Write ``server.properties`` and, where the folder holds no cluster yet, make it a new one.

    A formatted folder is two files: the features of this Kafka version, which are kept from the one time
    that Kafka's own tool wrote them, and the ids. Writing them here spares each new broker a JVM, 1.3 s.
    """
    _configure(data, port, controller_port, member)
    log = data / "log"
    if (log / "meta.properties").is_file():
        return
    log.mkdir(exist_ok=True)
    shutil.copyfile(kafka.features, log / "bootstrap.checkpoint")
    number, cluster_id = (member.number, member.cluster_id) if member else (1, kraft.cluster_id())
    ids = {"node.id": number, "version": 1, "cluster.id": cluster_id, "directory.id": kraft.cluster_id()}
    made = log / "meta.properties.made"
    made.write_text("".join(f"{name}={value}\n" for name, value in ids.items()))
    made.rename(log / "meta.properties")  # the last step: with this file the folder is a cluster's


def _configure(data: Path, port: int, controller_port: int, member: kraft.Member | None = None) -> None:
    log_dir = str(data / "log")
    text = kraft.properties(log_dir=log_dir, port=port, controller_port=controller_port, member=member)
    (data / "server.properties").write_text(text)


def launch(
    kafka: Kafka,
    data: Path,
    port: int,
    controller_port: int,
    *,
    short_lived: bool,
    member: kraft.Member | None = None,
) -> subprocess.Popen[bytes]:
    """Start the node on ``data``, made a new cluster's if it is none yet; it ends with this process.

    ``member`` is its place where it is one node of several; they are all started this way.
    """
    _make_cluster(kafka, data, port, controller_port, member)
    options = (f"-XX:SharedArchiveFile={kafka.archive}", *(QUICK if short_lived else LASTING))
    return children.start(_server(kafka, data, options), log=data / "broker.log")


def _server(kafka: Kafka, data: Path, options: tuple[str, ...]) -> list[str | Path]:
    return kafka.command("kafka.Kafka", data / "server.properties", options=options)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A folder on the target's own file system, so that what is complete can be moved there in one step."""
    with tempfile.TemporaryDirectory(
        prefix=".making-", dir=target.parent, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def _put(made: Path, target: Path) -> None:
    try:
        made.rename(target)
    except OSError:
        if not target.exists():  # else another process was first, and its copy is as good
            raise
