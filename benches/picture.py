"""Draws the medians of the times: the first login of a process comes first. One picture for light pages, one for dark ones."""

NAMES = ("pam_permit", "twostep", "google-authenticator", "pam_oath")
GROUPS = {"first login, on disk": "first on disk", "first login, in memory": "first in memory", "later, on disk": "on disk", "later, in memory": "in memory"}
PAGES = {"light": ("#ffffff", "#24292f", "#d0d7de"), "dark": ("#0d1117", "#e6edf3", "#30363d")}
COLOURS = ("#8c959f", "#2f81f7", "#d29922", "#a371f7")
WIDTH, LEFT, TOP, BAR, GAP, SCALE = 900, 180, 56, 16, 22, 520


def draw(folder, found):
    """Writes performance-light.svg and performance-dark.svg."""
    for page, colours in PAGES.items():
        (folder / f"performance-{page}.svg").write_text(svg(found, *colours))


def svg(found, paper, ink, grid):
    most = max(found[key][name]["median"] for key in GROUPS.values() for name in NAMES)
    height = TOP + len(GROUPS) * (len(NAMES) * BAR + GAP) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13" fill="{ink}">',
        f'<rect width="{WIDTH}" height="{height}" fill="{paper}"/>',
        f'<text x="{LEFT}" y="20" font-weight="bold">A login, in microseconds (median)</text>',
        *legend(),
    ]
    top = TOP
    for label, key in GROUPS.items():
        bottom = top + len(NAMES) * BAR
        parts += [f'<text x="{LEFT - 10}" y="{(top + bottom) // 2 + 4}" text-anchor="end">{label}</text>']
        if not found[key]["stable"]:
            parts += [f'<text x="{LEFT - 10}" y="{(top + bottom) // 2 + 20}" text-anchor="end" font-size="11">not stable</text>']
        for colour, name in zip(COLOURS, NAMES):
            value = found[key][name]["median"]
            length = max(1, round(value / most * SCALE))
            parts += [f'<rect x="{LEFT}" y="{top}" width="{length}" height="{BAR - 2}" fill="{colour}"/>']
            parts += [f'<text x="{LEFT + length + 6}" y="{top + BAR - 4}" font-size="11">{value:,.0f}</text>']
            top += BAR
        parts += [f'<path d="M{LEFT} {bottom + GAP // 2}H{LEFT + SCALE}" stroke="{grid}"/>']
        top += GAP
    return "\n".join([*parts, "</svg>"]) + "\n"


def legend():
    x = LEFT
    for colour, name in zip(COLOURS, NAMES):
        yield f'<rect x="{x}" y="31" width="12" height="12" fill="{colour}"/><text x="{x + 17}" y="42">{name}</text>'
        x += 34 + 8 * len(name)
