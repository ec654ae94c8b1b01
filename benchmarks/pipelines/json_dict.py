"""json, csv and a dict: what Python has by itself, with the garbage collector off."""

from __future__ import annotations

import csv
import gc
import json
from operator import itemgetter
from pathlib import Path

from benchmarks.pipelines.columns import LIVE_KEYS
from benchmarks.pipelines.outcome import Batches, as_contact, batches, run
from benchmarks.pipelines.phones import digits


def pipeline(source: Path, live: Path) -> Batches:
    """The contacts to send."""
    gc.disable()  # nothing here is a cycle, and it would look at every contact again and again
    values_of = itemgetter(*LIVE_KEYS[1:])
    known = {contact["MobilePhone"]: values_of(contact) for contact in json.loads(live.read_bytes())["Contacts"]}
    added, changed = [], []
    with source.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        for written, *values in reader:
            phone = digits(written)
            there = known.pop(phone, None)
            if there is None:
                added.append(as_contact((phone, *values)))
            elif there != tuple(values):
                changed.append(as_contact((phone, *values)))
    return batches(added, changed, known)


if __name__ == "__main__":
    run(pipeline)
