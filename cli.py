"""Launcher for a checkout: `python cli.py ...` is the installed `humandata ...`."""

from humandata.cli import app

if __name__ == "__main__":
    app()
