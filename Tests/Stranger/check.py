"""A stranger with a folder of photographs, who has README alone: `make test-stranger` runs this.

    Tests/Stranger/check.py LOCKSTEP

Draws photographs of three kinds of things, of many sizes, as JPEG and PNG files; then runs every line of the block under
README's "Train your photographs" as it stands there. The page must be there, the classes of ONNX Runtime must be those of
`lockstep predict`, and the net must have learned.
"""

import csv
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]
CLASSES = ("house", "sun", "tree")


def photograph(kind, draw):
    """A thing in front of a sky, somewhere, with noise."""
    width, height = draw.randint(70, 150), draw.randint(70, 120)
    sky = tuple(draw.randint(120, 180) + shift for shift in (0, 20, 60))
    image = Image.new("RGB", (width, height), sky)
    pen, x, y = ImageDraw.Draw(image), draw.randint(15, width - 55), draw.randint(15, height - 55)
    if kind == "sun":
        pen.ellipse((x, y, x + 36, y + 36), fill=(250, draw.randint(200, 240), 60))
    elif kind == "house":
        pen.rectangle((x, y + 16, x + 40, y + 40), fill=(draw.randint(150, 200), 60, 50))
        pen.polygon([(x - 4, y + 16), (x + 20, y), (x + 44, y + 16)], fill=(90, 40, 30))
    else:
        pen.rectangle((x + 16, y + 20, x + 22, y + 40), fill=(100, 70, 40))
        pen.polygon([(x, y + 28), (x + 19, y - 8), (x + 38, y + 28)], fill=(30, draw.randint(100, 150), 40))
    noise = Image.effect_noise((width, height), 40).convert("RGB")
    return Image.blend(image, noise, 0.15)


def write(folder, count, draw, name):
    folder.mkdir(parents=True)
    for number in range(count):
        kind = name or CLASSES[number % 3]
        ending = draw.choice(["jpg", "png"])
        photograph(kind, draw).save(folder / f"{kind}-{number:03}.{ending}")


def commands(readme):
    """The lines of the block, without what the shell takes as a comment."""
    section = readme.split("## Train your photographs", 1)[1].split("\n## ", 1)[0]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL).group(1)
    return [line.split("  #")[0].rstrip() for line in block.splitlines() if line.strip()]


def main(program):
    draw = random.Random(1)
    lines = commands((ROOT / "README.md").read_text())
    for word in ("init", "train", "report", "export", "predict_onnx.py"):
        assert any(word in line for line in lines), f"README's block has no {word}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in CLASSES:
            write(folder / "photos" / kind, 50, draw, kind)
        write(folder / "new", 12, draw, None)
        (folder / "Examples").symlink_to(ROOT / "Examples")
        (folder / "bin").mkdir()
        (folder / "bin/lockstep").symlink_to(Path(program).resolve())
        # Not a link: Python finds its packages beside the path it was started by.
        (folder / "bin/python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (folder / "bin/python").chmod(0o755)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("LOCKSTEP_")}
        environment["PATH"] = f"{folder}/bin:{environment['PATH']}"
        outputs = {}
        for line in lines:
            done = subprocess.run(
                ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True,
                stdin=subprocess.DEVNULL)
            assert done.returncode == 0, f"{line}: exit code {done.returncode}\n{done.stderr}"
            outputs[line] = done.stdout

        def run(*words):
            done = subprocess.run([folder / "bin/lockstep", *words], cwd=folder, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            return done.stdout

        page = (folder / "runs/photos/report.html").read_text()
        assert all(kind in page for kind in CLASSES), "the report does not name the classes"
        summary = json.loads((folder / "runs/photos/summary.json").read_text())
        assert summary["val_accuracy"] > 0.6, f"the net has not learned: {summary}"
        rows = list(csv.DictReader((folder / "new.csv").open()))
        assert len(rows) == 12 and all(Path(row["file"]).exists() or (folder / row["file"]).exists() for row in rows)
        weights = "runs/photos/weights.safetensors"
        lines_here = run(
            "predict", "photos.json", "--weights", weights, "--images", "photos.npz:x_test").splitlines()
        own = [CLASSES[json.loads(line)["class"]] for line in lines_here]
        onnx = next(text for line, text in outputs.items() if "predict_onnx.py" in line)
        found = [line.split()[0] for line in onnx.splitlines()]
        assert found == own and len(own) > 10, f"ONNX Runtime has other classes: {found}, {own}"
        print(f"{len(lines)} lines of README, from {len(CLASSES) * 50} photographs to ONNX Runtime: accuracy "
              f"{summary['val_accuracy']:.3f}, the same class for all {len(own)} test images")


if __name__ == "__main__":
    main(sys.argv[1])
