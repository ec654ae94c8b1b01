"""The process: `smsops …` and `python -m smsops …`."""

import sys


def main() -> None:
    """Run smsops. `--version` answers before anything is imported."""
    if sys.argv[1:] == ["--version"]:
        from smsops import __version__

        sys.stdout.write(f"smsops {__version__}\n")
        return
    import signal

    from smsops.cli.main import run

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends a run as Ctrl-C does
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
