"""Draws the screen of a terminal as an SVG picture, for documents: text stays text, and half blocks become paths."""

import re
from itertools import groupby
from xml.sax.saxutils import escape

from screen import DARK_TERMINAL, LIGHT_TERMINAL, SGR, colours

CELL, LINE, MARGIN = 8, 16, 12  # pixels: width and height of a cell, and around the screen
TERMINALS = {"dark": DARK_TERMINAL, "light": LIGHT_TERMINAL}
BLOCKS = {"█": (0, 2), "▀": (0, 1), "▄": (1, 1)}  # where a block begins and how high it is, in halves of a cell


def cells_of(screen, terminal):
    """The lines of a screen as tmux captures it with its colours: (glyph, ink, paper) for each cell."""
    lines = [[]]
    text, background, reverse = *terminal, False
    for sgr, glyph in SGR.findall(screen.rstrip("\n")):
        if glyph == "\n":
            lines.append([])
        elif glyph:
            lines[-1].append((glyph, background, text) if reverse else (glyph, text, background))
        else:
            text, background, reverse = colours(sgr, terminal, text, background, reverse)
    return lines


def svg(screen, kind):
    """The picture of a captured screen on a `dark` or `light` terminal."""
    terminal = TERMINALS[kind]
    lines = cells_of(screen, terminal)
    columns = max(len(line) for line in lines)
    width, height = columns * CELL + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f'<rect width="{width}" height="{height}" rx="6" fill="{hex_of(terminal[1])}" stroke="#888"/>',
        '<g shape-rendering="crispEdges" font-family="ui-monospace, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="13" xml:space="preserve">',
    ]
    for row, line in enumerate(lines):
        parts += drawn(line, MARGIN + row * LINE, terminal)
    return "\n".join([*parts, "</g>", "</svg>", ""])


def drawn(line, top, terminal):
    """The elements of one line: papers, then blocks by colour, then words."""
    for paper, cells in groupby(enumerate(line), key=lambda cell: cell[1][2]):
        columns = [column for column, _ in cells]
        if paper != terminal[1]:
            yield f'<path fill="{hex_of(paper)}" d="{box(columns[0], len(columns), top, 0, 2)}"/>'
    for (ink, glyph), cells in groupby(enumerate(line), key=lambda cell: (cell[1][1], cell[1][0])):
        if glyph in BLOCKS:
            columns = [column for column, _ in cells]
            yield f'<path fill="{hex_of(ink)}" d="{box(columns[0], len(columns), top, *BLOCKS[glyph])}"/>'
    for ink, cells in groupby(enumerate(line), key=lambda cell: cell[1][1]):
        yield from words(list(cells), hex_of(ink), top)


def words(cells, ink, top):
    """The text of cells of one colour. A run of blanks is left out."""
    text = "".join(" " if glyph in BLOCKS else glyph for _, (glyph, _, _) in cells)
    for run in re.finditer(r"\S+(?: \S+)*", text):
        x, length = MARGIN + (cells[0][0] + run.start()) * CELL, len(run[0]) * CELL
        yield f'<text x="{x}" y="{top + 13}" textLength="{length}" fill="{ink}">{escape(run[0])}</text>'


def box(column, count, top, begins, halves):
    """A path around `count` cells, or around their upper or lower halves."""
    upper, lower = (round(half * LINE / 2) for half in (begins, begins + halves))
    return f"M{MARGIN + column * CELL} {top + upper}h{count * CELL}v{lower - upper}h-{count * CELL}z"


def words_of(picture):
    """The text of a picture, a line for each run of words, without what differs from session to session."""
    return [general(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", picture)]


def general(text):
    """`text` without keys, codes, numbers of recovery codes and times."""
    for pattern in (r"([A-Z2-7]{4} ?){8}", r"([0-9A-Z]{4}-){3}[0-9A-Z]{4}", r"\d{6}", r"(?<=recovery code )\d+:.*", r"Last login: .*"):
        text = re.sub(pattern, "…", text)
    return text


def hex_of(colour):
    return "#" + "".join(f"{channel:02x}" for channel in colour)
