from pathlib import Path

import pytest

from pipeline.errors import BrokerUnavailable
from pipeline.local import jars


def executable(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def answering(version: str) -> str:
    return f"echo 'openjdk version \"{version}\" 2025-04-15' >&2"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of programs of a machine that has neither jars nor Java nor Maven."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("SHARPLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return tmp_path / "bin"


@pytest.mark.usefixtures("machine")
def test_a_machine_with_neither_docker_nor_java_is_told_what_to_install() -> None:
    with pytest.raises(
        BrokerUnavailable, match=r"neither Docker nor Java.*install Docker, or Java 17\+ and Maven"
    ):
        jars.installed(print)


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_292"])
def test_an_old_java_is_refused(machine: Path, version: str) -> None:
    executable(machine / "java", answering(version))

    with pytest.raises(BrokerUnavailable, match=f"needs Java 17 or newer.*{version}"):
        jars.find_java()


@pytest.mark.parametrize("version", ["17.0.15", "25", "25.0.2"])
def test_java_from_17_on_will_do(machine: Path, version: str) -> None:
    executable(machine / "java", answering(version))

    assert jars.find_java().path == machine / "java"


def test_java_home_goes_before_the_path(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(machine / "java", answering("11"))
    executable(machine / "jdk" / "bin" / "java", answering("21"))
    monkeypatch.setenv("JAVA_HOME", str(machine / "jdk"))

    assert jars.find_java().path == machine / "jdk" / "bin" / "java"


def test_missing_jars_without_maven_are_one_sentence(machine: Path) -> None:
    executable(machine / "java", answering("17.0.15"))

    with pytest.raises(BrokerUnavailable, match="no Maven to fetch them; install Docker, or"):
        jars.installed(print)


def test_jars_that_maven_cannot_fetch_leave_nothing_behind(machine: Path) -> None:
    executable(machine / "java", answering("17.0.15"))
    executable(machine / "mvn", "echo '[ERROR] Could not transfer artifact'; exit 1")

    with pytest.raises(BrokerUnavailable, match=r"could not fetch the broker's jars: .*Could not transfer"):
        jars.installed(print)

    (home,) = jars.cache_folder().iterdir()
    assert list(home.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_one_sentence(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(machine / "java", answering("17.0.15"))
    (tmp_path / "file").touch()
    monkeypatch.setenv("SHARPLINE_CACHE", str(tmp_path / "file"))

    with pytest.raises(
        BrokerUnavailable, match=r"cannot be kept in .*; name another folder in SHARPLINE_CACHE"
    ):
        jars.installed(print)
