"""The image: what can be known of it without an engine. docs/docker.md says how it was built by hand."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

from tests.conftest import ROOT

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
IGNORED = (ROOT / ".dockerignore").read_text().splitlines()
RUNTIME_LOCK = ROOT / "requirements-runtime.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
#: Base image 130 MB (as commonly listed, not measured here), bytecode 47 MB, libgomp 1 MB, ourselves 2 MB.
REST_OF_THE_IMAGE_MB = 180.0
IMAGE_MB = 500.0


def locked(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", path.read_text(), re.MULTILINE))


def test_the_image_has_what_was_tested_and_no_tools() -> None:
    runtime, everything = locked(RUNTIME_LOCK), locked(ROOT / "requirements.lock")
    project = PROJECT["project"]
    asked = {
        re.match(r"[A-Za-z0-9._-]+", line)[0].replace(".", "-")  # type: ignore[index]
        for line in project["dependencies"]
        + [
            line
            for extra, lines in project["optional-dependencies"].items()
            if extra != "dev"
            for line in lines
        ]
    }

    assert runtime.items() <= everything.items()
    assert asked <= set(runtime)
    assert not set(runtime) & {
        "pytest",
        "hypothesis",
        "ruff",
        "mypy",
        "uv",
        "testcontainers",
        "pip",
        "setuptools",
    }


def test_the_image_stays_under_its_size() -> None:
    """The libraries as they are installed here; the rest is known, and not measured here."""
    libraries = sum(
        file.size or 0
        for name in locked(RUNTIME_LOCK)
        for file in importlib.metadata.distribution(name).files or ()
        if not (file.parts[0] in ("numpy", "scipy") and "tests" in file.parts)
    )

    assert libraries / 1e6 + REST_OF_THE_IMAGE_MB < IMAGE_MB


def test_the_image_is_built_from_files_that_are_there_and_let_in() -> None:
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    let_in = {line.removeprefix("!") for line in IGNORED if line.startswith("!")}
    packages = PROJECT["tool"]["setuptools"]["packages"]["find"]

    assert all((ROOT / source).exists() for source in copied)
    assert copied == let_in
    assert {name.removesuffix("*") for name in packages["include"]} <= copied
    assert IGNORED[1] == "*"
    assert not let_in & {".git", ".venv", ".env", "tests", "docs", "deploy"}


def test_the_image_runs_as_nobody_in_particular() -> None:
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]

    assert re.findall(r"^USER (.+)$", last_stage, re.MULTILINE) == ["10001:10001"]
    assert "useradd --uid 10001 --gid 10001" in last_stage
    assert last_stage.index("USER") < last_stage.index('ENTRYPOINT ["sharpline"]')
    assert "PYTHONDONTWRITEBYTECODE=1" in last_stage
    assert "COPY --from=build /opt/sharpline /opt/sharpline" in last_stage


def test_the_image_has_the_python_of_the_lock() -> None:
    assert re.search(r"^ARG PYTHON=python:3\.11\.\d+-slim-bookworm$", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.count("\nFROM ${PYTHON}") == 2
