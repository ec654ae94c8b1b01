"""The GitHub Action, its steps run as GitHub runs them: what is reviewed in a pull request is what is applied when it is merged."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from smsops.edge.state.backend import Holder
from smsops.edge.state.file import FileBackend
from smsops.edge.state.store import StateStore
from smsops.sandbox.app import Sandbox
from tests.ci.github import GitHub, Repository, served


def stack(*lists: str, more: str = "") -> dict[str, str]:
    blocks = "".join(f"  {name}: {{fields: {{CITY: {{}}}}}}\n" for name in lists)
    head = 'smsops: 1\nstack: shop\naccount: {url: "sandbox:"}\n'
    return {"smsops.yaml": f"{head}{more}lists:\n{blocks}" if blocks else f"{head}{more}"}


@pytest.fixture(scope="module")
def github() -> Iterator[GitHub]:
    with served() as made:
        yield made


@pytest.fixture
def repository(github: GitHub, tmp_path: Path) -> Repository:
    github.comments.clear()
    github.artifacts.clear()
    github.writes.clear()
    made = Repository(tmp_path, github)
    made.commit(stack())
    return made


@contextmanager
def held(repository: Repository) -> Iterator[threading.Event]:
    """Somebody else holds the state, until the event is set or the block is left."""
    backend = FileBackend(repository.home / "shared" / "state.json")
    store = StateStore(backend, "shop", lambda command, changes: Holder.this_process(command, None, {}))
    release = threading.Event()
    began = threading.Event()

    def hold() -> None:
        with store.lock("apply"):
            began.set()
            release.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    began.wait()
    try:
        yield release
    finally:
        release.set()
        thread.join()


def owned(repository: Repository) -> set[str]:
    """What the shared state says that the stack owns."""
    if not (repository.home / "shared" / "state.json").exists():
        return set()
    state = json.loads((repository.home / "shared" / "state.json").read_text("utf-8"))
    return set(state["resources"])


def test_two_pull_requests_at_once(repository: Repository, github: GitHub) -> None:
    """Both are planned side by side and tell their own plan; the one merged second is stale, is planned anew, and applied by its run."""
    github.add_comment(1, "<!-- smsops: shop -->\nsomebody else's", "somebody")
    repository.propose(1, stack("vip"))
    repository.propose(2, {"note.txt": "hello", **stack("gold")})
    with ThreadPoolExecutor() as pool:
        ran = list(pool.map(repository.plan, (1, 2)))
    assert [(one.exit_code, one.outputs) for one in ran] == [(0, {"exit-code": "0", "changes": "true"})] * 2
    assert [len(github.comments[number]) for number in (1, 2)] == [2, 1]
    assert github.comments[1][0]["body"].endswith("somebody else's")
    assert "<code>list.vip</code>" in github.comments[1][1]["body"]
    assert "<code>list.gold</code>" in github.comments[2][0]["body"]

    merged = repository.merge(1)
    with held(repository):
        locked = repository.push(merged, **{"lock-timeout": "0s"})
    assert (locked.exit_code, owned(repository)) == (6, set())
    assert "SMS" in locked.summary
    with held(repository) as release, ThreadPoolExecutor() as pool:
        waiting = pool.submit(repository.push, merged)
        release.wait(0.5)
        release.set()
        applied = waiting.result()
    assert applied.exit_code == 0
    assert "Apply complete! 1 added" in applied.summary
    assert "Apply complete! 1 added" in github.comments[1][2]["body"]
    assert len(github.comments[1]) == 3
    assert owned(repository) == {"list.vip"}

    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "-s", "ours", "--no-commit", repository.pulls[2]["head"]["sha"])
    merged = repository.commit(stack("vip", "gold"))  # the conflict is settled by hand
    github.merged[merged] = [{**repository.pulls[2], "merged_at": "2026-11-26T00:00:00Z"}]
    stale = repository.push(merged)
    assert stale.exit_code == 5
    assert "The reviewed plan is stale" in stale.summary
    assert "SMS421" in stale.summary
    assert owned(repository) == {"list.vip"}
    told = github.comments[2][0]["body"]
    assert "Nothing was applied." in told
    assert "<code>list.gold</code>" in told

    by_hand = repository.push(merged, **{"command": "apply", "plan-run": str(repository.runs)})
    assert by_hand.exit_code == 0
    assert owned(repository) == {"list.vip", "list.gold"}

    sandbox = Sandbox(repository.home / "shared" / "sandbox.db")
    sandbox.answer("deleteList", {"login": "sandbox", "apiKey": "sandbox-key", "listName": "gold"})
    sandbox.close()
    nightly = repository.run("schedule", {}, merged, merged, {})
    assert nightly.exit_code == 2
    assert "<code>list.gold</code> | is gone" in nightly.summary


def test_a_second_push_writes_the_same_comment_anew(repository: Repository, github: GitHub) -> None:
    """However often is pushed, a pull request has one comment, also where the plan is longer than GitHub takes, or is none."""
    repository.propose(1, stack("vip"))
    repository.plan(1)
    repository.propose(1, stack(*(f"list-{number}" for number in range(700))))
    assert repository.plan(1).exit_code == 0
    (comment,) = github.comments[1]
    assert len(comment["body"]) <= 65_536
    assert "more are not shown" in comment["body"]
    repository.propose(1, {"smsops.yaml": "smsops: [1"})
    wrong = repository.plan(1)
    assert (wrong.exit_code, wrong.outputs["exit-code"]) == (1, "1")
    assert "::error file=smsops.yaml,line=1" in wrong.log
    (comment,) = github.comments[1]
    assert "SMS101" in comment["body"]
    repository.propose(1, stack())
    assert repository.plan(1).outputs["changes"] == "false"
    (comment,) = github.comments[1]
    assert "No changes. The account matches the configuration." in comment["body"]
    repository.propose(2, {"note.txt": "nothing to plan"})
    assert repository.plan(2).exit_code == 0
    assert 2 not in github.comments


def test_a_fork_is_validated_and_says_so(repository: Repository, github: GitHub) -> None:
    """A fork has no secrets: nothing is planned, no comment tried, and what it proposes runs no command."""
    command = "encryption: {key: {command: [touch, ran]}}\n"
    repository.propose(1, stack("vip", more=command), fork=True)
    ran = repository.plan(1, command="plan")

    assert (ran.exit_code, ran.outputs["changes"]) == (0, "")
    assert "comes from a fork, and has no secrets" in ran.summary
    assert "The configuration is valid: 1 resource." in ran.summary
    assert github.writes == []
    assert github.artifacts == []
    assert not list(repository.home.rglob("ran"))


def test_commands_run_only_where_the_base_allows_them(repository: Repository, github: GitHub) -> None:
    """A pull request that adds a command, and allows it itself, does not have it run; once that is merged, it is."""
    allowed = "settings: {ci_commands: [[sh, -c, 'touch * && *']]}\n"
    command = "encryption: {key: {command: [sh, -c, 'touch ran && echo correct-horse-battery-staple']}}\n"
    repository.propose(1, stack("vip", more=allowed + command))
    refused = repository.plan(1)
    assert refused.exit_code == 1
    assert "SMS142" in github.comments[1][0]["body"]
    assert not list(repository.home.rglob("ran"))

    repository.commit(stack(more=allowed))
    repository.propose(2, stack("vip", more=allowed + command))
    assert repository.plan(2).exit_code == 0
    assert list(repository.home.rglob("ran"))


def test_what_is_not_reviewed_is_not_applied(repository: Repository, github: GitHub) -> None:
    """A commit without a pull request is planned; an artifact of a fork is no plan; pull requests apply nothing."""
    repository.propose(1, stack("vip"))
    repository.plan(1)
    github.artifacts[0]["workflow_run"]["head_repository_id"] = 2
    merged = repository.merge(1)
    ran = repository.push(merged)
    assert ran.exit_code == 5
    assert "There is no plan of what was merged" in ran.summary
    assert repository.push(repository.commit(stack("gold"))).exit_code == 5
    assert owned(repository) == set()
    repository.propose(3, stack("other"))
    assert repository.plan(3, command="apply").exit_code == 1
    strange = repository.run("pull_request_target", {}, merged, merged, {})
    assert strange.exit_code == 1
    assert "does not run on pull_request_target" in strange.summary
