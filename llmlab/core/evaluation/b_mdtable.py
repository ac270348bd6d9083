"""Tidy up the pipe tables in a Markdown document.

Pads all the cells of a column to the same width.  Everything else is left
alone, and so are tables in code blocks.
"""

import fileinput
import re
import unicodedata

SEPARATOR_CELL = re.compile(r":?-+:?")
UNESCAPED_PIPE = re.compile(r"(?<!\\)\|")


def display_width(text):
    width = 0
    for ch in text:
        # wide East Asian letters take two columns
        width += 2 if unicodedata.east_asian_width(ch) in "WF" else 1
    return width


def split_row(line):
    line = line.strip()
    if line.startswith("|"):
        line = line[1:]
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    return [cell.strip() for cell in UNESCAPED_PIPE.split(line)]


def is_separator(row):
    return all(SEPARATOR_CELL.fullmatch(cell) for cell in row)


def alignment(cell):
    if cell[:1] == cell[-1:] == ":":
        return "centre"
    return "right" if cell.endswith(":") else "left"


def pad(text, width, align):
    missing = width - display_width(text)
    if align == "right":
        return " " * missing + text
    if align == "centre":
        before = missing // 2
        return " " * before + text + " " * (missing - before)
    return text + " " * missing


def rule(cell, width):
    left = ":" if cell.startswith(":") else "-"
    right = ":" if cell.endswith(":") else "-"
    return left + "-" * (width - 2) + right


def format_table(lines):
    rows = [split_row(line) for line in lines]
    if len(rows) < 2 or not is_separator(rows[1]):
        return lines
    columns = max(map(len, rows))
    for row in rows:
        row.extend([""] * (columns - len(row)))
    body = rows[:1] + rows[2:]
    widths = [max(3, *(display_width(row[i]) for row in body)) for i in range(columns)]
    aligns = [alignment(cell) for cell in rows[1]]

    out = []
    for number, row in enumerate(rows):
        if number == 1:
            cells = map(rule, row, widths)
        else:
            cells = map(pad, row, widths, aligns)
        out.append("| " + " | ".join(cells) + " |")
    return out


def format_document(lines):
    table, fenced = [], False
    for line in lines:
        line = line.rstrip("\n")
        if line.startswith("```"):
            fenced = not fenced
        if "|" in line and not fenced:
            table.append(line)
            continue
        yield from format_table(table)
        table = []
        yield line
    yield from format_table(table)


if __name__ == "__main__":
    for line in format_document(fileinput.input()):
        print(line)
