"""Small plots as SVG text: lines, points, bars. Colours work on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, MARGIN = 360, 300, 44
BLUE, GREY, ORANGE = "#2f6fb2", "#8a8a8a", "#c8641c"
Points = Sequence[tuple[float, float]]


def curve(title: str, across: str, up: str, lines: Sequence[tuple[str, Points]]) -> str:
    """Lines over the unit square, with the diagonal; each named in the legend."""
    parts = [_line([(0, 0), (1, 1)], GREY, dashed=True)]
    for place, (name, points) in enumerate(lines):
        colour = (BLUE, ORANGE, GREY)[place % 3]
        parts.append(_line(points, colour))
        parts.append(_text(MARGIN + 12, MARGIN + 12 + 14 * place, name, colour))
    return _drawing(title, [*_axes(across, up), *parts], HEIGHT)


def points(title: str, across: str, up: str, found: Points) -> str:
    """Points over the unit square, joined, with the diagonal."""
    marks = [f'<circle cx="{_x(x):.1f}" cy="{_y(y):.1f}" r="3.5" fill="{BLUE}"/>' for x, y in found]
    parts = [_line([(0, 0), (1, 1)], GREY, dashed=True), _line(found, BLUE), *marks]
    return _drawing(title, [*_axes(across, up), *parts], HEIGHT)


def bars(title: str, rows: Sequence[tuple[str, float, float, float]]) -> str:
    """A bar for each row (name, value, low, high), with its interval where low differs from high."""
    greatest = max((abs(number) for _, *numbers in rows for number in numbers if number == number), default=1)
    scale = (WIDTH - 190) / (greatest or 1)
    parts = []
    for place, (name, value, low, high) in enumerate(rows):
        top = MARGIN + place * 20
        parts.append(_text(170, top + 11, name, "currentColor", anchor="end"))
        parts.append(
            f'<rect x="176" y="{top}" width="{max(value, 0) * scale:.1f}" height="14" fill="{BLUE}"/>'
        )
        if low < high:
            ends = [176 + max(end, 0) * scale for end in (low, high)]
            parts.append(
                f'<path d="M{ends[0]:.1f} {top + 7}H{ends[1]:.1f}" stroke="{ORANGE}" stroke-width="2"/>'
            )
    return _drawing(title, parts, MARGIN + 20 * len(rows) + 8)


def _drawing(title: str, parts: Sequence[str], height: int) -> str:
    heading = _text(8, 20, title, "currentColor", size=14)
    body = "\n".join([heading, *parts])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' height="{height}" role="img" font-family="sans-serif">'
        f"<title>{escape(title)}</title>\n{body}\n</svg>"
    )


def _axes(across: str, up: str) -> list[str]:
    frame = (
        f'<rect x="{MARGIN}" y="{MARGIN - 12}" width="{_x(1) - MARGIN:.0f}" height="{_y(0) - _y(1):.0f}"'
        f' fill="none" stroke="{GREY}"/>'
    )
    named = [_text(int(_x(0.5)), HEIGHT - 4, across, "currentColor", anchor="middle")]
    named.append(
        f'<text x="12" y="{_y(0.5):.0f}" font-size="11" fill="currentColor" text-anchor="middle"'
        f' transform="rotate(-90 12 {_y(0.5):.0f})">{escape(up)}</text>'
    )
    ticks = [
        mark
        for share in (0, 0.5, 1)
        for mark in (
            _text(int(_x(share)), HEIGHT - 18, f"{share:g}", "currentColor", anchor="middle"),
            _text(MARGIN - 5, int(_y(share)) + 4, f"{share:g}", "currentColor", anchor="end"),
        )
    ]
    return [frame, *named, *ticks]


def _line(found: Points, colour: str, *, dashed: bool = False) -> str:
    path = "L".join(f"{_x(x):.1f} {_y(y):.1f}" for x, y in found)
    dashes = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dashes}/>' if path else ""


def _text(x: float, y: float, text: str, colour: str, *, anchor: str = "start", size: int = 11) -> str:
    where = f'x="{x}" y="{y}" font-size="{size}"'
    return f'<text {where} fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'


def _x(share: float) -> float:
    return MARGIN + share * (WIDTH - MARGIN - 12)


def _y(share: float) -> float:
    return HEIGHT - 32 - share * (HEIGHT - 32 - (MARGIN - 12))
