"""The `encryption:` section: with its key a stack works as before, and without it nobody reads anything."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

import pytest

from tests.engine.world import CHANGED, Killed, assert_world, incomplete, killed_at_event, refuse, world
from tests.harness import API_KEY, LOGIN, Stack
from tests.kinds.contract import assert_discreet, phone

KEY, NEXT, WRONG = "hunter2-the-key-of-this-year", "hunter2-the-key-of-next-year", "hunter2-a-key-of-somebody-else"
BY_ENV = {"env": "STATE_KEY"}
ROTATING = {"key": {"env": "NEXT_KEY"}, "fallback_key": BY_ENV}
COMMANDS = (
    ("plan",),
    ("apply", "--auto-approve"),
    ("destroy", "--auto-approve"),
    ("state", "list"),
    ("state", "pull"),
    ("state", "rm", "list.vip"),
    ("state", "migrate", "file:other.json"),
    ("resolve", "campaign.hello", "--happened"),
    ("history",),
)
READABLE = ("sub_account.paris", "list.vip", "apply", "lineage", LOGIN + '"', "paris")


def encrypted(sections: dict[str, Any] | None = None, **references: Any) -> dict[str, Any]:
    """A world whose state is encrypted."""
    return {**(world() if sections is None else sections), "encryption": references or {"key": BY_ENV}}


def kept(stack: Stack) -> dict[str, str]:
    """All that the stack keeps beside its configuration."""
    files = [path for path in (stack.root / ".smsops").rglob("*") if path.is_file()]
    return {path.name: path.read_text("utf-8") for path in files if not path.name.endswith(".lock")}


def assert_unreadable(stack: Stack) -> None:
    """Every line of all that is kept is encrypted."""
    files = kept(stack)
    assert files
    for name, content in files.items():
        assert not [word for word in READABLE if word in content], name
        for line in content.splitlines():
            assert json.loads(line)["algorithm"] == "AES-256-GCM", name


def assert_refused(stack: Stack, code: str, commands: tuple[tuple[str, ...], ...] = COMMANDS) -> None:
    """Every command ends with 1 and this code, tells no key, asks nothing of the account and leaves all as it is."""
    before = kept(stack)
    stack.calls()
    for command in commands:
        result = stack.run(*command)
        assert (result.exit_code, result.stdout) == (1, ""), command
        assert f"error {code}: " in result.stderr, command
        assert "hunter2" not in result.stderr, command
    assert stack.calls() == []
    assert kept(stack) == before


@pytest.fixture
def keyed(stack: Stack) -> Stack:
    """A stack with its state encrypted, applied twice."""
    stack.environment["STATE_KEY"] = KEY
    stack.write(encrypted())
    stack.apply()
    stack.write(encrypted(world(**CHANGED)))
    stack.apply()
    return stack


class TestReferences:
    @pytest.mark.parametrize("source", ["env", "file", "command"])
    def test_each_source(self, stack: Stack, source: str) -> None:
        """A key comes from the environment, a file or a command; what is kept cannot be read, and all goes on as before."""
        (stack.root / "key.txt").write_text(f"{KEY}\n", "utf-8")
        stack.environment["STATE_KEY"] = KEY
        references = {"env": "STATE_KEY", "file": "key.txt", "command": ["cat", "key.txt"]}
        stack.write(encrypted(key={source: references[source]}))
        stack.apply()
        assert_unreadable(stack)
        assert_world(stack)
        assert "list.vip" in stack.run("state", "list").stdout
        assert [run["serial"] for run in stack.run("history", "--format", "json").document["runs"]] == [1]

    def test_one_key_from_elsewhere(self, keyed: Stack) -> None:
        """Where a key comes from does not matter: the same key from a file reads what one from the environment wrote."""
        (keyed.root / "key.txt").write_text(KEY, "utf-8")
        keyed.write(encrypted(world(**CHANGED), key={"file": "key.txt"}))
        assert_world(keyed, people=5, grants=2)

    @pytest.mark.parametrize(
        "reference",
        [
            {"env": "NOT_SET"},
            {"file": "absent.txt"},
            {"file": "empty.txt"},
            {"command": ["false"]},
            {"command": ["true"]},
        ],
        ids=lambda reference: json.dumps(reference),
    )
    def test_a_reference_that_leads_nowhere(self, keyed: Stack, reference: dict[str, Any]) -> None:
        """A key that cannot be found is an error that names its reference; `validate` does not need it."""
        (keyed.root / "empty.txt").write_text("\n", "utf-8")
        keyed.write(encrypted(world(**CHANGED), key=reference))
        assert_refused(keyed, "SMS141")
        (source,) = reference.values()
        assert (source if isinstance(source, str) else source[0]) in keyed.run("plan").stderr
        assert keyed.run("validate").exit_code == 0

    def test_a_fallback_key_that_leads_nowhere(self, keyed: Stack) -> None:
        """A fallback key that is named has to be there too."""
        keyed.write(encrypted(world(**CHANGED), key=BY_ENV, fallback_key={"env": "NOT_SET"}))
        assert_refused(keyed, "SMS141")

    @pytest.mark.parametrize("key", ["é" * 9, " ", "k" * 100_000, os.fsdecode(b"\xff\xfe\x80")])
    def test_any_key(self, stack: Stack, key: str) -> None:
        """A key may be any text, and any bytes that an environment can hold."""
        stack.environment["STATE_KEY"] = key
        stack.write(encrypted({"lists": {"vip": {}}}))
        stack.apply()
        assert_unreadable(stack)
        assert stack.changes() == {}

    def test_nothing_is_told(self, keyed: Stack) -> None:
        """No command tells a key, or keeps it."""
        for command in (*COMMANDS[:1], *COMMANDS[3:5], ("state", "encrypt"), ("validate",), ("history",)):
            result = keyed.run(*command, *(["--log-level", "debug"] if command == ("plan",) else []))
            assert result.exit_code == 0
            assert "hunter2" not in result.stdout + result.stderr
        keyed.run("plan", "-o", str(keyed.root / "saved.plan"))
        assert "hunter2" not in (keyed.root / "saved.plan").read_text("utf-8")
        assert not [name for name, content in kept(keyed).items() if "hunter2" in content]


class TestWrongKeys:
    def test_another_key(self, keyed: Stack) -> None:
        """With another key every command ends, says so, and changes nothing."""
        keyed.environment["STATE_KEY"] = WRONG
        assert_refused(keyed, "SMS453", (*COMMANDS, ("state", "encrypt")))
        keyed.environment["STATE_KEY"] = KEY
        assert_world(keyed, people=5, grants=2)

    def test_no_key(self, keyed: Stack) -> None:
        """An encrypted state whose section is gone from the configuration is not taken for a damaged or a new one."""
        keyed.write(world(**CHANGED))
        assert_refused(keyed, "SMS452")

    def test_another_stack(self, keyed: Stack) -> None:
        """The state of another stack cannot be put in this one's place, even under the same key."""
        text = (keyed.root / "smsops.yaml").read_text("utf-8")
        (keyed.root / "smsops.yaml").write_text(text.replace("stack: test", "stack: other"), "utf-8")
        assert_refused(keyed, "SMS453")

    def test_something_plain_put_in_its_place(self, keyed: Stack) -> None:
        """A plain state in place of an encrypted one is refused: somebody else may have written it."""
        document = keyed.run("state", "pull").stdout
        (keyed.root / ".smsops" / "state.json").write_text(document, "utf-8")
        assert_refused(keyed, "SMS451", COMMANDS[:-1])

    def test_unlock_needs_no_key_that_fits(self, keyed: Stack) -> None:
        """A lock is not encrypted: who holds it can be seen whatever the key is."""
        keyed.environment["STATE_KEY"] = WRONG
        with keyed.store.lock("apply"):
            assert "runs 'apply'" in keyed.run("state", "unlock").stderr


class TestEncrypt:
    def test_turning_it_on(self, stack: Stack) -> None:
        """Encryption that was just turned on is refused until `state encrypt`, which leaves nothing plain behind."""
        stack.write(world())
        stack.apply()
        before, ran = stack.run("state", "pull").document, stack.run("history", "--format", "json").document
        stack.environment["STATE_KEY"] = KEY
        stack.write(encrypted())
        assert_refused(stack, "SMS451")
        assert "smsops state encrypt" in stack.run("plan").stderr
        result = stack.run("state", "encrypt")
        assert (result.exit_code, result.stdout) == (0, "")
        assert "hunter2" not in result.stderr
        assert_unreadable(stack)
        assert stack.run("state", "pull").document == before
        assert stack.run("history", "--format", "json").document == ran
        assert_world(stack)

    def test_in_the_middle_of_a_replacement(self, stack: Stack) -> None:
        """The backup of a list is encrypted along with the rest, and the next apply fills the list from it."""
        stack.write(world())
        stack.apply()
        sections = world()
        sections["lists"]["vip"]["fields"] = {"SHOP": {}, "CITY": {}}
        stack.write(sections)
        refuse(stack, "populateList")
        incomplete(stack)
        stack.sandbox.clear_faults()
        (backup,) = stack.backups
        stack.environment["STATE_KEY"] = KEY
        stack.write(encrypted(sections))
        assert stack.run("state", "encrypt").exit_code == 0
        assert_discreet(backup.read_text("utf-8"), phones=[phone(100), phone(101), phone(102)], secrets=[API_KEY])
        assert_unreadable(stack)
        stack.apply()
        assert stack.backups == []
        assert_world(stack)

    def test_behind_a_run_that_died(self, stack: Stack) -> None:
        """What a run that died has recorded in plain is folded, encrypted, and finished by the next apply."""
        stack.write(world())
        with contextlib.suppress(Killed), killed_at_event(3, written=True):
            stack.run("apply", "--auto-approve", "--parallelism", "1")
        stack.environment["STATE_KEY"] = KEY
        stack.write(encrypted())
        assert_refused(stack, "SMS451", COMMANDS[:-1])
        assert stack.run("state", "encrypt").exit_code == 0
        assert_unreadable(stack)
        stack.apply()
        assert_world(stack)
        assert_unreadable(stack)

    def test_again(self, keyed: Stack) -> None:
        """Encrypting what is encrypted already changes nothing that can be seen."""
        before = keyed.run("state", "pull").document
        assert keyed.run("state", "encrypt").exit_code == 0
        assert keyed.run("state", "pull").document == before

    def test_without_the_section(self, stack: Stack) -> None:
        """Without a key there is nothing to encrypt with, and the section is shown."""
        stack.write(world())
        stack.apply()
        assert_refused(stack, "SMS448", (("state", "encrypt"),))

    def test_without_a_state(self, stack: Stack) -> None:
        """A stack that was never applied may be encrypted: its first state will be."""
        stack.environment["STATE_KEY"] = KEY
        stack.write(encrypted())
        assert stack.run("state", "encrypt").exit_code == 0
        stack.apply()
        assert_unreadable(stack)

    def test_while_somebody_holds_it(self, keyed: Stack) -> None:
        """Nothing is encrypted anew while somebody holds the state."""
        before = kept(keyed)
        with keyed.store.lock("apply"):
            assert keyed.run("state", "encrypt").exit_code == 6
        assert kept(keyed) == before

    def test_moving(self, keyed: Stack) -> None:
        """What moves is encrypted at its new place too, and so is the note that is left at the old one."""
        assert keyed.run("state", "migrate", "file:.smsops/other.json").exit_code == 0
        assert_unreadable(keyed)
        assert "moved_to" not in kept(keyed)["state.json"]
        assert "SMS446" in keyed.run("plan").stderr
        keyed.write({**encrypted(world(**CHANGED)), "state": "file:.smsops/other.json"})
        assert_world(keyed, people=5, grants=2)


class TestRotation:
    @pytest.fixture
    def rotating(self, keyed: Stack) -> Stack:
        """The key before is the fallback key now."""
        keyed.environment["NEXT_KEY"] = NEXT
        keyed.write(encrypted(world(**CHANGED), **ROTATING))
        return keyed

    def test_the_key_before_still_reads(self, rotating: Stack) -> None:
        """With the key before as fallback_key every command works as if nothing had changed."""
        assert_world(rotating, people=5, grants=2)
        assert len(rotating.run("history", "--format", "json").document["runs"]) == 2

    def test_what_is_written_needs_the_new_key(self, rotating: Stack) -> None:
        """What is written during a rotation is under the new key; what was not touched still needs the one before."""
        rotating.write(encrypted(world(), **ROTATING))
        rotating.apply("--target", "sub_account.paris")
        rotating.write(encrypted(world(), key={"env": "NEXT_KEY"}))
        assert rotating.run("state", "list").exit_code == 0
        result = rotating.run("history")
        assert result.exit_code == 1
        assert "SMS453: history:0" in result.stderr

    def test_to_its_end(self, rotating: Stack) -> None:
        """After `state encrypt` the key before is needed no more, and reads nothing any more."""
        ran = rotating.run("history", "--format", "json").document
        assert rotating.run("state", "encrypt").exit_code == 0
        rotating.write(encrypted(world(**CHANGED), key={"env": "NEXT_KEY"}))
        del rotating.environment["STATE_KEY"]
        assert_world(rotating, people=5, grants=2)
        assert rotating.run("history", "--format", "json").document == ran
        rotating.environment["NEXT_KEY"] = KEY
        assert_refused(rotating, "SMS453")

    def test_too_early(self, rotating: Stack) -> None:
        """Who drops the key before `state encrypt` is told, and can take it back."""
        rotating.write(encrypted(world(**CHANGED), key={"env": "NEXT_KEY"}))
        assert_refused(rotating, "SMS453")
        assert "encryption.fallback_key" in rotating.run("plan").stderr
        rotating.write(encrypted(world(**CHANGED), **ROTATING))
        assert_world(rotating, people=5, grants=2)

    def test_in_the_middle_of_a_run_that_died(self, keyed: Stack) -> None:
        """A run that died under the key before is finished under the new one."""
        keyed.write(encrypted({}))
        with contextlib.suppress(Killed), killed_at_event(2, written=True):
            keyed.run("apply", "--auto-approve", "--parallelism", "1")
        assert len(keyed.journals) == 1
        keyed.environment["NEXT_KEY"] = NEXT
        keyed.write(encrypted({}, **ROTATING))
        keyed.apply()
        assert keyed.changes() == {}
        outcomes = [run["outcome"] for run in keyed.run("history", "--format", "json").document["runs"]]
        assert outcomes == ["done", "died", "done", "done"]
        assert keyed.run("state", "encrypt").exit_code == 0
        keyed.write(encrypted({}, key={"env": "NEXT_KEY"}))
        assert keyed.changes() == {}


class TestMistakes:
    """What is wrong with the section is in tests/cases/configuration; here is what else reads it."""

    @pytest.mark.parametrize(
        "text",
        [
            "encryption: hunter2",
            "encryption: [hunter2]",
            "encryption:\n  hunter2",
            "encryption:\n  - hunter2",
            "encryption: {key: hunter2}",
            "encryption: {key: hunter2",
            "encryption: {key: {value: hunter2}}",
            "encryption: {key: [hunter2], keyy: 1}",
            "encryption:\n  key: hunter2\n  fallback_key: hunter2",
            "encryption:\n  key: {env: STATE_KEY}\n  key: hunter2",
            "encryption:\n  key: >-\n    hunter2\n  fallback: {env: STATE_KEY}",
            "encryption: {kee: hunter2}",
            "encryption: {key: '${env.STATE_KEY}'}",
        ],
    )
    def test_a_literal_key(self, stack: Stack, text: str) -> None:
        """A key that stands in the file is refused by every command, and by none repeated."""
        stack.environment["STATE_KEY"] = KEY
        stack.write(f"{text}\n")
        for command in (*COMMANDS, ("validate",), ("state", "encrypt"), ("state", "unlock")):
            result = stack.run(*command)
            assert (result.exit_code, result.stdout) == (1, ""), command
            assert "smsops.yaml:" in result.stderr, command
            assert "SMS499" not in result.stderr, command
            assert "hunter2" not in result.stderr, command
        assert not (stack.root / ".smsops").exists()

    def test_not_in_an_included_file(self, stack: Stack) -> None:
        """The section stands in smsops.yaml, where every command that reads the state looks."""
        stack.environment["STATE_KEY"] = KEY
        stack.write({"include": ["more.yaml"]})
        stack.write({"encryption": {"key": BY_ENV}}, "more.yaml")
        assert stack.run("plan").exit_code == 1
