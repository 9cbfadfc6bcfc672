"""Trains a recipe once by Lockstep and once by PyTorch, and draws accuracy over minutes.

    $PYTHON Benchmarks/recipes/curve.py Config/cifar10-fast.json --data FOLDER --output Benchmarks/recipes/cifar10-fast

Writes OUTPUT.json and OUTPUT.svg. Minutes count from the start of the program, decoding included; PyTorch's from the start of
reading, without its import. The sides run one after the other, each with the machine to itself; `--twin FILE` takes what
`twin_torch.py --output` wrote before.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from html import escape
from pathlib import Path

from recipe import LOCKSTEP, overrides

COLOURS = {"Lockstep": "#d9480f", "PyTorch": "#5c7cfa"}
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 340, 56, 124, 44, 44

Points = list[tuple[float, float]]


def lockstep(config: Path, flags: list[str]) -> Points:
    """What comes before the first step and after the last one is counted before the first: the sum is the program's time."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run([LOCKSTEP, "train", str(config), *flags, "--output", f"{folder}/run", "--quiet"], check=True)
        whole = time.perf_counter() - start
        lines = [json.loads(line) for line in Path(folder, "run", "metrics.jsonl").read_text().splitlines()]
    rows = [line for line in lines if line["kind"] == "epoch"]
    before = whole - rows[-1]["elapsed_s"]
    return [(before + row["elapsed_s"], row["val_accuracy"]) for row in rows if row["val_accuracy"] is not None]


def pytorch(config: Path, flags: list[str], file: Path | None) -> Points:
    with tempfile.TemporaryDirectory() as folder:
        if file is None:
            file = Path(folder, "twin.jsonl")
            script = Path(__file__).parent / "twin_torch.py"
            subprocess.run([sys.executable, str(script), str(config), *flags, "--output", str(file)], check=True)
        lines = [json.loads(line) for line in file.read_text().splitlines()]
    return [(line["total_s"], line["val_accuracy"]) for line in lines if line["kind"] == "epoch" and "val_accuracy" in line]


def drawing(title: str, sides: dict[str, Points]) -> str:
    longest = max(points[-1][0] for points in sides.values()) / 60
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500) if longest / step <= 10)
    lowest = int(100 * min(value for points in sides.values() for _, value in points)) // 2 * 2
    highest = int(100 * max(value for points in sides.values() for _, value in points)) // 2 * 2 + 2

    def x(seconds: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * seconds / 60 / longest

    def y(accuracy: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (100 * accuracy - lowest) / (highest - lowest)

    parts = [f'<text x="12" y="22" font-size="15" font-weight="700">{escape(title)}</text>']
    for percent in range(lowest, highest + 1, 2):
        height = y(percent / 100)
        parts.append(f'<path d="M{LEFT} {height:.1f}H{WIDTH - RIGHT}" stroke="#d0d7de"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{height + 4:.1f}" text-anchor="end">{percent} %</text>')
    for minutes in range(0, int(longest) + 1, step):
        parts.append(f'<text x="{x(60 * minutes):.1f}" y="{HEIGHT - 22}" text-anchor="middle">{minutes}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">minutes</text>')
    for name, points in sides.items():
        path = " ".join(f"{x(seconds):.1f},{y(value):.1f}" for seconds, value in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x(seconds):.1f}" cy="{y(value):.1f}" r="3" fill="{COLOURS[name]}"/>' for seconds, value in points]
        seconds, value = points[-1]
        parts.append(
            f'<text x="{x(seconds) + 8:.1f}" y="{y(value) - 6:.1f}" fill="{COLOURS[name]}" font-weight="600">{name}</text>')
        parts.append(f'<text x="{x(seconds) + 8:.1f}" y="{y(value) + 10:.1f}">{100 * value:.2f} %, {seconds / 60:.1f}′</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#24292f">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--twin", type=Path, help="PyTorch's lines of an earlier run, instead of a new one")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    flags = overrides(options.config, options.settings, options.data)
    sides = {"Lockstep": lockstep(options.config, flags), "PyTorch": pytorch(options.config, flags, options.twin)}
    named = {name: [{"seconds": seconds, "val_accuracy": value} for seconds, value in points] for name, points in sides.items()}
    options.output.with_suffix(".json").write_text(json.dumps(named, indent=1) + "\n")
    title = f"{options.config.stem}: accuracy on the test images, two cores"
    options.output.with_suffix(".svg").write_text(drawing(title, sides))


if __name__ == "__main__":
    main()
