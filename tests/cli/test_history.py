"""`history`: who did what, when, from which commit, and how it ended, and nothing that may not be kept."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from smsops import __version__
from tests.engine.test_doubt import MOVE, SEND
from tests.engine.world import ADDRESSES, CHANGED, Killed, incomplete, killed_at_event, refuse, world
from tests.harness import API_KEY, Stack
from tests.kinds.contract import PERSON, assert_discreet, phone

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "history.schema.json").read_text("utf-8"))
PHONES = [PERSON["mobile"], *(phone(number) for number in (*range(5), *range(100, 105)))]
LISTS: dict[str, Any] = {"lists": {f"l{number}": {} for number in range(6)}}
SETTLE_TIME = timedelta(minutes=15)


def runs(stack: Stack, *options: str) -> list[dict[str, Any]]:
    """The runs that `history` prints as JSON, the last one first; they are what the schema says, and discreet."""
    result = stack.run("history", "--format", "json", *options)
    assert (result.exit_code, result.stderr) == (0, "")
    jsonschema.validate(result.document, SCHEMA)
    shown = stack.run("history", *options)
    assert shown.exit_code == 0
    kept = (stack.root / ".smsops" / "state.json.history").read_text("utf-8")
    for text in (result.stdout, shown.stdout, shown.stderr, kept):
        assert_discreet(text, phones=PHONES, secrets=(API_KEY, "correct horse", "battery staple"))
    found: list[dict[str, Any]] = result.document["runs"]
    return found


def shown(stack: Stack, *options: str) -> list[str]:
    """The lines that `history` prints, without the date and who it was."""
    who = runs(stack)[0]["who"]
    lines = stack.run("history", *options).stdout.splitlines()
    return [line.partition(f"  {who}  ")[2] or line.strip() for line in lines]


def endings(stack: Stack) -> list[tuple[str, str]]:
    """Command and outcome of each run, the first one first."""
    return [(run["command"], run["outcome"]) for run in reversed(runs(stack))]


def operations(run: dict[str, Any]) -> dict[str, str]:
    """What became of each operation of a run."""
    return {item["address"]: item["status"] for item in run["operations"]}


class TestWhatIsKept:
    def test_nothing_yet(self, stack: Stack) -> None:
        """A stack that was never applied has an empty history: that is no error."""
        stack.write(LISTS)
        text, document = stack.run("history"), stack.run("history", "--format", "json")
        assert (text.exit_code, text.stdout) == (0, "")
        assert "No run has changed the state yet." in text.stderr
        assert document.document == {"format_version": "1.0", "runs": []}
        jsonschema.validate(document.document, SCHEMA)

    def test_an_apply(self, stack: Stack) -> None:
        """An apply is kept with who made it, when, with what, and with what became of each operation."""
        stack.write(world())
        stack.apply()
        (run,) = runs(stack)
        assert (run["command"], run["outcome"], run["exit_code"], run["serial"]) == ("apply", "done", 0, 1)
        assert run["lineage"] == stack.state["lineage"]
        assert (run["smsops_version"], run["git"]) == (__version__, None)
        assert "@" in run["who"]
        assert datetime.fromisoformat(run["since"]) <= datetime.fromisoformat(run["until"])
        assert operations(run) == dict.fromkeys(ADDRESSES, "done")
        assert sum(item["calls"] for item in run["operations"]) == len(stack.writes())
        assert shown(stack)[0] == "apply: done"
        assert set(shown(stack)[1:]) == {f"+ {address}" for address in ADDRESSES}

    def test_the_last_run_first(self, stack: Stack) -> None:
        """Runs come with the last one first, one for each new serial, and `-n` takes the last ones."""
        for city in ("Paris", "Lyon", "Lille"):
            stack.write(world(city=city))
            stack.apply()
        stack.run("destroy", "--auto-approve")
        assert [run["serial"] for run in runs(stack)] == [4, 3, 2, 1]
        assert [run["command"] for run in runs(stack, "-n", "2")] == ["destroy", "apply"]
        assert runs(stack, "--last", "1") == runs(stack)[:1]
        assert [run["destroy"] for run in runs(stack)] == [True, False, False, False]
        for wrong in ("0", "-1", "many"):
            assert stack.run("history", "-n", wrong).exit_code == 1

    def test_what_changes_nothing(self, stack: Stack) -> None:
        """Plans, looks at the state, and applies that do nothing or are refused, leave no trace."""
        stack.write(world())
        stack.apply()
        before = runs(stack)
        stack.apply()
        stack.plan()
        for command in (("list",), ("pull",), ("show", "list.vip"), ("unlock",)):
            assert stack.run("state", *command).exit_code == 0
        assert stack.run("apply").exit_code == 1  # nobody can be asked
        stack.write({**world(**CHANGED), "policy": {"max_credits_per_apply": 1}})
        incomplete(stack, code=4)
        assert runs(stack) == before

    def test_options(self, stack: Stack) -> None:
        """Targets and --adopt are kept: a run that did a part is not taken for one that did all."""
        stack.write(world())
        stack.apply("--target", "list.vip", "--target", "paris/*")
        stack.run("state", "rm", "list.vip")
        stack.apply("--adopt")
        adopted, _, targeted = runs(stack)
        assert (adopted["targets"], adopted["adopt"]) == ([], True)
        assert (targeted["targets"], targeted["adopt"]) == (["list.vip", "paris/*"], False)
        lines = shown(stack)
        assert lines[0] == "apply --adopt: done"
        assert "apply --target list.vip --target paris/*: done" in lines

    def test_a_saved_plan(self, stack: Stack) -> None:
        """A saved plan is an apply like others, and done twice it is kept once."""
        stack.write(LISTS)
        stack.run("plan", "-o", str(stack.root / "saved.plan"))
        for _ in range(2):
            stack.run("apply", str(stack.root / "saved.plan"))
        assert endings(stack) == [("apply", "done")]

    def test_many_operations(self, stack: Stack) -> None:
        """The text shows the first ten operations of a run and counts the rest, which the JSON has."""
        stack.write({"lists": {f"l{number}": {} for number in range(14)}})
        stack.apply()
        assert len(runs(stack)[0]["operations"]) == 14
        lines = shown(stack)
        assert len(lines) == 12
        assert lines[-1] == "and 4 more (--format json has all)"

    def test_the_run_of_a_pipeline(self, stack: Stack) -> None:
        """An apply in CI is kept with the address of its run."""
        stack.environment |= {
            "GITHUB_RUN_ID": "42",
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_REPOSITORY": "acme/sms",
        }
        stack.write(LISTS)
        stack.apply()
        assert runs(stack)[0]["ci_run"] == "https://github.example/acme/sms/actions/runs/42"
        assert "https://github.example/acme/sms/actions/runs/42" in shown(stack)

    def test_while_somebody_applies(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        """The history can be read while an apply goes on: it shows what has ended."""
        stack.write(world())
        stack.apply()
        stack.write(world(**CHANGED))
        seen: list[list[dict[str, Any]]] = []
        on_call(stack, monkeypatch, lambda method: seen.append(_elsewhere(lambda: runs(stack))))
        stack.apply()
        assert seen
        assert all([run["serial"] for run in found] == [1] for found in seen)
        assert [run["serial"] for run in runs(stack)] == [2, 1]

    def test_a_damaged_history(self, stack: Stack) -> None:
        """A history that makes no sense is an error that says which record."""
        stack.write(LISTS)
        stack.apply()
        with (stack.root / ".smsops" / "state.json.history").open("ab") as file:
            file.write(b"nonsense\n")
        result = stack.run("history")
        assert result.exit_code == 1
        assert "error SMS402: The history" in result.stderr
        assert "record 1" in result.stderr


def on_call(stack: Stack, monkeypatch: pytest.MonkeyPatch, act: Callable[[str], object]) -> None:
    """Do something before the sandbox answers its next call that changes anything."""
    answer = stack.sandbox.answer
    acted: list[str] = []

    def answering(method: str, form: dict[str, str]) -> Any:
        if not method.startswith("get") and not acted:
            acted.append(method)
            act(method)
        return answer(method, form)

    monkeypatch.setattr(stack.sandbox, "answer", answering)


def interrupt(times: int) -> None:
    """Press Ctrl-C so many times."""
    for _ in range(times):
        os.kill(os.getpid(), signal.SIGINT)


def _elsewhere(look: Callable[[], Any]) -> Any:
    """What a look of somebody else finds, in the middle of ours."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(look()))
    thread.start()
    thread.join()
    return found[0]


class TestHowItEnded:
    def test_failures(self, stack: Stack) -> None:
        """An apply of which something failed is incomplete, and says what was done, failed and skipped."""
        stack.write(world())
        refuse(stack, "populateList")
        incomplete(stack, code=3)
        (run,) = runs(stack)
        assert (run["outcome"], run["exit_code"]) == ("incomplete", 3)
        found = operations(run)
        assert (found["list.vip"], found["contacts.vip"], found["campaign.hello"]) == ("done", "failed", "skipped")
        assert {"+ list.vip", "+ contacts.vip (failed)", "+ campaign.hello (skipped)"} <= set(shown(stack))

    @pytest.mark.parametrize(("sections", "method"), [(SEND, "sendSms"), (MOVE, "manageSubAccountCredits")])
    def test_in_doubt(self, stack: Stack, sections: dict[str, Any], method: str) -> None:
        """An apply that leaves a call in doubt says so, and of which resource."""
        stack.write(sections)
        stack.sandbox.fail(method, "drop_after")
        incomplete(stack, code=7)
        (run,) = runs(stack)
        assert (run["outcome"], run["exit_code"]) == ("in doubt", 7)
        (address,) = [address for address, status in operations(run).items() if status == "in_doubt"]
        assert f"+ {address} (in doubt)" in shown(stack)

    def test_interrupted(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        """After the first Ctrl-C the history says what was done and what was not begun; the next apply does the rest."""
        stack.write(LISTS)
        on_call(stack, monkeypatch, lambda method: interrupt(1))
        incomplete(stack, "--parallelism", "1", code=130)
        (run,) = runs(stack)
        assert (run["outcome"], run["exit_code"]) == ("interrupted", 130)
        assert set(operations(run).values()) == {"done", "not_started"}
        done = {address for address, status in operations(run).items() if status == "done"}
        assert done == set(stack.state["resources"])
        assert any(line.endswith("(not started)") for line in shown(stack))
        stack.apply()
        assert endings(stack) == [("apply", "interrupted"), ("apply", "done")]
        assert set(operations(runs(stack)[0])) == {f"list.{name}" for name in LISTS["lists"]} - done

    def test_stopped_at_once(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        """After the second Ctrl-C the history names what may have happened, and it is not done again."""
        stack.write(SEND)
        stack.apply("--target", "contacts.vip")
        stack.sandbox.fail("sendSms", "hang_after")
        on_call(stack, monkeypatch, lambda method: interrupt(2))
        incomplete(stack, code=130)
        run = runs(stack)[0]
        assert (run["outcome"], run["recorded"]) == ("interrupted", ["campaign.hello"])
        assert "recorded: campaign.hello" in shown(stack)
        stack.apply()
        assert len(stack.sandbox.campaigns()) == 1
        assert endings(stack)[-1] == ("apply", "doubts settled by evidence")

    @pytest.mark.parametrize("written", [True, False], ids=["behind", "before"])
    def test_killed(self, stack: Stack, written: bool) -> None:
        """A run that was killed is noted by the next one that holds the state, with what it recorded."""
        stack.write(world())
        with contextlib.suppress(Killed), killed_at_event(3, written=written):
            stack.run("apply", "--auto-approve", "--parallelism", "1")
        owned = stack.run("state", "list").stdout.split()
        assert stack.run("history", "--format", "json").document["runs"] == []
        stack.plan()
        assert stack.run("history", "--format", "json").document["runs"] == []
        stack.apply()
        assert endings(stack) == [("apply", "died"), ("apply", "done")]
        run = runs(stack)[1]
        assert set(owned) <= set(run["recorded"])
        assert {f"recorded: {address}" for address in run["recorded"]} <= set(shown(stack))
        assert "exit_code" not in run

    def test_killed_again_and_again(self, stack: Stack) -> None:
        """Each run that was killed is noted once, however many there were and whoever finds it."""
        stack.write(world())
        for number in (1, 2, 3):
            with contextlib.suppress(Killed), killed_at_event(number, written=True):
                stack.run("apply", "--auto-approve", "--parallelism", "1")
        assert stack.run("state", "rm", "list.vip").exit_code == 0
        assert endings(stack) == [*[("apply", "died")] * 3, ("state rm", "done")]
        assert [run["serial"] for run in runs(stack)] == [4, 3, 2, 1]


class TestOtherCommands:
    def test_rm_and_mv(self, stack: Stack) -> None:
        """Whoever mends the state is in the history, with every address that it was about."""
        stack.write({"lists": {"vip": {}, "staff": {}}})
        stack.apply()
        stack.run("state", "mv", "list.staff", "list.crew")
        stack.run("state", "rm", "list.vip")
        removed, moved, _ = runs(stack)
        assert (removed["command"], removed["outcome"], removed["recorded"]) == ("state rm", "done", ["list.vip"])
        assert (moved["command"], moved["recorded"]) == ("state mv", ["list.staff", "list.crew"])
        assert shown(stack)[:2] == ["state rm: done", "recorded: list.vip"]

    @pytest.mark.parametrize("answer", ["--happened", "--did-not-happen"])
    @pytest.mark.parametrize(
        ("sections", "method", "address"),
        [(SEND, "sendSms", "campaign.hello"), (MOVE, "manageSubAccountCredits", "paris/credits")],
        ids=["sending", "credits"],
    )
    def test_resolve(self, stack: Stack, sections: dict[str, Any], method: str, address: str, answer: str) -> None:
        """Whoever says how a call ended is in the history, with the resource that it was about, whatever they say."""
        stack.write(sections)
        stack.sandbox.fail(method, "drop_before" if answer == "--did-not-happen" else "drop_after")
        incomplete(stack, code=7)
        assert stack.run("resolve", address, answer).exit_code == 0
        run = runs(stack)[0]
        assert (run["command"], run["outcome"]) == ("resolve", "done")
        (settled,) = run["settled"]
        assert (settled["address"], settled["method"]) == (address, method)
        assert settled["happened"] is (answer == "--happened")
        words = "happened" if settled["happened"] else "did not happen"
        assert f"{method} for {address} {words}" in shown(stack)
        assert stack.run("resolve", address, answer).exit_code == 1
        assert endings(stack) == [("apply", "in doubt"), ("resolve", "done")]

    def test_an_id_that_is_found_later(self, stack: Stack) -> None:
        """A campaign's id that is told afterwards is in the history too."""
        stack.write(SEND)
        stack.sandbox.fail("sendSms", "drop_after")
        incomplete(stack, code=7)
        assert stack.run("resolve", "campaign.hello", "--happened").exit_code == 0
        (live,) = stack.sandbox.campaigns()
        assert stack.run("resolve", "campaign.hello", "--happened", "--campaign-id", live["id"]).exit_code == 0
        told, resolved, _ = runs(stack)
        assert [item["address"] for run in (told, resolved) for item in run["settled"]] == ["campaign.hello"] * 2
        assert told["settled"][0]["campaign_id"] == live["id"]

    @pytest.mark.parametrize("kind", ["drop_after", "drop_before"], ids=["happened", "did not happen"])
    def test_doubts_settled_by_evidence(self, stack: Stack, kind: str) -> None:
        """What the account has shown of a call in doubt is a run of its own, and names the resource."""
        stack.write(MOVE)
        stack.sandbox.fail("manageSubAccountCredits", kind)
        incomplete(stack, code=7)
        stack.clock += SETTLE_TIME
        stack.apply()
        evidence = runs(stack)[-2]
        assert (evidence["command"], evidence["outcome"]) == ("apply", "doubts settled by evidence")
        (settled,) = evidence["settled"]
        assert (settled["address"], settled["happened"]) == ("paris/credits", kind == "drop_after")
        assert "balance" in settled["evidence"]
        done = [("apply", "done")] if kind == "drop_before" else []
        assert endings(stack) == [("apply", "in doubt"), ("apply", "doubts settled by evidence"), *done]


class TestCommits:
    def git(self, stack: Stack, *arguments: str) -> str:
        who = ("-c", "user.name=Zoe", "-c", "user.email=zoe@acme.example", "-c", "init.defaultBranch=main")
        command = ["git", "-C", str(stack.root), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    @pytest.fixture
    def committed(self, stack: Stack) -> Stack:
        """A stack in a repository, its files committed, its state ignored."""
        stack.write(LISTS)
        stack.write(".smsops/\n", ".gitignore")
        self.git(stack, "init")
        self.git(stack, "add", ".")
        self.git(stack, "commit", "-m", "Lists")
        return stack

    def test_a_commit(self, committed: Stack) -> None:
        """An apply is kept with the commit that it was made from, and each with its own."""
        commits: list[str] = []
        for number in range(2):
            committed.write({"lists": {f"l{number}": {}}})
            self.git(committed, "commit", "-am", f"List {number}")
            committed.apply()
            commits.insert(0, self.git(committed, "rev-parse", "HEAD"))
        assert [(run["git"]["commit"], run["git"]["dirty"]) for run in runs(committed)] == [
            (commit, False) for commit in commits
        ]
        assert f"commit {commits[0][:10]}" in shown(committed)

    def test_changes_beside_a_commit(self, committed: Stack) -> None:
        """What was applied with changes that nobody committed is said to be so."""
        committed.write({"lists": {"other": {}}})
        committed.apply()
        assert runs(committed)[0]["git"]["dirty"] is True
        assert f"commit {self.git(committed, 'rev-parse', 'HEAD')[:10]} with changes beside it" in shown(committed)

    def test_a_file_that_nobody_committed(self, committed: Stack) -> None:
        """A file of the configuration that git does not know is a change beside the commit too."""
        committed.write({"include": ["more.yaml"]})
        self.git(committed, "commit", "-am", "Include more")
        committed.write({"lists": {"other": {}}}, "more.yaml")
        committed.apply()
        assert runs(committed)[0]["git"]["dirty"] is True

    def test_the_state_is_no_change(self, committed: Stack) -> None:
        """What smsops itself writes beside the stack does not make a commit look changed, ignored or not."""
        self.git(committed, "rm", "-q", ".gitignore")
        self.git(committed, "commit", "-m", "Nothing is ignored")
        committed.apply()
        committed.write({"lists": {}})
        self.git(committed, "commit", "-am", "No lists")
        committed.apply()
        assert [run["git"]["dirty"] for run in runs(committed)] == [False, False]

    def test_a_run_that_died(self, committed: Stack) -> None:
        """A run that was killed is kept with the commit that it was made from, not with that of whoever finds it."""
        died = self.git(committed, "rev-parse", "HEAD")
        with contextlib.suppress(Killed), killed_at_event(2, written=True):
            committed.run("apply", "--auto-approve", "--parallelism", "1")
        self.git(committed, "commit", "--allow-empty", "-m", "Another")
        committed.apply()
        found = {run["outcome"]: run["git"]["commit"] for run in runs(committed)}
        assert found == {"died": died, "done": self.git(committed, "rev-parse", "HEAD")}
