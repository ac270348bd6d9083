#!/usr/bin/env python3
"""Summarise the log of a weather station.

Every line of the log looks like

    2023-04-01T06:30 T=11.4 H=83 W=3.2 R=0.0

A sensor that was offline reports '--' in place of its value.
"""

import argparse
import logging
import re
import sys
from math import nan

log = logging.getLogger("weather")

NUMBER = r"(-?\d+(?:\.\d+)?|--)"
LINE = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)"
    + r"\s+T="
    + NUMBER
    + r"\s+H="
    + NUMBER
    + r"\s+W="
    + NUMBER
    + r"\s+R="
    + NUMBER
)


class Reading:
    def __init__(self, date, time, temperature, humidity, wind, rain):
        self.date = date
        self.time = time
        self.temperature = temperature
        self.humidity = humidity
        self.wind = wind
        self.rain = rain


def number(text):
    return None if text == "--" else float(text)


def parse_line(line):
    match = LINE.fullmatch(line)
    if match is None:
        raise ValueError("malformed line: %r" % line)
    date, time, *values = match.groups()
    return Reading(date, time, *[number(value) for value in values])


def parse(lines):
    for lineno, line in enumerate(lines, start=1):
        try:
            yield parse_line(line.strip())
        except ValueError as exc:
            log.warning("line %d: %s", lineno, exc)


def known(readings, name):
    values = [getattr(reading, name) for reading in readings]
    return [value for value in values if value is not None]


def mean(values):
    return sum(values) / len(values) if values else nan


def summarise(readings):
    temperature = known(readings, "temperature")
    humidity = known(readings, "humidity")
    wind = known(readings, "wind")
    rain = known(readings, "rain")
    return {
        "lowest temperature": min(temperature, default=nan),
        "highest temperature": max(temperature, default=nan),
        "mean temperature": mean(temperature),
        "mean humidity": mean(humidity),
        "mean wind": mean(wind),
        "highest wind": max(wind, default=nan),
        "total rain": sum(rain),
    }


def main(argv=None):
    parser = argparse.ArgumentParser(description="Summarise a station log.")
    parser.add_argument("file")
    args = parser.parse_args(argv)
    days = {}
    with open(args.file) as f:
        for reading in parse(f):
            days.setdefault(reading.date, []).append(reading)
    for date, readings in days.items():
        print(date)
        for name, value in summarise(readings).items():
            print("    %-20s %6.1f" % (name, value))
    return 0


if __name__ == "__main__":
    sys.exit(main())
