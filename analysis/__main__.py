"""`python -m analysis` lists the commands, `python -m analysis NAME` runs one."""

import sys

from analysis.frame.command import COMMANDS, FORMER, start, summary


def main() -> int:
    """Run the command that is named first, or list all."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in COMMANDS or name in FORMER:
        return start(name, arguments)
    if name in ("-h", "--help"):
        print("python -m analysis NAME [OPTIONS]; --help after a name lists its options.\n")
        for known in COMMANDS:
            print(f"{known:<14}{summary(known)}")
        return 0
    print(f"analysis: There is no command {name}; expected one of {', '.join(COMMANDS)}.",
          file=sys.stderr)  # fmt: skip
    return 2


if __name__ == "__main__":
    sys.exit(main())
