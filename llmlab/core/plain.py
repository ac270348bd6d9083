"""Exceptions that speak to a learner: one sentence, and no traceback."""


class Plain(Exception):
    """An exception that IPython shows as its message alone; it still stops the run."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()
