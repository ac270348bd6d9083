#!/usr/bin/env python3
"""Convert INI files to JSON (and back, with --reverse).

Values are turned into booleans, numbers and lists where that is possible
without ambiguity.  A section name with dots becomes a nested object.
"""

import argparse
import configparser
import json
import pathlib
import sys

TRUE = {"yes", "true", "on"}
FALSE = {"no", "false", "off"}


def convert(text):
    if "\n" in text:
        return [convert(line) for line in text.splitlines() if line.strip()]
    lowered = text.strip().lower()
    if lowered in TRUE:
        return True
    if lowered in FALSE:
        return False
    if lowered in ("", "none", "null"):
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def ini_to_dict(text):
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # keep the case of the keys
    parser.read_string(text)
    result = {}
    for section in parser.sections():
        node = result
        for name in section.split("."):
            node = node.setdefault(name, {})
        for key, value in parser.items(section):
            node[key] = convert(value)
    return result


def _value_to_text(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return ""
    if isinstance(value, list):
        return "".join("\n    " + _value_to_text(item) for item in value)
    return str(value)


def dict_to_ini(data, prefix=""):
    lines = []
    plain = {k: v for k, v in data.items() if not isinstance(v, dict)}
    if plain:
        lines.append("[%s]" % prefix)
        lines.extend("%s = %s" % (k, _value_to_text(v)) for k, v in plain.items())
        lines.append("")
    for key, value in data.items():
        if isinstance(value, dict):
            lines.extend(dict_to_ini(value, prefix + "." + key if prefix else key))
    return lines


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("input", type=pathlib.Path)
    parser.add_argument("-r", "--reverse", action="store_true")
    args = parser.parse_args(argv)
    text = args.input.read_text(encoding="utf-8")
    try:
        if args.reverse:
            print("\n".join(dict_to_ini(json.loads(text))))
        else:
            print(json.dumps(ini_to_dict(text), indent=2))
    except (ValueError, configparser.Error) as exc:
        print(f"{args.input}: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
