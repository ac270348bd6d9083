"""A plan: which operators run which layers, and how long each candidate took here.

It is measured once (`kernels.plan`), can be shown, saved and handed in again, and says
on which machine and when it was made. A file names operators of this house and holds
numbers; nothing in it is run.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from llmlab.core import atomic, machine, quantities, records
from llmlab.core.records import Record
from llmlab.kernels.correctness import ROWS
from llmlab.kernels.format import Format
from llmlab.kernels.operators import OPERATORS

VERSION = 1  # of the file
DENSE = "dense"  # stands for the format of a weight that is not quantized
LINEAR, PREPACKED = "linear", "prepacked"  # what may run such a weight
STEP = "step"  # stands for the format of a whole decoder
LAYERS, NATIVE = "layers", "native"  # what may run one: its layers, or one call


@dataclass(frozen=True)
class Form:
    """What layers have in common that the same operators fit."""

    format: str  # "int4-g32", or "dense"
    device: str  # "cpu" or "cuda"
    dtype: str
    candidates: tuple[str, ...]  # that fit by the layer's shape, right here or not

    def __str__(self) -> str:
        return f"{self.format} in {self.dtype} on {self.device}"


PASS = Form(STEP, "cpu", "fp32", (LAYERS, NATIVE))


@dataclass(frozen=True)
class Trial:
    """One form: the chosen operators, and the seconds of every candidate."""

    form: Form
    chosen: tuple[str, ...]  # one for each of ROWS
    # of a product with a weight of 1024 × 1024, for each of ROWS; wrong ones have none
    seconds: Mapping[str, tuple[float, ...]] = field(hash=False)


@dataclass(frozen=True, repr=False)
class Plan:
    """The operators that run fastest on one machine, by the form of a layer."""

    machine: str
    date: str
    batch: int  # rows at a time that matter most
    trials: tuple[Trial, ...]

    def chosen(self, form: Form) -> tuple[str, ...]:
        """Return the operators for a form; ValueError where it was not measured."""
        for trial in self.trials:
            if trial.form == form:
                return trial.chosen
        known = ", ".join(dict.fromkeys(str(trial.form) for trial in self.trials))
        raise ValueError(
            f"plan has no operators for {form} with {', '.join(form.candidates)} to "
            f"choose from (it knows {known or 'none'}); measure one for this model: "
            "kernels.plan(model)."
        )

    def records(self) -> list[Record]:
        """Return the seconds of each candidate, with form, rows and choice as details.

        They are measured if they were made on this machine, else recorded.
        """
        here = self.machine == machine.describe().label
        kind = "measured" if here else "recorded"
        return [
            records.make(
                quantities.LATENCY, seconds, kind=kind,
                subject=f"{operator}, {trial.form}, {_rows(rows)}",
                machine=self.machine, date=self.date,
                details=_details(trial, operator, rows, chosen),
            )
            for trial in self.trials
            for operator, times in trial.seconds.items()
            for rows, seconds, chosen in zip(ROWS, times, trial.chosen, strict=True)
        ]  # fmt: skip

    def save(self, path: str | Path) -> Path:
        """Write the plan as JSON, whole or not at all; return the path."""
        trials = [asdict(t.form) | _chosen_and_seconds(t) for t in self.trials]
        document = {"version": VERSION, "machine": self.machine, "date": self.date}
        document |= {"batch": self.batch, "trials": trials}
        path = Path(path).expanduser()
        atomic.write(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        return path

    @classmethod
    def load(cls, path: str | Path) -> "Plan":
        """Read what `save` wrote; ValueError, in one sentence, for anything else."""
        try:
            document = json.loads(Path(path).expanduser().read_text("utf-8"))
            if document.pop("version") != VERSION:
                raise ValueError("another llmlab wrote it")
            trials = tuple(_trial(**trial) for trial in document.pop("trials"))
            return _checked(cls(trials=trials, **document))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{path} is no plan that can be used here ({error}); make it again: "
                "kernels.plan(model).save(path)."
            ) from error

    def __repr__(self) -> str:
        lines = [f"Plan for a batch of {self.batch}, {self.machine}, {self.date}"]
        for trial in self.trials:
            by_rows = zip(trial.chosen, ROWS, strict=True)
            told = ", ".join(f"{name} ({_rows(rows)})" for name, rows in by_rows)
            lines.append(f"  {trial.form}: {told}")
        return "\n".join(lines)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _details(trial: Trial, operator: str, rows: int, chosen: str) -> dict[str, Any]:
    form = trial.form
    said = {"format": form.format, "dtype": form.dtype, "device": form.device}
    return said | {"operator": operator, "rows": rows, "chosen": operator == chosen}


def _chosen_and_seconds(trial: Trial) -> dict[str, Any]:
    return {"chosen": trial.chosen, "seconds": trial.seconds}


def _trial(*, chosen, seconds, candidates, format, device, dtype) -> Trial:
    """Make a trial of what a file says of it; ValueError for what none can be."""
    form = Form(format, device, dtype, tuple(candidates))
    apart = {DENSE: (LINEAR, PREPACKED), STEP: (LAYERS, NATIVE)}
    known = apart.get(format, tuple(OPERATORS))
    if format not in apart:
        Format.parse(format)
    machine.dtype(dtype)
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device={device!r} is not cpu or cuda")
    for name in (*form.candidates, *chosen, *seconds):
        if name not in known:
            raise ValueError(f"operator {name!r} is unknown to this llmlab")
    if len(chosen) != len(ROWS) or not set(chosen) <= set(seconds):
        raise ValueError(f"chosen={chosen!r} is not one measured operator for each row")
    if not set(seconds) <= set(form.candidates):
        raise ValueError(f"{form} has times of operators that are no candidates")
    times = {name: tuple(map(_seconds, row)) for name, row in seconds.items()}
    if any(len(row) != len(ROWS) for row in times.values()):
        raise ValueError(f"{form} has not {len(ROWS)} times for each operator")
    return Trial(form, tuple(chosen), times)


def _seconds(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < math.inf:
        raise ValueError(f"seconds={value!r} is no time")
    return float(value)


def _checked(plan: Plan) -> Plan:
    if not isinstance(plan.machine, str) or not isinstance(plan.date, str):
        raise ValueError("machine and date are not words")
    if type(plan.batch) is not int or plan.batch < 1:
        raise ValueError(f"batch={plan.batch!r} is no number of rows")
    forms = [trial.form for trial in plan.trials]
    if len(set(forms)) < len(forms):
        raise ValueError("a form stands in it twice")
    return plan
