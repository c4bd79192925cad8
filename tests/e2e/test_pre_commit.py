"""The pre-commit hooks: which files they want, and a run from a repository of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.command import GATEWAY, ROOT, Run, environment, finished

MANIFEST = ROOT / ".pre-commit-hooks.yaml"
HOOKS: dict[str, dict[str, Any]] = {hook["id"]: hook for hook in yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))}
NO_NETWORK = re.compile(
    r"NewConnectionError|ConnectTimeoutError|NameResolutionError|Temporary failure in name resolution"
    r"|Network is unreachable|ProxyError|ReadTimeoutError"
)
EXPORTS = (
    *("host.rules", "etc/iptables/rules.v4", "etc/iptables/rules.v6", "iptables-save", "ip6tables-save"),
    *("backup/iptables-save.2026-11-02", "fw/web01.iptables", "fw/web01.ip6tables", "rules.txt", "aws/groups.json"),
    *("win/proxy.reg", "infra/main.tf", "terraform.tfstate", "net.template", "template.yaml", "cfn/net.yml"),
)
DESCRIPTIONS = ("site.yaml", "net/site.yml", "policy/ol-connect.yaml")
OTHERS = (
    *("README.md", "main.py", "host.rules.bak", "txt", "json", "notes.text", "Makefile", "iptables.sh", "a.tfvars"),
    *("rules", "v4", "picture.png", "host.rules/readme.md", "iptables"),
)


@pytest.mark.parametrize("name", EXPORTS)
def test_both_hooks_want_exports(name: str) -> None:
    assert [identity for identity, hook in HOOKS.items() if re.search(hook["files"], name)] == list(HOOKS)


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_only_the_judging_hook_wants_the_site_and_the_policy(name: str) -> None:
    assert [identity for identity, hook in HOOKS.items() if re.search(hook["files"], name)] == ["portproof"]


@pytest.mark.parametrize("name", OTHERS)
def test_no_hook_wants_other_files(name: str) -> None:
    assert not [identity for identity, hook in HOOKS.items() if re.search(hook["files"], name)]


def test_no_hook_leaves_out_exports_in_utf_16() -> None:
    assert not [hook for hook in HOOKS.values() if "types" in hook or "types_or" in hook]  # they are not "text"


def test_pre_commit_takes_the_manifest(tmp_path: Path) -> None:
    run = finished([*PRE_COMMIT, "validate-manifest", str(MANIFEST)], tmp_path, environment(tmp_path, {}))
    assert (run.status, run.err) == (0, "")


# --- a run ---------------------------------------------------------------------

PRE_COMMIT = (sys.executable, "-m", "pre_commit")
PreCommit = Callable[..., Run]
BLOCKED = (ROOT / GATEWAY).read_bytes()
OPEN = b"*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
SITE = b"hosts:\n  print-gateway:\n    exports: [host.rules]\n    modules: [telnet]\n"


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def head(folder: Path) -> str:
    """The commit that is checked out in `folder`."""
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout as a repository of hooks, as it stands, and beside it pre-commit's own home."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git checkout")
    listed = ["ls-files", "-coz", "--exclude-standard"]
    names = git(ROOT, *listed).split("\0")
    folder = tmp_path_factory.mktemp("pre-commit") / "hooks"
    for name in names:
        if name and (ROOT / name).is_file() and not name.startswith(("tests/", "bench/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", "all")
    return folder


@pytest.fixture
def pre_commit(hooks: Path, tmp_path: Path) -> PreCommit:
    """pre-commit on every file of a repository with the files given."""

    def run(files: dict[str, bytes], *arguments: str) -> Run:
        user = tmp_path / "user"
        user.mkdir(exist_ok=True)
        for name, data in files.items():
            (user / name).write_bytes(data)
        if not (user / ".git").exists():
            git(user, "init", "--quiet")
        git(user, "add", "--all")
        more = {"PRE_COMMIT_HOME": str(hooks.parent / "home"), "GIT_CONFIG_GLOBAL": os.devnull, "PIP_RETRIES": "1"}
        done = finished([*PRE_COMMIT, *arguments, "--all-files"], user, environment(hooks.parent, more))
        if "pip" in done.out and NO_NETWORK.search(done.out):
            pytest.skip("pre-commit cannot install the hook here: pip reaches no package index")
        return done

    return run


def test_a_blocked_port_stops_the_commit(pre_commit: PreCommit, hooks: Path) -> None:
    run = pre_commit({"host.rules": BLOCKED, "site.yaml": SITE}, "try-repo", str(hooks))
    assert run.status == 1
    assert re.search(r"^portproof \(do .*Failed$", run.out, re.MULTILINE)
    assert re.search(r"^portproof parse .*Passed$", run.out, re.MULTILINE)
    assert "- exit code: 1" in run.out
    assert "Telnet: inbound TCP 9100 from anybody is blocked on print-gateway" in run.out
    assert "host.rules:13: -A INPUT -j REJECT" in run.out


def test_hooks_configured_as_in_the_docs(pre_commit: PreCommit, hooks: Path) -> None:
    [config] = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/pre-commit.md").read_text(encoding="utf-8"), re.DOTALL)
    config = re.sub(r"repo: \S+", f"repo: {hooks.as_posix()}", re.sub(r"rev: \S+", f"rev: {head(hooks)}", config))
    files = {".pre-commit-config.yaml": config.encode(), "site.yaml": SITE, "README.md": b"# no export\n"}

    run = pre_commit({**files, "host.rules": OPEN}, "run")
    assert (run.status, run.out.count("Passed")) == (0, 2), run.out

    odd = OPEN.decode().replace("COMMIT", "-A INPUT garbage\nCOMMIT").encode("utf-16")
    run = pre_commit({"host.rules": odd}, "run", "portproof-parse")
    assert run.status == 1
    assert "host.rules:4: not understood: -A INPUT garbage" in run.out

    run = pre_commit({"site.yaml": b"hosts: {web01: {export: [host.rules]}}\n"}, "run", "portproof")
    assert "- exit code: 2" in run.out
    assert "portproof: site.yaml:1: unknown key 'export'; did you mean 'exports'?" in run.out
