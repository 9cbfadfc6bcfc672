"""Trains a recipe with several seeds, by Lockstep and by PyTorch, and compares the accuracies.

    Benchmarks/.venv/bin/python Benchmarks/recipes/accuracy.py Benchmarks/recipes/mnist10k.json --data FOLDER --seeds 5

Prints each side's accuracy per seed, mean ± standard deviation of a run (n − 1), and Welch's t, the distance of the means in
units of its standard error. Sides and seeds take turns; how fast each is does not matter here.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from recipe import LOCKSTEP, overrides


def lockstep(config: Path, flags: list[str], seed: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        command = [LOCKSTEP, "train", str(config), *flags, "--seed", str(seed), "--output", f"{folder}/run", "--json",
                   "--quiet", "--set", "logging.report=false"]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.splitlines()[-1])


def pytorch(config: Path, flags: list[str], seed: int) -> dict:
    command = [sys.executable, str(Path(__file__).parent / "twin_torch.py"), str(config), *flags, "--set", f"seed={seed}"]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    flags = overrides(options.config, options.settings, options.data)
    sides = {"Lockstep": lockstep, "PyTorch": pytorch}
    found: dict[str, list[float]] = {name: [] for name in sides}
    for seed in range(1, options.seeds + 1):
        for name, side in sides.items():
            found[name].append(side(options.config, flags, seed)["val_accuracy"])
        print(f"seed {seed}: " + ", ".join(f"{name} {100 * values[-1]:.2f} %" for name, values in found.items()), flush=True)
    deviations = {name: statistics.stdev(values) if len(values) > 1 else 0.0 for name, values in found.items()}
    for name, values in found.items():
        print(f"{name}: {100 * statistics.mean(values):.2f} ± {100 * deviations[name]:.2f} %")
    error = sum(deviations[name] ** 2 / len(values) for name, values in found.items()) ** 0.5
    if error > 0:
        own, theirs = (statistics.mean(values) for values in found.values())
        print(f"difference {100 * (own - theirs):+.2f} points, t = {(own - theirs) / error:+.2f}")


if __name__ == "__main__":
    main()
