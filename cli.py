"""Launcher for a checkout: `python cli.py ...` is the installed `humandata ...`."""

from humandata.__main__ import main

if __name__ == "__main__":
    main()
