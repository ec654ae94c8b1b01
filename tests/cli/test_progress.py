"""What is shown while a long operation goes on, by a clock that stands still unless it is moved."""

import io
import json

import pytest
from rich.console import Console

from smsops.cli.views.progress import BarReporter, EventReporter, LineReporter
from smsops.edge.meter import Meter
from smsops.model.address import Address
from smsops.model.outcome import Progress
from smsops.model.plan import UPDATE, Change, Operation
from tests.harness import Stack

OPERATION = Operation(Change(Address(None, "contacts", "vip"), UPDATE, "configuration_changed"))
HALFWAY = Progress(20_000, 100_000, "contacts", 1250.0, 64.0)


class Clock:
    """Time that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_pace_and_time_left() -> None:
    """The pace is that of the steps between what was told; nothing is guessed from a single one."""
    clock = Clock()
    meter = Meter(clock)

    clock.now = 100  # what came before the first step was something else
    assert meter.progress(2_000, 10_000, "contacts") == Progress(2_000, 10_000, "contacts")
    clock.now = 102
    assert meter.progress(4_000, 10_000, "contacts") == Progress(4_000, 10_000, "contacts", 1000.0, 6.0)
    clock.now = 104
    assert meter.progress(10_000, 10_000, "contacts") == Progress(10_000, 10_000, "contacts", 2000.0, 0.0)


def test_pace_follows_changes() -> None:
    """A server that becomes slower is noticed: old steps no longer count."""
    clock = Clock()
    meter = Meter(clock)
    progress = Progress(0, 0, "")
    for step in range(60):
        clock.now += 1 if step < 30 else 10
        progress = meter.progress(step * 2_000, 200_000, "contacts")

    assert progress.per_second == pytest.approx(200)
    assert progress.seconds_left == pytest.approx((200_000 - 59 * 2_000) / 200)


def test_no_time_has_passed() -> None:
    """Steps at one moment have no pace, and nothing is divided by nothing."""
    meter = Meter(Clock())
    meter.progress(0, 10, "contacts")

    assert meter.progress(5, 10, "contacts") == Progress(5, 10, "contacts")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.2, "1 s left"), (59.5, "1 min 00 s left"), (64, "1 min 04 s left"), (3661, "1 h 01 min left")],
)
def test_plain_lines(seconds: float, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Away from a terminal there is a line every ten thousand contacts, on stderr."""
    reporter = LineReporter(color=False)
    for done in (2_000, 10_000, 12_000, 20_000):
        reporter.progressed(OPERATION, HALFWAY._replace(done=done, seconds_left=seconds))

    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"contacts.vip: {done} of 100,000 contacts, 1,250 a second, {shown}..." for done in ("10,000", "20,000")
    ]


def test_plain_lines_before_the_pace_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a pace there is only how much is done."""
    LineReporter(color=False).progressed(OPERATION, Progress(10_000, 100_000, "contacts"))

    assert capsys.readouterr().err == "contacts.vip: 10,000 of 100,000 contacts...\n"


def test_bar() -> None:
    """On a terminal the running operation stands before the bar, with its pace."""
    reporter = BarReporter(1, color=False)
    reporter.started(OPERATION)
    reporter.progressed(OPERATION, HALFWAY)
    shown = io.StringIO()
    Console(file=shown, width=200).print(reporter.progress.get_renderable())

    assert "contacts.vip: 20,000 of 100,000 contacts, 1,250 a second, 1 min 04 s left" in shown.getvalue()


def test_events(capsys: pytest.CaptureFixture[str]) -> None:
    """Programs get the numbers; what is not known is null."""
    reporter = EventReporter()
    reporter.progressed(OPERATION, HALFWAY)
    reporter.progressed(OPERATION, Progress(2_000, 100_000, "contacts"))

    known, unknown = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (known["type"], known["done"], known["total"], known["unit"]) == (
        "operation_progress",
        20_000,
        100_000,
        "contacts",
    )
    assert (known["per_second"], known["seconds_left"]) == (1250.0, 64.0)
    assert (unknown["per_second"], unknown["seconds_left"]) == (None, None)


def test_a_long_apply_tells_its_pace(stack: Stack) -> None:
    """From the second batch of contacts on an apply says how many a second it does."""
    rows = "\n".join(f"3361{number:07}" for number in range(6_000))
    (stack.root / "vip.csv").write_text(f"phone\n{rows}\n")
    stack.write({"lists": {"vip": {"contacts": [{"file": "vip.csv"}]}}})

    events = [event for event in stack.apply("--format", "json").events if event["type"] == "operation_progress"]

    assert [event["done"] for event in events] == [2_000, 4_000, 6_000]
    assert events[0]["per_second"] is None
    assert all(event["per_second"] > 0 and event["seconds_left"] >= 0 for event in events[1:])
