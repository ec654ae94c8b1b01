"""The process: `smsops …` and `python -m smsops …`."""

import sys


def main() -> None:
    """Run smsops. `--version` answers before anything is imported."""
    if sys.argv[1:] == ["--version"]:
        from smsops import __version__

        sys.stdout.write(f"smsops {__version__}\n")
        return
    try:
        _run()
    except KeyboardInterrupt:  # while what runs a command was imported
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)


def _run() -> None:
    from smsops import garbage

    garbage.little_expected()
    import contextlib
    import os
    import signal

    from smsops.cli.main import run

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends a run as Ctrl-C does
    code = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed, or nobody reads it any more
            stream.flush()
    # Everything durable is durable by now. Taking a million values apart, as sys.exit would, takes as long as making them.
    os._exit(code)


if __name__ == "__main__":
    main()
