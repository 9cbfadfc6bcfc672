"""A small bar chart as SVG: one panel per net, one bar per side, longer is faster."""

from html import escape

COLOURS = {
    "lockstep": "#d9480f", "pytorch": "#5c7cfa", "pytorch-processes": "#364fc7", "tensorflow": "#f2b134",
    "pytorch-bf16": "#a5b4fc", "onnxruntime": "#2b8a3e",
}
ROW, GAP, LEFT, BAR, WIDTH = 22, 34, 150, 420, 760


def bars(title: str, panels: list[tuple[str, list[tuple[str, str, float]]]]) -> str:
    """`panels`: heading and its bars as (side, label, images/s). Each panel is scaled to its own longest bar."""
    parts: list[str] = []
    y = 34
    for heading, rows in panels:
        parts.append(f'<text x="12" y="{y + 14}" font-weight="600">{escape(heading)}</text>')
        y += 24
        longest = max(value for _, _, value in rows)
        for side, label, value in rows:
            length = BAR * value / longest
            parts.append(f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(label)}</text>')
            parts.append(
                f'<rect x="{LEFT}" y="{y + 2}" width="{length:.1f}" height="{ROW - 6}" rx="2" fill="{COLOURS[side]}"/>')
            parts.append(f'<text x="{LEFT + length + 6:.1f}" y="{y + 14}">{value:,.0f} images/s</text>')
            y += ROW
        y += GAP - ROW
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#24292f">\n'
        f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>\n'
        f'<text x="12" y="22" font-size="15" font-weight="700">{escape(title)}</text>\n'
        + "\n".join(parts) + "\n</svg>\n")
