"""What the GitHub Action does: validate, plan with a comment, apply what was reviewed, look for drift.

action.yml calls it with its inputs as INPUT_… in the environment, by the Python that smsops is installed in. It runs `smsops` and
ends with its exit code. It uses the standard library only, decides nothing about a plan, and never applies anything but a plan
file: `smsops apply FILE` does what is in it, or refuses.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from comment import publish
from forge import ForgeError, GitHub

COMMANDS = ("validate", "plan", "apply", "drift")
PLAN, CONTEXT = "plan.json", "context.json"
STALE = 5


class Ended(NamedTuple):
    """How a command ended, and what it printed for people."""

    exit_code: int
    markdown: str


class Refused(Exception):
    """What the action does not do, and why."""


@dataclass
class Job:
    """One run of the action."""

    environment: Mapping[str, str]
    event: Mapping[str, Any]
    outputs: dict[str, str] = field(default_factory=dict)

    def input(self, name: str) -> str:
        return self.environment.get(f"INPUT_{name}", "").strip()

    @property
    def directory(self) -> str:
        return self.input("DIRECTORY") or "."

    @property
    def pull(self) -> Mapping[str, Any] | None:
        found = self.event.get("pull_request")
        return found if isinstance(found, dict) else None

    @property
    def stranger(self) -> str:
        """Why there are no secrets here: nothing that needs some is tried."""
        if self.pull is None:
            return ""
        head = (self.pull["head"].get("repo") or {}).get("full_name")
        if head != self.environment["GITHUB_REPOSITORY"]:
            return "comes from a fork"
        return "comes from Dependabot" if self.environment.get("GITHUB_ACTOR") == "dependabot[bot]" else ""

    @property
    def command(self) -> str:
        name, asked = self.environment["GITHUB_EVENT_NAME"], self.input("COMMAND") or "auto"
        if name in ("pull_request_target", "workflow_run", "issue_comment"):
            raise Refused(f"This action does not run on {name}: it would have secrets beside the files of strangers.")
        if asked not in ("auto", *COMMANDS):
            raise Refused(f"command is auto, {', '.join(COMMANDS)}, and not {asked}.")
        if self.stranger:
            return "validate"
        if self.pull is not None and asked == "apply":
            raise Refused("Nothing is applied from a pull request: apply on push, when it is merged.")
        if asked != "auto":
            return asked
        return {"push": "apply", "schedule": "drift"}.get(name, "plan")

    @cached_property
    def github(self) -> GitHub:
        return GitHub.of(self.environment, self.input("TOKEN"), self.input("COMMENT_AUTHOR"))

    @cached_property
    def made(self) -> Path:
        """Where the plan goes."""
        path = Path(self.environment["RUNNER_TEMP"]) / "smsops-plan"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    @property
    def base(self) -> str:
        """The commit whose word counts: what is proposed has none yet."""
        if self.pull is None:
            return self.environment.get("GITHUB_SHA", "")
        merge = git("rev-parse", "HEAD") == self.environment.get("GITHUB_SHA")  # GitHub's own: the base comes first
        return (git("rev-parse", "--verify", "HEAD^1") if merge else "") or str(self.pull["base"]["sha"])

    # -- smsops ---------------------------------------------------------------------------

    def smsops(self, command: str, *arguments: str) -> Ended:
        """Run smsops; what it says on the way goes to the log."""
        everywhere, here = (shlex.split(self.input(name)) for name in ("ARGUMENTS", f"{command.upper()}_OPTIONS"))
        argv = [sys.executable, "-m", "smsops", "-C", self.directory, *everywhere, command, "--format", "markdown"]
        argv += [*arguments, *here]
        environment = {**self.environment, "SMSOPS_BASE": self.base}
        environment.pop("INPUT_TOKEN", None)
        done = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, check=False)
        return Ended(done.returncode, done.stdout.decode("utf-8", errors="replace"))

    @property
    def waiting(self) -> tuple[str, str]:
        return "--lock-timeout", self.input("LOCK_TIMEOUT") or "10m"

    def plan(self, about: Mapping[str, Any]) -> tuple[Ended, bool]:
        """Plan, and keep the plan for apply; whether there are changes."""
        path = self.made / PLAN
        path.unlink(missing_ok=True)
        ended = self.smsops("plan", "--out", str(path.resolve()), *self.waiting)
        changes = path.exists() and any(json.loads(path.read_bytes())["summary"].values())
        self.outputs["changes"] = str(changes).lower()
        if ended.exit_code == 0:
            (self.made / CONTEXT).write_text(json.dumps(about, indent=2), "utf-8")
            self.outputs |= {"artifact": self.artifact, "plan": str(self.made)}
        return ended, changes

    @property
    def artifact(self) -> str:
        place = re.sub(r"[^A-Za-z0-9_.-]+", "-", self.directory).strip("-.") or "root"
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", self.input("NAME"))
        return f"smsops-plan-{place}{f'-{name}' if name else ''}"

    # -- what people see ------------------------------------------------------------------

    def say(self, said: str) -> None:
        """In the summary of the job."""
        with Path(self.environment["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as summary:
            summary.write(f"{said}\n")

    def comment(self, number: int, body: str, command: str, *, create: bool = True) -> None:
        """On the pull request; a comment that cannot be written is a warning, and in the summary all the same."""
        if self.input("COMMENT").lower() == "false":
            return
        try:
            publish(self.github, number, body, f"{command} {self.artifact}", create=create)
        except ForgeError as error:
            print(f"::warning title=smsops::The comment could not be written: {error}", flush=True)


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def introduced(markdown: str, said: str) -> str:
    """A document with a paragraph below its title."""
    return re.sub(r"^(## .*)$", lambda title: f"{title[1]}\n\n{said}", markdown, count=1, flags=re.MULTILINE)


# -- commands -------------------------------------------------------------------------------


def run_validate(job: Job) -> int:
    ended = job.smsops("validate")
    why = (
        f"This pull request {job.stranger}, and has no secrets: its configuration is validated, and not planned."
        if job.stranger
        else ""
    )
    job.say(introduced(ended.markdown, why) if why else ended.markdown)
    return ended.exit_code


def run_plan(job: Job) -> int:
    pull = job.pull
    about = {
        "pull_request": pull and pull["number"],
        "head": pull["head"]["sha"] if pull else job.environment["GITHUB_SHA"],
        "base": pull["base"]["sha"] if pull else None,
    }
    ended, changes = job.plan(about)
    if pull is None:
        job.say(ended.markdown)
        return ended.exit_code
    body = introduced(ended.markdown, f"Of {about['head']}, merged into {about['base']}.")
    job.say(body)
    job.comment(pull["number"], body, "plan", create=changes or ended.exit_code != 0)
    return ended.exit_code


def run_apply(job: Job) -> int:
    commit = job.environment["GITHUB_SHA"]
    merged = job.github.merged(commit)
    why = reviewed(job, merged[1] if merged else None)
    number = merged[0] if merged else None
    if not why:
        ended = job.smsops("apply", str((job.made / PLAN).resolve()), *job.waiting)
        if ended.exit_code != STALE:
            tell(job, number, ended.markdown, "apply")
            return ended.exit_code
        tell(
            job, number, introduced(ended.markdown, "<b>The reviewed plan is stale: nothing was applied.</b>"), "apply"
        )
        why = "The reviewed plan is stale."
    # What would be done now was reviewed by nobody: it is shown, kept, and not done.
    planned, changes = job.plan({"pull_request": number, "head": commit, "base": None})
    if planned.exit_code or not changes:
        job.say(planned.markdown)
        return planned.exit_code
    run = job.environment.get("GITHUB_RUN_ID", "")
    said = f"<b>{why} Nothing was applied.</b> This is a new plan. To apply it, run the workflow by hand with plan-run {run}."
    tell(job, number, introduced(planned.markdown, said), "plan")
    return STALE


def tell(job: Job, number: int | None, body: str, command: str) -> None:
    job.say(body)
    if number is not None:
        job.comment(number, body, command)


def reviewed(job: Job, head: str | None) -> str:
    """Fetch the plan that was reviewed; why there is none."""
    run = job.input("PLAN_RUN")
    if not run and head is None:
        return "This commit came without a pull request."
    files = job.github.artifact(job.artifact, run=run) if run else job.github.artifact(job.artifact, commit=head)
    if not files or PLAN not in files or CONTEXT not in files:
        return "There is no plan of what was merged: it had errors, or has expired."
    if not run and json.loads(files[CONTEXT]).get("head") != head:
        return "The plan that was reviewed is of another commit."
    (job.made / PLAN).write_bytes(files[PLAN])
    return ""


def run_drift(job: Job) -> int:
    ended = job.smsops("drift", "--detailed-exitcode", *job.waiting)
    job.say(ended.markdown)
    return ended.exit_code


RUN = {"validate": run_validate, "plan": run_plan, "apply": run_apply, "drift": run_drift}


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text("utf-8"))
    job = Job(environment, event)
    try:
        code = RUN[job.command](job)
    except (Refused, ForgeError) as error:
        print(f"::error title=smsops::{error}", flush=True)
        job.say(str(error))
        code = 1
    job.outputs["exit-code"] = str(code)
    with Path(environment["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.writelines(f"{name}={value}\n" for name, value in job.outputs.items())
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], os.environ))
