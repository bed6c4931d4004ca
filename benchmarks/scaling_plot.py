"""The plot of time over size that `bench_scoring.py scaling` draws."""

from __future__ import annotations

import numpy as np


def plot(table: list[dict[str, float]]) -> str:
    """Draw time over the number of probabilities, both axes logarithmic, with a line of slope 1 through the last."""
    width, height, margin = 560, 360, 56
    x = [np.log10(row["n"] * row["K"]) for row in table]
    y = [np.log10(row["processor"]) for row in table]
    left, right = np.floor(min(x)), np.ceil(max(x))
    low, high = np.floor(min(y)), np.ceil(max(y))

    def at(value_x: float, value_y: float) -> tuple[float, float]:
        across = margin + (value_x - left) / (right - left) * (width - 2 * margin)
        return round(across, 1), round(height - margin - (value_y - low) / (high - low) * (height - 2 * margin), 1)

    parts = [f'<rect width="{width}" height="{height}" fill="#fff"/>']
    for decade in np.arange(left, right + 1):
        across, down = at(decade, low)
        parts.append(f'<line x1="{across}" y1="{down}" x2="{across}" y2="{margin}" stroke="#ddd"/>')
        parts.append(f'<text x="{across}" y="{down + 18}" text-anchor="middle">10^{decade:.0f}</text>')
    for decade in np.arange(low, high + 1):
        across, down = at(left, decade)
        parts.append(f'<line x1="{across}" y1="{down}" x2="{width - margin}" y2="{down}" stroke="#ddd"/>')
        parts.append(f'<text x="{across - 6}" y="{down + 4}" text-anchor="end">10^{decade:.0f} s</text>')
    (x1, y1), (x2, y2) = at(x[-1] - (y[-1] - low), low), at(x[-1], y[-1])
    parts.append(f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#999" stroke-dasharray="4"/>')
    for row, value_x, value_y in zip(table, x, y, strict=True):
        (across, down), color = at(value_x, value_y), "#1f6fb2" if row["K"] == 10 else "#c2571a"
        parts.append(f'<circle cx="{across}" cy="{down}" r="4" fill="{color}"/>')
    parts.append(f'<text x="{width / 2}" y="{height - 12}" text-anchor="middle">probabilities (n · K)</text>')
    parts.append(f'<text x="{margin}" y="{margin - 30}" fill="#1f6fb2">n = 10^4 … 10^7, K = 10</text>')
    parts.append(f'<text x="{margin}" y="{margin - 12}" fill="#c2571a">K = 2 … 5000, n = 50,000</text>')
    parts.append(f'<text x="{width - margin}" y="{margin - 12}" text-anchor="end" fill="#666">dashed: linear</text>')
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12">\n<title>Processor time of both passes by number of probabilities</title>\n{body}\n</svg>\n'
    )
