"""One seed's story: a stack is applied and edited in bad weather, and its user recovers as a careful person would."""

from __future__ import annotations

import gc
import json
import subprocess
import tempfile
import traceback
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from tests.harness import API_KEY, LOGIN, Result
from tests.kinds.contract import phone
from tests.properties.stacks import FOREIGN
from tests.simulation.author import PEOPLE, Author
from tests.simulation.oracle import Oracle, Violation, demand, mutating, said
from tests.simulation.stage import DIED, Stage, staged
from tests.simulation.wire import ONCE, Deed, Weather

_PATIENCE = 12
"""After so many runs in calm weather it should be done."""

_SETTLE_TIME = 15 * 60


@dataclass
class Outcome:
    """How a story ended: what was told, what was counted, and what did not hold."""

    seed: int
    told: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    violation: str | None = None


def tell(seed: int) -> Outcome:
    """Play one seed from beginning to end. The same seed always makes the same story."""
    with tempfile.TemporaryDirectory() as directory, _without_programs():
        random = Random(seed)
        remote, large = random.random() < 0.12, random.random() < 0.008
        with staged(Path(directory) / "stack", seed, remote=remote) as stage:
            outcome = Outcome(seed, stage.told, stage.counts)
            try:
                _Story(stage, random, large=large).play()
            except Violation as violation:
                outcome.violation = str(violation)
                stage.say(f"VIOLATION {violation}")
            except Exception as error:
                place = traceback.extract_tb(error.__traceback__)[-1]
                outcome.violation = f"I9: {type(error).__name__}: {error} in {place.name}, line {place.lineno}"
                stage.say(f"VIOLATION {outcome.violation}")
            return outcome


def settle_memory() -> None:
    """What is loaded stays: looking through it again and again takes a tenth of the time."""
    gc.freeze()
    gc.set_threshold(100_000)


def _without_programs() -> AbstractContextManager[object]:
    """Git is not there to be asked for a commit: starting it would take as long as the rest of a run."""
    return patch.object(subprocess, "run", side_effect=FileNotFoundError)


class _Story:
    def __init__(self, stage: Stage, random: Random, *, large: bool) -> None:
        self.stage = stage
        self.random = random
        self._people_the_account()
        self.author = Author(random, stage.now, large=large)
        self.oracle = Oracle(stage, self.author)

    def _people_the_account(self) -> None:
        """Others have a sub-account, lists and a campaign there too."""
        sandbox = self.stage.sandbox
        key = sandbox.add_sub_account(LOGIN, FOREIGN, credits=777, city="Nantes")
        for login in (LOGIN, FOREIGN):
            sandbox.add_list(login, FOREIGN, ["NAME"], [{"phone": phone(n), "NAME": "Ada"} for n in range(3)])
        sandbox.blacklist(LOGIN, phone(5))
        sms = [{"MOBILEPHONE": phone(0)}]
        data = {"MESSAGE": "Theirs", "DATE": "2028-01-05 10:00:00", "DYNAMIC": "0", "SMS": sms}
        sandbox.answer("sendSms", {"login": FOREIGN, "apiKey": key, "smsData": json.dumps({"DATA": data})})

    def play(self) -> None:
        for edit in range(2 if self.author.large else self.random.choice((2, 2, 3, 3))):
            said = self.author.edit() if edit else self.author.said
            for line in said:
                self.stage.say(f"edit {edit}: {line}")
            self._write()
            self.oracle.edited()
            self._until_done("apply")
            self._others_act()
        if self.random.random() < 0.1:
            self._destroy()

    def _write(self) -> None:
        for name, content in self.author.files().items():
            (self.stage.root / name).write_text(content, "utf-8")
        self.stage.write(self.author.sections())

    def _destroy(self) -> None:
        self.author.subs, self.author.moved = [], []
        self.author.master.lists, self.author.master.campaigns = [], []
        self.oracle.edited()
        self._until_done("destroy")
        for entry in self.stage.look().entries.values():
            lost = self.oracle.is_lost(entry.attributes.get("message"))
            demand(lost, "I4", f"{entry.address} is owned after a destroy")

    # -- one edit ---------------------------------------------------------------------------

    def _until_done(self, command: str) -> None:
        """Apply in bad weather as often as the seed wants, then until it is done."""
        bad = self.random.choice((1, 1, 1, 2, 2, 3))
        for attempt in range(bad + _PATIENCE):
            calm = attempt >= bad
            result = self._run(command, Weather() if calm else Weather.draw(self.random))
            look = ("plan", "--format", "json", *(["--destroy"] if command == "destroy" else []))
            if result.exit_code != 0 and not (self._cannot(result) and self.oracle.only_lost(self.stage.run(*look))):
                self._recover(result, calm=calm)
                continue
            self.oracle.after_success()
            self.stage.calls()
            plan = self.stage.run(*look)
            if self._date_went_by(plan):
                continue
            self.oracle.after_plan(plan)
            self.oracle.applied()
            self.stage.calls()
            return
        raise Violation(f"I4: not done after {_PATIENCE} runs: {result.exit_code} {said(result)}")

    def _cannot(self, result: Result) -> bool:
        """A campaign whose id is lost is to change or to go."""
        return result.exit_code == 3 and "SMS247" in result.stdout + result.stderr

    def _date_went_by(self, plan: Result) -> bool:
        """A campaign that had nobody to go to is missed when its date comes, even between apply and plan."""
        return plan.exit_code == 1 and self._missed(plan)

    def _run(self, command: str, weather: Weather) -> Result:
        saved = self.random.random() < 0.15 and command == "apply"
        options = ["--parallelism", self.random.choice(("1", "3", "8"))]
        options += ["--format", "json"] if saved or self.random.random() < 0.3 else []
        document = None
        if saved:
            document = self._save_plan()
            options = ["saved.smsplan", *options]
        else:
            options = ["--auto-approve", *options]
        doubts = self._doubts()
        self.stage.calls()
        result = self.stage.run(command, *options, weather=weather)
        calls = [call.method for call in self.stage.calls()]
        self.stage.counts["calls"] += len(calls)
        if result.exit_code in (4, 5, 6):
            demand(not mutating(calls), "I3", f"refused with {result.exit_code}, and called {mutating(calls)}")
        if document is not None and result.exit_code in (0, 3, 7):
            self._did_only(document, result)
        self.oracle.after_run(result)
        self._count_evidence(doubts)
        return result

    def _save_plan(self) -> Any:
        """Review a plan; now and then something changes before it is applied."""
        plan = self.stage.run("plan", "-o", "saved.smsplan", "--format", "json")
        self.oracle.after_run(plan)
        if self.random.random() < 0.3:
            self._others_act()
            self.oracle.edited()
        return plan.document if (self.stage.root / "saved.smsplan").exists() else None

    def _did_only(self, document: Any, result: Result) -> None:
        """Only what was reviewed was done. What has nothing left to do, as when everybody said STOP, is part of it."""
        reviewed = {operation["id"] for operation in document["operations"]}
        addresses = {operation["address"] for operation in document["operations"]}
        extra = [
            event
            for event in result.events
            if event["type"] in ("operation_done", "operation_failed", "operation_in_doubt")
            and event["id"] not in reviewed
            and not (event["address"] in addresses and event["calls"] == 0)
        ]
        demand(not extra, "I3", f"{len(extra)} operations were not in the plan")

    def _doubts(self) -> dict[str, Any]:
        return (
            dict(self.stage.look().intents)
            if '"intend"' in (kept := self.stage.kept()) or '"intents": [\n' in kept
            else {}
        )

    def _count_evidence(self, before: dict[str, Any]) -> None:
        after = self._doubts()
        self.stage.counts["doubts"] += len(after.keys() - before.keys())
        self.stage.counts["doubts settled by evidence"] += len(before.keys() - after.keys())

    # -- recovering -------------------------------------------------------------------------

    def _recover(self, result: Result, *, calm: bool) -> None:
        """What the user does after a run that was not the last one."""
        if result.exit_code == 7 or result.exit_code == DIED:
            if self.random.random() < 0.15:
                self._others_act()
            wish = self.random.random()
            if wish < 0.25:
                self.stage.say("wait until it must have settled")
                self.stage.pause(_SETTLE_TIME + 60)
            elif wish < 0.85 or calm:
                self._resolve()
        elif result.exit_code == 4:
            self._grant_more()
        elif result.exit_code in (1, 3) and self._missed(result):
            self._reschedule()
        elif calm and result.exit_code == 1:
            raise Violation(f"I9: an error in calm weather: {said(result)}")

    def _missed(self, result: Result) -> bool:
        return "SMS241" in result.stdout + result.stderr

    def _grant_more(self) -> None:
        for sub in self.author.subs:
            if sub.campaigns:
                grants = (sub.credits or {}).get("grants", {})
                sub.credits = {"grants": {**grants, f"extra-{self.author.next_number()}": 9000}}
        self.stage.say("fix: grant more")
        self._write()

    def _reschedule(self) -> None:
        for _, campaign in self.author.campaigns():
            if campaign.schedule <= self.stage.now() + timedelta(hours=1):
                campaign.schedule = self.stage.now().replace(second=0, microsecond=0) + timedelta(days=6)
        self.stage.say("fix: later dates")
        self._write()

    def _resolve(self) -> None:
        """Look at the account, and say of each call in doubt whether it happened."""
        plan = self.stage.run("plan", "--format", "json")
        self.oracle.after_run(plan)
        for intent in plan.document["in_doubt"]:
            deed = self._deed(intent)
            answer = ["--happened"] if deed else ["--did-not-happen"]
            if deed is not None and deed.campaign_id and self.random.random() < 0.7:
                answer += ["--campaign-id", deed.campaign_id]
            weather = Weather.at_resolving(self.random)
            result = self.stage.run("resolve", intent["address"], *answer, weather=weather)
            demand(result.exit_code in (0, DIED), "I1", f"resolve ends with {result.exit_code}: {said(result)}")
            self.stage.counts["doubts settled by a person"] += 1
            self.oracle.after_run(result)

    def _deed(self, intent: Any) -> Deed | None:
        """What really became of a call in doubt."""
        assert intent["method"] in ONCE, intent["method"]
        facts, since = intent["facts"], datetime.fromisoformat(intent["since"])
        for deed in self.stage.witness.deeds:
            if deed.method != intent["method"] or deed.when < since:
                continue
            if deed.method == "sendSms" and deed.marker == facts["marker"]:
                return deed
            if deed.method != "sendSms" and (deed.login, deed.credits) == (facts["login"], facts["credits"]):
                return deed
        return None

    # -- others -----------------------------------------------------------------------------

    def _others_act(self) -> None:
        """Time passes, and others spend credits, add contacts, and do not want any more messages."""
        live = self.stage.sandbox.snapshot()
        for _ in range(self.random.choice((0, 1, 1, 2))):
            account = self.random.choice(self.author.accounts)
            if account.login not in live["accounts"]:
                continue
            match self.random.randrange(5):
                case 0 if live["accounts"][account.login]["credits"] > 2000:
                    amount = self.random.choice((13, 37, 711))
                    self.stage.sandbox.use_credits(account.login, amount)
                    self.oracle.others_did(used=(account, amount))
                    self.stage.say(f"others use {amount} credits of {account.login}")
                case 1 if account.lists:
                    self._add_contact(account.login, self.random.choice(account.lists).remote_name)
                case 2:
                    self.stage.sandbox.blacklist(account.login, phone(self.random.randrange(PEOPLE)))
                    self.oracle.others_did()
                    self.stage.say(f"somebody says STOP to {account.login}")
                case _:
                    hours = self.random.choice((1, 5, 30, 24 * 6, 24 * 12))
                    self.stage.pause(hours * 3600)
                    self.oracle.others_did()
                    self.stage.say(f"{hours} hours go by")

    def _add_contact(self, login: str, name: str) -> None:
        data = {"LISTNAME": name, "CONTACT": [{"MOBILEPHONE": phone(self.random.randrange(PEOPLE)), "NAME": "Own"}]}
        if login != LOGIN:
            data["SUBACCOUNT"] = login
        self.stage.sandbox.answer(
            "populateList", {"login": LOGIN, "apiKey": API_KEY, "populateData": json.dumps({"DATA": data})}
        )
        self.oracle.others_did()
        self.stage.say(f"others add a contact to {name} of {login}")
