"""The wheel: all that smsops needs is in it, and nothing else of the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("smsops", "docs/codes.md", "scripts/version.py", "README.md", "CHANGELOG.md", "pyproject.toml")


def unpack(archive: Path, directory: Path) -> None:
    """By tar: Python's own unpacking wants a filter from 3.12 on, and knows none before 3.11.4."""
    directory.mkdir(exist_ok=True)
    subprocess.run(["tar", "-xf", archive, "-C", directory], check=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked, of an sdist of a copy of the sources that has no git and that nobody has built before."""
    root = tmp_path_factory.mktemp("built")
    for name in SOURCES:
        (root / "sources" / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, root / "sources" / name, ignore=shutil.ignore_patterns("__pycache__", "_version.py")
            )
        else:
            shutil.copy(ROOT / name, root / "sources" / name)
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(root), "-t"]
    environment = {**os.environ, "SMSOPS_VERSION": "v1.2.3"}
    subprocess.run([*build, "sdist"], cwd=root / "sources", env=environment, check=True, capture_output=True)
    unpack(root / "smsops-1.2.3.tar.gz", root)
    subprocess.run([*build, "wheel"], cwd=root / "smsops-1.2.3", check=True, capture_output=True)
    with zipfile.ZipFile(root / "smsops-1.2.3-py3-none-any.whl") as packed:
        packed.extractall(root / "unpacked")
    return root / "unpacked"


def test_the_wheel_alone_does_what_a_newcomer_does(wheel: Path, tmp_path: Path) -> None:
    """From the files of the wheel alone: a version, a stack, its plan as a page, and what a code means."""

    def smsops(*arguments: str, cwd: Path = tmp_path) -> str:
        # -P: neither the sources nor what is installed in place shadows the wheel
        command = [sys.executable, "-P", "-m", "smsops", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(wheel), "GITHUB_ACTIONS": ""}
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout

    assert smsops("--version") == "smsops 1.2.3\n"
    smsops("init", "new", "--template", "agency")
    page = smsops("plan", "--format", "html", cwd=tmp_path / "new")
    assert "bakery-lyon" in page
    assert "<style" in page
    assert "the final STOP mention" in smsops("explain", "SMS201")


def test_the_wheel_has_the_types_and_names_its_extras(wheel: Path) -> None:
    """Type hints are shipped, each module and data file of the package is there, and every extra can be asked for."""
    (metadata,) = wheel.glob("*.dist-info/METADATA")
    described = metadata.read_text("utf-8")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]

    inside, packed = _files(ROOT / "smsops"), _files(wheel / "smsops")
    assert packed == inside | {Path("_version.py"), Path("codes.md")}
    assert Path("py.typed") in packed
    assert set(extras) == {"azure", "gcs", "mysql", "postgres", "s3"}
    assert all(f"Provides-Extra: {extra}\n" in described for extra in extras)


def test_a_version_comes_from_git_or_from_what_an_archive_says(tmp_path: Path) -> None:
    """A tag is a version; commits behind it lead to the next one; without a tag, and without git, there is one all the same."""
    script = tmp_path / "scripts" / "version.py"
    script.parent.mkdir()
    shutil.copy(ROOT / "scripts" / "version.py", script)
    environment = {name: value for name, value in os.environ.items() if name != "SMSOPS_VERSION"}

    def version(path: Path = script) -> str:
        return subprocess.run(
            [sys.executable, str(path)], env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.example", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    assert version() == "0.1.0.dev0"
    git("init", "-q")
    (tmp_path / ".gitattributes").write_text((ROOT / ".gitattributes").read_text("utf-8"), "utf-8")
    git("add", ".")
    git("commit", "-qm", "one")
    commit = git("rev-parse", "--short", "HEAD")
    assert version() == f"0.1.0.dev1+g{commit}"
    archive = tmp_path / "archive.tar"
    git("archive", "-o", str(archive), "HEAD")
    unpack(archive, tmp_path / "untagged")
    assert version(tmp_path / "untagged" / "scripts" / "version.py") == f"0.1.0.dev0+g{commit}"

    git("tag", "v1.2.0")
    assert version() == "1.2.0"
    git("archive", "-o", str(archive), "HEAD")
    unpack(archive, tmp_path / "tagged")
    assert version(tmp_path / "tagged" / "scripts" / "version.py") == "1.2.0"
    git("commit", "--allow-empty", "-qm", "two")
    commit = git("rev-parse", "--short", "HEAD")
    assert version() == f"1.2.1.dev1+g{commit}"


def _files(package: Path) -> set[Path]:
    """What is in a package, but for what Python leaves there."""
    found = (path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(package) for path in found}
