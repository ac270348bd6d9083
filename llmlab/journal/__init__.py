"""The learner's own: predictions, the scoreboard, hints used.

    from llmlab import journal

    journal.open("quantization")                    # once, at the top of a notebook
    journal.predict("speed-up", 3, unit="×")         # None in place of 3 stops once
    journal.predict("loss", "b", unit="%", choices={"A": 1, "B": 10})
    journal.measured("speed-up", 2.1, unit="×")      # stands beside the guess
    journal.skip()                                  # lets open guesses pass
    journal.scoreboard.add(lab, name, model, quality, latency, size)
    journal.scoreboard.rows()

All of it stands in one SQLite file, journal.db, in LLMLAB_HOME (without it: in the
folder .llmlab beside the notebook). A guess replaces the older one of the same lab,
name and model; a row of the scoreboard that of the same machine besides. What a call
has returned from is on disk: several notebooks may write at once, and a kernel that is
killed takes nothing with it.
"""

from llmlab.core import faces
from llmlab.journal import hints, predictions, scoreboard
from llmlab.journal.hints import hint_used
from llmlab.journal.lab import open
from llmlab.journal.predictions import measured, predict, skip
from llmlab.journal.store import JournalError

__all__ = ["JournalError", "hint_used", "hints", "measured", "open", "predict"]
__all__ += ["predictions", "scoreboard", "skip"]

__getattr__, __dir__ = faces.of(__name__, __all__)
