"""GitHub, as far as the action sees it: a REST API in this process, repositories on disk, and a runner for action.yml."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

ROOT = Path(__file__).parents[2]
REPOSITORY, TOKEN = "acme/sms", "ghs-token"
PYTHON = f"""#!/bin/sh
# Makes an environment that has smsops already, and sees what would be installed.
if [ "$1 $2" = "-m venv" ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; exit 0; fi
if [ "$1 $2" = "-m pip" ]; then
    for last; do :; done
    case "$last" in *.lock) test -e "$last";; *) test -e "$last/pyproject.toml";; esac
    exit $?
fi
exec {sys.executable} "$@"
"""


@dataclass
class GitHub:
    """Comments by pull request, pull requests by the commit that merged them, artifacts."""

    url: str = ""
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    merged: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)

    def add_comment(self, number: int, body: str, author: str) -> dict[str, Any]:
        comment = {"id": sum(map(len, self.comments.values())) + 1, "body": body, "user": {"login": author}}
        self.comments.setdefault(number, []).append(comment)
        return comment

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Any:
        if method != "GET":
            self.writes.append(f"{method} {path}")
        if found := re.fullmatch(r"/repos/acme/sms/issues/(\d+)/comments", path):
            number = int(found[1])
            if method == "POST":
                assert len(body["body"]) <= 65_536
                return self.add_comment(number, body["body"], "github-actions[bot]")
            page = int(query["page"][0])
            return self.comments.get(number, [])[(page - 1) * 100 : page * 100]
        if found := re.fullmatch(r"/repos/acme/sms/issues/comments/(\d+)", path):
            (comment,) = [one for many in self.comments.values() for one in many if one["id"] == int(found[1])]
            comment["body"] = body["body"]
            return comment
        if found := re.fullmatch(r"/repos/acme/sms/commits/(\w+)/pulls", path):
            return self.merged.get(found[1], [])
        if found := re.fullmatch(r"/repos/acme/sms/actions/(?:runs/(\d+)/)?artifacts", path):
            runs = [one for one in self.artifacts if found[1] in (None, str(one["workflow_run"]["id"]))]
            shown = [{key: one[key] for key in one if key != "zip"} for one in runs if [one["name"]] == query["name"]]
            return {"total_count": len(shown), "artifacts": shown}
        if found := re.fullmatch(r"/repos/acme/sms/actions/artifacts/(\d+)/zip", path):
            return self.artifacts[int(found[1])]["zip"]
        raise LookupError(path)


@contextmanager
def served() -> Iterator[GitHub]:
    """The API over HTTP."""
    github = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"null")
            parts = urlsplit(self.path)
            try:
                assert self.headers["Authorization"] == f"Bearer {TOKEN}"
                answer = github.answer(self.command, parts.path, parse_qs(parts.query), body)
                content, status = (answer if isinstance(answer, bytes) else json.dumps(answer).encode()), 200
            except (LookupError, AssertionError):
                content, status = b"{}", 404
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = handle_any

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    github.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Ran:
    """What a run of the action left: its exit code, outputs, summary, and the log."""

    exit_code: int
    outputs: dict[str, str]
    summary: str
    log: str


@dataclass
class Repository:
    """A repository with one stack, whose runs share one account and one state as they would share remote ones."""

    home: Path
    github: GitHub
    pulls: dict[int, dict[str, Any]] = field(default_factory=dict)
    runs: int = 0

    def __post_init__(self) -> None:
        self.path = self.home / "origin"
        self.path.mkdir(parents=True)
        (self.home / "shared").mkdir()
        self.git("init", "-q", "-b", "main")
        (self.path / ".gitignore").write_text(".smsops\n", "utf-8")
        (self.home / "python").write_text(PYTHON, "utf-8")
        (self.home / "python").chmod(0o755)

    def git(self, *arguments: str) -> str:
        who = {f"GIT_{role}_{what}": "a@b.example" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        command = ["git", "-C", str(self.path), *arguments]
        done = subprocess.run(command, env={**os.environ, **who}, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, files: dict[str, str]) -> str:
        for name, content in files.items():
            (self.path / name).write_text(content, "utf-8")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "Change")
        return self.git("rev-parse", "HEAD")

    def propose(self, number: int, files: dict[str, str], *, fork: bool = False) -> None:
        """A pull request, or another push to it; GitHub merges it into the base on the side."""
        base = self.git("rev-parse", "main")
        self.git("checkout", "-q", "-B", f"change-{number}", f"change-{number}" if number in self.pulls else "main")
        head = self.commit(files)
        self.git("checkout", "-q", "--detach", "main")
        self.git("merge", "-q", "--no-ff", "-m", "Merge", head)
        repository = {"full_name": "stranger/sms" if fork else REPOSITORY}
        self.pulls[number] = {
            "number": number,
            "head": {"sha": head, "repo": repository},
            "base": {"sha": base, "ref": "main"},
            "merge_commit_sha": self.git("rev-parse", "HEAD"),
            "merged_at": None,
        }
        self.git("checkout", "-q", "main")

    def merge(self, number: int) -> str:
        """Squash it into main."""
        pull = self.pulls[number]
        self.git("merge", "-q", "--squash", pull["head"]["sha"])
        self.git("commit", "-q", "-m", f"Merged #{number}")
        commit = self.git("rev-parse", "HEAD")
        self.github.merged[commit] = [{**pull, "merged_at": "2026-11-26T00:00:00Z"}]
        return commit

    def plan(self, number: int, **inputs: str) -> Ran:
        """What a push to a pull request runs."""
        pull = self.pulls[number]
        event = {"action": "synchronize", "number": number, "pull_request": pull}
        return self.run("pull_request", event, pull["merge_commit_sha"], pull["head"]["sha"], inputs)

    def push(self, commit: str, **inputs: str) -> Ran:
        """What a push to main runs."""
        return self.run("push", {"ref": "refs/heads/main", "after": commit}, commit, commit, inputs)

    def run(self, name: str, event: dict[str, Any], checkout: str, head: str, inputs: dict[str, str]) -> Ran:
        self.runs += 1
        run, home = self.runs, self.home / f"run-{self.runs}"
        workspace = home / "workspace"
        home.mkdir()
        subprocess.run(["git", "clone", "-q", "-n", str(self.path), str(workspace)], check=True)
        subprocess.run(["git", "-C", str(workspace), "fetch", "-q", "origin", checkout], check=True)
        subprocess.run(["git", "-C", str(workspace), "checkout", "-q", checkout], check=True)
        (workspace / ".smsops").symlink_to(self.home / "shared")
        (home / "event.json").write_text(json.dumps(event), "utf-8")
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), "CI": "true", "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT), "GITHUB_ACTOR": "somebody", "GITHUB_API_URL": self.github.url,
            "GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(home / "event.json"), "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": str(run), "GITHUB_SHA": checkout, "GITHUB_STEP_SUMMARY": str(home / "summary"),
            "GITHUB_WORKSPACE": str(workspace), "RUNNER_TEMP": str(home / "temp"),
        }  # fmt: skip
        return _Runner(self, environment, inputs, head).run()


@dataclass
class _Runner:
    """Runs the steps of action.yml: scripts in bash, as GitHub does; the actions of others by what they do."""

    repository: Repository
    environment: dict[str, str]
    inputs: dict[str, str]
    head: str
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    log: str = ""

    def run(self) -> Ran:
        action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
        for name, declared in action["inputs"].items():
            self.inputs.setdefault(name, self.value(declared.get("default", "")))
        assert self.inputs.keys() == action["inputs"].keys()
        Path(self.environment["RUNNER_TEMP"]).mkdir()
        summary = Path(self.environment["GITHUB_STEP_SUMMARY"])
        summary.touch()
        code = 0
        for step in action["runs"]["steps"]:
            condition = step.get("if", "")
            if (code and "always()" not in condition) or (condition and not self.holds(condition)):
                continue
            code = (self.uses(step) if "uses" in step else self.script(step)) or code
        outputs = {name: self.value(one["value"]) for name, one in action["outputs"].items()}
        return Ran(code, outputs, summary.read_text("utf-8"), self.log)

    def value(self, text: str) -> str:
        return re.sub(r"\$\{\{ *(.+?) *\}\}", lambda match: self.look_up(match[1]), str(text))

    def look_up(self, expression: str) -> str:
        match expression.split("."):
            case ["inputs", name]:
                return self.inputs[name]
            case ["github", "token"]:
                return TOKEN
            case ["steps", step, "outputs", name]:
                return self.outputs.get(step, {}).get(name, "")
        raise AssertionError(expression)

    def holds(self, condition: str) -> bool:
        found = re.fullmatch(r"\$\{\{ always\(\) && (steps\.\S+) != '' \}\}", condition)
        assert found
        return self.look_up(found[1]) != ""

    def script(self, step: dict[str, Any]) -> int:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]  # whatever somebody called a branch would be code
        file = Path(self.environment["RUNNER_TEMP"]) / "outputs"
        file.write_text("", "utf-8")
        own = {name: self.value(value) for name, value in step["env"].items()}
        environment = {**self.environment, **own, "GITHUB_OUTPUT": str(file)}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(
            command, cwd=self.environment["GITHUB_WORKSPACE"], env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.log += done.stdout
        self.outputs[step.get("id", "")] = dict(line.split("=", 1) for line in file.read_text("utf-8").splitlines())
        return done.returncode

    def uses(self, step: dict[str, Any]) -> int:
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"])  # pinned
        given = {name: self.value(value) for name, value in step["with"].items()}
        match step["uses"].partition("@")[0]:
            case "actions/setup-python":
                self.outputs[step["id"]] = {"python-path": str(self.repository.home / "python")}
            case "actions/upload-artifact":
                self.upload(given["name"], Path(given["path"]))
            case other:
                raise AssertionError(other)
        return 0

    def upload(self, name: str, path: Path) -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for file in sorted(path.iterdir()):
                archive.write(file, file.name)
        fork = self.environment["GITHUB_REPOSITORY"] != REPOSITORY
        github = self.repository.github
        github.artifacts.append(
            {
                "id": len(github.artifacts), "name": name, "expired": False, "zip": content.getvalue(),
                "created_at": f"2026-11-26T00:00:{len(github.artifacts):02}Z",
                "workflow_run": {
                    "id": int(self.environment["GITHUB_RUN_ID"]), "head_sha": self.head,
                    "repository_id": 1, "head_repository_id": 2 if fork else 1,
                },
            }
        )  # fmt: skip
        shutil.rmtree(path)
