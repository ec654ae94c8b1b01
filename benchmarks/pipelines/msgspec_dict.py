"""msgspec and a dict: the answer is decoded in blocks as it arrives; the live side is kept as key and hash."""

from __future__ import annotations

import csv
import gc
from pathlib import Path

import msgspec

from benchmarks.pipelines.body import arrays
from benchmarks.pipelines.outcome import Batches, as_contact, batches, run
from benchmarks.pipelines.phones import digits

BLOCK = 1 << 20


class Contact(msgspec.Struct):
    """A contact as the API prints it."""

    MobilePhone: str
    Firstname: str
    Lastname: str
    City: str
    Shop: str


def pipeline(source: Path, live: Path) -> Batches:
    """The contacts to send."""
    gc.disable()  # nothing here is a cycle, and it would look at every contact again and again
    decoder = msgspec.json.Decoder(list[Contact])
    known: dict[int, int] = {}
    for array in arrays(live, BLOCK):
        for contact in decoder.decode(array):
            phone, *values = msgspec.structs.astuple(contact)
            known[int(phone)] = hash(tuple(values))
    added, changed = [], []
    with source.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        for written, *values in reader:
            phone = digits(written)
            fingerprint = known.pop(int(phone), None)
            if fingerprint is None:
                added.append(as_contact((phone, *values)))
            elif fingerprint != hash(tuple(values)):
                changed.append(as_contact((phone, *values)))
    return batches(added, changed, map(str, known))


if __name__ == "__main__":
    run(pipeline)
