"""The command `llmlab`, also `python -m llmlab`."""

import sys

from llmlab.command import main

if __name__ == "__main__":
    sys.exit(main())
