"""`python -m jobc` is the `jobc` command."""

from jobc.cli.main import entry

if __name__ == "__main__":
    entry()
