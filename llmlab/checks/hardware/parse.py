"""Exercise 6: read one line of oneDNN's log by the line that names its fields."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from llmlab.checks import shown, values
from llmlab.checks.exercise import Case, Exercise, MisfitError, Value
from llmlab.checks.hardware import log
from llmlab.checks.shown import Written

# A mistake stands in one line or two, as in a table.
# fmt: off

DICT = "return a dict with the names of the template as keys, or None."
TIME = "the time is a number, float(exec_time) / 1000: the log has milliseconds."
EXECUTED = "only what was executed counts: `operation` is exactly exec."
BROKEN = "this line has another number of values than the template has names: None."
FOREIGN = "this line does not begin as those of the template do, up to `info,`: None."
TODAY = "names and prefix come from the template: another version has others."
NOTHING: tuple = ({}, False, "", [])  # what else may stand for None
MOST = 100  # fields, more than any template names
EMPTY = "an empty field is \"\": it keeps its place, and its name."


def observed(answer, line, template):
    """Write the fields in the order of their names, or None."""
    if answer is None:
        return Written("None")
    if not isinstance(answer, Mapping):
        raise MisfitError("the fields are a dict, or None", expected="a dict or None",
                          got=shown.value(answer), hint=DICT)  # fmt: skip
    if len(answer) > MOST:
        raise MisfitError("the fields are those of the template",
                          expected="a name for each value", hint=DICT,
                          got=f"{len(answer)} names")  # fmt: skip
    return Written("{" + ", ".join(sorted(_field(answer, key) for key in answer)) + "}")


def _field(fields: Mapping, key: Any) -> str:
    if not isinstance(key, str):
        raise MisfitError("the keys are the names", expected="text as keys",
                          got=shown.value(key), hint=DICT)  # fmt: skip
    if key != "seconds":
        text = fields[key]
        return f"{key!s}: {str(text)!r}" if isinstance(text, str) else (
            f"{key!s}: {shown.value(text)}")
    try:
        seconds = values.read(fields[key], 0.0, Value("the time"))
    except MisfitError as misfit:
        raise MisfitError("seconds: a number", expected="a number",
                          got=misfit.got, hint=TIME) from None  # fmt: skip
    return f"seconds: {seconds:.6g}"


def parse(line, template, *, prefix=None, names=None, split=None, keep=None, told=1e3,
          time="seconds", match=None, value=float):
    """Return the fields of a line by name, or None.

    The knobs each make a typical mistake. prefix, names: made of the template; split:
    the values, made of what follows the prefix. keep: which operations count; match:
    whether values and names go together. told: by what the time is divided, time: its
    name, value: its type.
    """
    start = (prefix or log.prefix)(template)
    listed = (names or log.names)(template)
    if not line.startswith(start):
        return None
    parts = (split or log.values)(line, start)
    fields = dict(zip(listed, parts, strict=False))
    whole = match or (lambda parts, listed: len(parts) == len(listed))
    if not whole(parts, listed) or not (keep or _executed)(fields.get("operation", "")):
        return None
    fields[time] = value(float(fields.pop("exec_time", "0")) / told)
    return fields


def _executed(operation):
    return operation == "exec"


def _right(line, template):
    return parse(line, template)


_with = partial(partial, parse)  # the mistake of some knobs


def _always(*arguments):
    return True


def _otherwise(change, *, nothing=None):
    """Change a dict, and what stands for None."""
    def mistake(line, template):
        fields = _right(line, template)
        return nothing if fields is None else change(fields)
    return mistake


def _same(fields):
    return fields


def _fixed_names(template):
    return log.names(log.TODAY)


def _fixed_prefix(template):
    return log.prefix(log.TODAY)


def _by_place(line, template):
    """Look values up at the places that they have today."""
    parts = line.split(",")
    if len(parts) < 14 or parts[3] != "exec":
        return None
    fields = dict(zip(log.names(log.TODAY), parts[3:], strict=False))
    return fields | {"seconds": float(fields.pop("exec_time")) / 1000}


def _words(line, template):
    """Give the words of the prefix the first names."""
    if _right(line, template) is None:
        return None
    fields = dict(zip(log.names(template), line.split(","), strict=False))
    return fields | {"seconds": float(line.split(",")[-1]) / 1000}


def _anywhere(line, template):
    """Take a line that holds the prefix somewhere."""
    _, start, rest = line.partition(log.prefix(template))
    return _right(start + rest, template)


def _case(line, template=None, about=""):
    template = template or log.TODAY
    return Case(lambda: (line, template), about=about)


def _opening():
    lines = ("template = (", *(f'    "{one}"' for one in log.broken(log.TODAY)), ")",
             "line = (", *(f'    "{one}"' for one in log.broken(log.RELU)), ")")
    return Case(lambda: (log.RELU, log.TODAY), setup="\n".join(lines),
                sources={"line": "line", "template": "template"})


def _cases():
    yield _opening()
    for line in log.EXECUTED:
        yield _case(line)
    for line in log.NOT_EXECUTED:
        yield _case(line, about=EXECUTED)
    for line in log.FOREIGN:
        yield _case(line, about=FOREIGN)
    for line in log.BROKEN:
        yield _case(line, about=BROKEN)
    for line, template in log.OTHERS:
        yield _case(line, template, about=TODAY)


EXERCISE = Exercise(
    name="parse",
    right=_right,
    gives=(Value("the fields"),),
    cases=lambda: [*_cases()],
    covers="lines of four templates, and lines that are no execution",
    hints=(
        "The template says two things: how its lines begin, and what their values are "
        "called.",
        "What stands before `info,` in the template begins each of its lines; what "
        "stands after its first `:` are the names. The rest of a line, split at the "
        "commas, must be as many values, and `operation` must be exec.",
        "prefix = template.partition('info,')[0]; names = template.partition(':')[2]"
        ".split(','); values = line.removeprefix(prefix).split(','); return None "
        "unless line.startswith(prefix) and len(values) == len(names); fields = "
        "dict(zip(names, values)); return None unless fields['operation'] == 'exec'; "
        "fields['seconds'] = float(fields.pop('exec_time')) / 1000.",
    ),
    hint="a dict of the template's names with the values of the line, exec_time as "
         "seconds; None for whatever is no execution under this template.",
    observe=observed,
    none=True,
    tolerance=0.0,
    mistakes={
        "this gives None for every line, so that nothing was executed: the values "
        "begin behind the prefix, and the dict comes back by `return`.":
            lambda line, template: None,
        "no execution is None, not an empty dict or False.": tuple(
            _otherwise(_same, nothing=nothing) for nothing in NOTHING),
        "the prefix comes from the template as well: what stands before `info,`.":
            _with(prefix=_fixed_prefix),
        TODAY: (
            _by_place, _with(names=_fixed_names),
            _with(names=_fixed_names, match=_always),
        ),
        "this counts what was created, or what is information: operation is exec.": (
            _with(keep=_always),
            _with(keep=lambda operation: operation != "info"),
            _with(keep=lambda operation: operation in ("exec", "create:cache_miss")),
        ),
        EXECUTED: (
            _with(keep=lambda operation: operation.startswith("exec")),
            _with(keep=lambda operation: "exec" in operation),
        ),
        "the log has milliseconds; seconds are a thousandth of them.":
            _with(told=1),
        "the log has milliseconds: divide by 1000.": (
            _with(told=1e6), _with(told=1e-3),
        ),
        "the time stands there as \"seconds\", and \"exec_time\" goes.": (
            _with(time="exec_time"),
            _otherwise(lambda fields: fields | {
                "exec_time": f"{fields['seconds'] * 1000:.6g}"}),
            lambda line, template: _kept_time(line, template),
        ),
        "seconds are a number; here they are text.": _with(value=str),
        "a field may hold `:`; the commas part them.": (
            _with(split=lambda line, start: log.values(line, start, parts=":,"),
                  match=_always),
        ),
        "a field may hold spaces; the commas part them.":
            _with(split=lambda line, start: log.values(line, start, parts=" ,"),
                  match=_always),
        EMPTY: (
            _with(split=lambda line, start: [
                one for one in log.values(line, start) if one], match=_always),
            _otherwise(lambda fields: {
                key: one for key, one in fields.items() if one != ""}),
            _otherwise(lambda fields: {
                key: one or None for key, one in fields.items()}),
        ),
        "a line that was cut off has no time: as many values as names, or None.": (
            _with(match=lambda parts, listed: len(parts) <= len(listed)),
        ),
        "a line with more values than names is none of this template's: None.": (
            _with(match=lambda parts, listed: len(parts) >= len(listed)),
        ),
        "values and names must be equally many, or the line is None.":
            _with(match=_always),
        "a line begins with the prefix; what another program printed before it makes "
        "it none.": _anywhere,
        "names begin behind the first `:` of the template.": (
            _with(names=lambda template: template.split("info,")[1].split(",")),
            _with(names=lambda template: [
                template.split("info,")[1].split(",")[0],
                *log.names(template)[1:]], keep=_always),
        ),
        "the values begin behind the prefix; here its words take the first names.":
            _words,
    },
)


def _kept_time(line, template):
    """Keep the milliseconds beside the seconds, as they stand in the log."""
    fields = _right(line, template)
    if fields is None:
        return None
    parts = log.values(line, log.prefix(template))
    return fields | {"exec_time": parts[log.names(template).index("exec_time")]}
