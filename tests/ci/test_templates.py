"""The other ways into CI: the GitLab template, pre-commit hooks, the image, completion; they call commands that exist."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from smsops.cli.main import COMMANDS, root
from tests.harness import Stack

ROOT = Path(__file__).parents[2]
LIST = "lists:\n  vip: {fields: {CITY: ~}}\n"


@pytest.fixture
def notes() -> Iterator[list[dict[str, Any]]]:
    """GitLab's notes of merge request 7, over HTTP, as the fixture's address and its notes."""
    import json

    kept: list[dict[str, Any]] = [{"id": 1, "body": "<!-- smsops: shop -->\nfake", "author": {"id": 2}}]

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            assert self.headers["PRIVATE-TOKEN"] == "token"
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
            path = self.path.partition("?")[0]
            if self.command == "POST":
                assert path == "/projects/5/merge_requests/7/notes"
                kept.append({"id": len(kept) + 1, "author": {"id": 1}, **body})
            elif self.command == "PUT":
                (note,) = [one for one in kept if path == f"/projects/5/merge_requests/7/notes/{one['id']}"]
                note |= body
            content = json.dumps({"id": 1} if path == "/user" else kept).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = handle_any

        def log_message(self, format: str, *args: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    os.environ["CI_API_V4_URL"] = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield kept
    del os.environ["CI_API_V4_URL"]
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_review_job_of_gitlab_writes_one_note(notes: list[dict[str, Any]], tmp_path: Path) -> None:
    """The script of the template plans, keeps its exit code, and writes the same note at the second push."""
    (tmp_path / "smsops.yaml").write_text(f'smsops: 1\nstack: shop\naccount: {{url: "sandbox:"}}\n{LIST}', "utf-8")
    template = yaml.safe_load((ROOT / "ci" / "gitlab" / "smsops.gitlab-ci.yml").read_text("utf-8"))
    script = "\n".join(["set -eo pipefail", *template["smsops-review"]["script"]])
    script = script.replace("/opt/smsops/ci", str(ROOT / "ci")).replace("python ", f"{sys.executable} ")
    script = f'smsops() {{ {sys.executable} -m smsops "$@"; }}\n{script}'
    given = {"CI_MERGE_REQUEST_IID": "7", "CI_PROJECT_ID": "5", "SMSOPS_COMMENT_TOKEN": "token", "CI": "true"}
    environment = {**os.environ, **given, "SMSOPS_DIRECTORY": ".", "SMSOPS_LOCK_TIMEOUT": "1m", "PYTHONPATH": str(ROOT)}

    def run() -> int:
        return subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True).returncode

    assert run() == 0
    (tmp_path / "smsops.yaml").write_text("smsops: 1\nstack: shop\nlists: 3\n", "utf-8")
    assert run() == 1
    assert [note["id"] for note in notes] == [1, 2]
    assert notes[0]["body"].endswith("fake")
    assert "SMS112" in notes[1]["body"]


def test_hooks_and_jobs_call_commands_that_exist(stack: Stack) -> None:
    """What hooks, jobs and the image call are commands of smsops, and the hook that validates finds mistakes."""
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}
    assert hooks.keys() == {"smsops-validate", "smsops-fmt"}
    program, *arguments = shlex.split(hooks["smsops-validate"]["entry"])
    stack.write(LIST)
    assert (program, stack.run(*arguments).exit_code) == ("smsops", 0)
    stack.write("lists: 3")
    assert stack.run(*arguments).exit_code == 1
    assert re.search(hooks["smsops-validate"]["files"], "accounts/paris.yaml")

    template = yaml.safe_load((ROOT / "ci" / "gitlab" / "smsops.gitlab-ci.yml").read_text("utf-8"))
    lines = [line for job in template.values() if isinstance(job, dict) for line in job.get("script", ())]
    called = {match[1] for line in lines if (match := re.search(r'smsops -C "\$SMSOPS_DIRECTORY" (\w+)', line))}
    assert called == {"validate", "plan", "apply", "drift"}

    image = (ROOT / "Dockerfile").read_text("utf-8")
    assert re.search(r"^USER smsops$", image, re.MULTILINE)
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", image, re.MULTILINE):
        assert all((ROOT / path).exists() for path in source.split())


def test_the_workflow_of_the_documentation_is_one() -> None:
    """What docs/ci.md has people copy is YAML, and gives the action inputs that it has."""
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    workflow = next(block for block in blocks if isinstance(block, dict) and "jobs" in block)
    checkout, action = workflow["jobs"]["smsops"]["steps"]
    declared = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["inputs"]

    assert len(blocks) == page.count("```yaml")
    assert action["with"].keys() <= declared.keys()
    assert all(one["description"] for one in declared.values())
    assert re.fullmatch(r"actions/checkout@[0-9a-f]{40}", checkout["uses"])
    assert not {"pull_request_target", "issue_comment"} & workflow[True].keys()  # YAML 1.1 reads `on` so


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell: str, stack: Stack) -> None:
    """What is printed completes smsops, by asking smsops itself."""
    result = stack.run("completion", shell)
    assert result.exit_code == 0
    assert f"_SMSOPS_COMPLETE={shell}_complete" in result.stdout


def test_a_shell_completes_commands_and_addresses(tmp_path: Path) -> None:
    """Bash itself, given what is printed, completes a command, and the address of a resource of the stack."""
    (tmp_path / "smsops.yaml").write_text(f"smsops: 1\nstack: shop\n{LIST}", "utf-8")
    program = tmp_path / "smsops"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m smsops "$@"\n', "utf-8")
    program.chmod(0o755)
    script = (
        'eval "$(smsops completion bash)"\n'
        'COMP_WORDS=(smsops pl); COMP_CWORD=1; _smsops_completion smsops; echo "${COMPREPLY[@]}"; COMPREPLY=()\n'
        'COMP_WORDS=(smsops plan --target list); COMP_CWORD=3; _smsops_completion smsops; echo "${COMPREPLY[@]}"\n'
    )
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)

    assert (done.stdout.splitlines(), done.stderr) == (["plan", "list.vip"], "")
    assert [
        item.value for item in root.shell_complete(root.make_context("smsops", [], resilient_parsing=True), "")
    ] == [*COMMANDS]
