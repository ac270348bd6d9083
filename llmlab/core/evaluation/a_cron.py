from datetime import timedelta

MONTHS = [
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
]
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

# name, lowest value, highest value, {word: value}
FIELDS = [
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: i for i, name in enumerate(MONTHS, 1)}),
    ("day of week", 0, 7, {name: i for i, name in enumerate(DAYS)}),
]


class CronError(ValueError):
    pass


def _parse_value(text, field):
    name, low, high, words = field
    value = words.get(text.lower())
    if value is None:
        if not text.isdecimal():
            raise CronError(f"bad {name}: {text!r}")
        value = int(text)
    if not low <= value <= high:
        raise CronError(f"{name} out of range: {value}")
    return value


def _parse_field(text, field):
    _, low, high, _ = field
    result = set()
    for part in text.split(","):
        body, slash, step = part.partition("/")
        if slash and (not step.isdecimal() or int(step) == 0):
            raise CronError(f"bad step: {step!r}")
        if body == "*":
            first, last = low, high
        elif "-" in body:
            first, last = (_parse_value(t, field) for t in body.split("-", 1))
        else:
            first = _parse_value(body, field)
            last = high if slash else first
        result.update(range(first, last + 1, int(step or 1)))
    return result


class Cron:
    def __init__(self, expression):
        parts = expression.split()
        if len(parts) != len(FIELDS):
            raise CronError(f"expected 5 fields, got {len(parts)}")
        sets = [_parse_field(p, f) for p, f in zip(parts, FIELDS)]
        self.minutes, self.hours, self.days, self.months, weekdays = sets
        self.weekdays = {d % 7 for d in weekdays}  # both 0 and 7 are Sunday
        self.either_day = parts[2] != "*" and parts[4] != "*"

    def matches(self, when):
        day = when.day in self.days
        weekday = when.isoweekday() % 7 in self.weekdays
        return (
            when.minute in self.minutes
            and when.hour in self.hours
            and when.month in self.months
            and (day or weekday if self.either_day else day and weekday)
        )

    def next_after(self, when, limit_days=366):
        when = when.replace(second=0, microsecond=0)
        for _ in range(limit_days * 24 * 60):
            when += timedelta(minutes=1)
            if self.matches(when):
                return when
        return None
