"""The wheel: its members, and the command installed from it, away from the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.e2e.command import GATEWAY, ROOT, Run, environment, finished

SLOW_IMPORTS = ("click", "yaml", "networkx", "jsonschema", "pyparsing", "rich")


def tracked(*folders: str) -> set[str]:
    """The files of `folders` that git knows, or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *folders], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout, so nothing says what belongs into the wheel")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    run = finished(command, ROOT, environment(folder, {}))
    assert run.status == 0, run.out + run.err
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but what the wheel installs."""
    folder = tmp_path_factory.mktemp("installed")
    options = ("--quiet", "--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(folder), str(wheel)]
    run = finished(command, folder, environment(folder, {}))
    assert run.status == 0, run.out + run.err
    return folder


def portproof(installed: Path, home: Path, *arguments: str) -> Run:
    """The installed command in the folder `home`; its dependencies are those of the tests."""
    start = "import sys; from validator.cli import main; sys.argv[0] = 'portproof'; main()"
    env = environment(home, {"PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"})
    return finished([sys.executable, "-c", start, *arguments], home, env)


def test_the_wheel_holds_what_git_holds(wheel: Path) -> None:
    members = set(zipfile.ZipFile(wheel).namelist())
    data = {f"validator/_data/{name}" for name in tracked("policy", "rules")}
    info = {name for name in members if name.partition("/")[0].endswith(".dist-info")}
    assert members - info == tracked("validator") | data
    assert {name.rpartition("/")[2] for name in info} == {"METADATA", "WHEEL", "RECORD", "entry_points.txt"}


def test_the_installed_command_finds_its_policy_and_rules(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "host.rules").write_bytes((ROOT / GATEWAY).read_bytes())
    where = portproof(installed, tmp_path, "rules", "--format", "json").json()
    assert {Path(rule["file"]).name for rule in where} == {Path(name).name for name in tracked("rules")}
    run = portproof(installed, tmp_path, "check", "host.rules")
    assert run.out.startswith("OL Connect: 15 of 33 port checks blocked")
    assert (run.status, run.err) == (1, "")
    listed = portproof(installed, tmp_path, "policy", "list")
    assert listed.out.startswith("ol-connect  ")


def test_the_installed_command_is_not_the_checkouts(installed: Path, tmp_path: Path) -> None:
    code = "import validator, validator.resources as r; print(validator.__file__); print(r.folder('rules'))"
    run = finished([sys.executable, "-c", code], tmp_path, environment(tmp_path, {"PYTHONPATH": str(installed)}))
    assert run.out.splitlines() == [
        str(installed / "validator" / "__init__.py"),
        str(installed / "validator" / "_data" / "rules"),
    ]


def test_the_wheel_installs_the_command(installed: Path) -> None:
    [entries] = installed.glob("portproof-*.dist-info/entry_points.txt")
    assert "portproof = validator.cli:main" in entries.read_text()
    assert (installed / "validator" / "py.typed").exists()


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_imports_nothing_slow(tmp_path: Path, option: str) -> None:
    code = (
        f"import sys; sys.argv = ['portproof', {option!r}]; from validator.cli import main; main(); print(*sys.modules)"
    )
    run = finished([sys.executable, "-c", code], ROOT, environment(tmp_path, {}))
    version, modules = run.out.splitlines()
    assert version.startswith("portproof ")
    assert set(SLOW_IMPORTS) & {name.partition(".")[0] for name in modules.split()} == set()


def test_a_check_imports_no_more_than_it_needs(tmp_path: Path) -> None:
    code = (
        f"import sys; from validator.cli.run import run; run(['check', {GATEWAY!r}, '-o', {str(tmp_path / 'r')!r}]); "
        "print(*sys.modules)"
    )
    run = finished([sys.executable, "-c", code], ROOT, environment(tmp_path, {}))
    assert {"jsonschema", "rich", "numpy"} & {name.partition(".")[0] for name in run.out.split()} == set()
