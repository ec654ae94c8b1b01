"""smsops itself, the plan's own work and nothing around it: what is measured against the reference pipelines."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.pipelines.outcome import Batches, run

NOT_YET = 75
"""Exit code while there is nothing to measure."""


# ------------------------------------------------------------------------------------------
# TO BE FILLED IN by whoever writes the entry point of the product.
# ------------------------------------------------------------------------------------------
def product_pipeline(csv_path: Path, json_path: Path) -> Batches:
    """From the bytes of a CSV and of an answer of getContacts to the batches that apply would send.

    The CSV has the columns of `columns.COLUMNS`, the answer the keys of `columns.LIVE_KEYS`; the list's membership is
    exact. The answer is to be read as it would come from the network: in blocks, once, from the first byte to the last.
    `outcome.batches` makes the result of added rows, changed rows and removed phones; `Batches` may as well be made of
    what the product has. `python -m benchmarks.contacts` compares it with what the other pipelines find.
    """
    raise NotImplementedError


def main() -> None:
    """The program, like those of the reference pipelines."""
    try:
        run(product_pipeline)
    except NotImplementedError:
        sys.exit(NOT_YET)


if __name__ == "__main__":
    main()
