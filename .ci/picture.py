#!/usr/bin/env python3
"""Prints docs/images/demo.svg, made of the console text that README.md has below the picture: picture.py <README.md>."""

import re
import sys
from html import escape
from pathlib import Path

COLUMNS = 112
LEFT, TOP, LINE = 18, 54, 18
CHARACTER = 7.4
WIDTH = 864
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
COMMAND, HEADING, PLAIN, WARNING, PROMPT = "#e6edf3", "#8b949e", "#c9d1d9", "#e3b341", "#3fb950"


def transcript(readme: str) -> list[str]:
    """The console text of README's picture."""
    found = re.search(r"<summary>The same as text</summary>\n+```console\n(.*?)```", readme, re.DOTALL)
    if not found:
        sys.exit("error: README.md has no console text under \"The same as text\"")
    return found[1].splitlines()


def colour(line: str) -> str:
    if line.startswith("$ "):
        return COMMAND
    if re.match(r"(NAME|LAST SEEN) ", line):
        return HEADING
    return WARNING if " Warning " in line else PLAIN


def rows(lines: list[str]):
    """The lines as a terminal of so many columns shows them, with the colour of each."""
    for line in lines:
        for start in range(0, max(len(line), 1), COLUMNS):
            yield line[start : start + COLUMNS], colour(line)


def content(row: str) -> str:
    if row.startswith("$ "):
        return f'<tspan fill="{PROMPT}">$ </tspan>{escape(row[2:], quote=False)}'
    return escape(row, quote=False)


def text(y: int, row: str, fill: str) -> str:
    # Spaces are kept where the text itself says so: in a <g> around it, Chromium heeds neither the attribute nor the property.
    width = len(row) * CHARACTER
    return (
        f'<text x="{LEFT}" y="{y}" fill="{fill}" xml:space="preserve" textLength="{width:.1f}" '
        f'lengthAdjust="spacing">{content(row)}</text>'
    )


def picture(lines: list[str]) -> str:
    shown = list(rows(lines))
    height = TOP + LINE * (len(shown) - 1) + 22
    texts = [text(TOP + LINE * at, row, fill) for at, (row, fill) in enumerate(shown) if row]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
            'role="img" aria-labelledby="title">',
            '<title id="title">A terminal: two waves of migration tasks under way, kubectl wait until the first is complete, '
            "and its warnings</title>",
            f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#0d1117"/>',
            "".join(f'<circle cx="{x}" cy="20" r="5" fill="#484f58"/>' for x in (20, 38, 56)),
            f'<g font-family="{FONT}" font-size="12">',
            *texts,
            "</g>",
            "</svg>",
        ]
    )


if __name__ == "__main__":
    print(picture(transcript(Path(sys.argv[1]).read_text(encoding="utf-8"))))
