"""Checks that a recipe and its twin are the same training: from the same weights they take the same steps.

    Benchmarks/.venv/bin/python Benchmarks/recipes/check_twin.py Config/cifar10-fast.json --data FOLDER

1. Lockstep trains one step, so that norms have running statistics; both sides predict the same test images with its weights.
2. Both train `--steps` further steps from these weights, in the files' order and without augmentation and dropout, whose
   random numbers no two sides share; the losses of all steps and the weights (their average, if the recipe has one) are
   compared. This covers the net, loss, optimizer, groups of rates and decays, schedule and average.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from recipe import LOCKSTEP, Recipe, overrides, paired

LOGIT_TOLERANCE = 2e-4  # of log-probabilities
LOSS_TOLERANCE = 2e-3  # of each step's loss, relative
WEIGHT_TOLERANCE = 0.1  # of each tensor's way over the steps, relative; steps that are scaled by gradients amplify rounding


def run(*words: object) -> str:
    finished = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if finished.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}\n{finished.stderr}")
    return finished.stdout


def export(config: Path, flags: list[str], weights: Path, target: Path) -> Path:
    run(LOCKSTEP, "export", config, *flags, "--weights", weights, "--output", target, "--format", "pytorch")
    return target


def without_chance(recipe: Recipe, steps: int) -> list[str]:
    """Flags for a run in the files' order of images as they are."""
    layers = json.loads(json.dumps(recipe.document["model"]["layers"]))
    for layer in layers:
        for inner in [layer] + layer.get("layers", []) + layer.get("shortcut", []):
            if inner["type"] == "dropout":
                inner["rate"] = 0
    settings = {
        "data.augment": None, "training.shuffle": False, "training.max_steps": steps, "logging.every_steps": 1,
        "logging.report": False, "training.stop_at": None, "training.evaluate_every_epochs": 1000000}
    if layers != recipe.document["model"]["layers"]:
        settings["model"] = {"input": recipe.document["model"]["input"], "layers": layers}
    return [word for key, value in settings.items() for word in ("--set", f"{key}={json.dumps(value)}")]


def predictions(config: Path, flags: list[str], weights: Path, files: list[Path], folder: Path) -> np.ndarray:
    images = folder / "images"
    images.mkdir()
    for number, file in enumerate(files):
        (images / f"{number:04}{file.suffix}").symlink_to(file)
    printed = run(LOCKSTEP, "predict", config, *flags, "--weights", weights, "--images", images)
    return np.array([json.loads(line)["probabilities"] for line in printed.splitlines()])


def same_predictions(options: argparse.Namespace, flags: list[str], recipe: Recipe, weights: Path, exported: Path,
                     folder: Path) -> bool:
    import torch
    import images
    import twin_torch
    test = images.read(recipe, "test", 1)
    chosen = np.linspace(0, len(test.labels) - 1, options.images).astype(int)
    root = recipe.folder / recipe.data["test"]
    files = [file for name in sorted(entry.name for entry in root.iterdir() if entry.is_dir())
             for file in sorted((root / name).iterdir())]
    own = predictions(options.config, flags, weights, [files[i] for i in chosen], folder)
    model = twin_torch.build(recipe)
    with torch.no_grad():
        twin_torch.load(model, exported)
        model.eval()
        is_measured = "auto" in (recipe.data["mean"], recipe.data["std"])
        normalize = images.Normalization(recipe, images.read(recipe, "train", 1).images if is_measured else test.images)
        x = normalize(test.images[chosen])
        logits = model(x)
        if recipe.training["test_time_augmentation"] == "flip":
            logits = (logits + model(x.flip(3))) / 2
        theirs = logits.log_softmax(1).numpy()
    largest = np.abs(np.log(np.maximum(own, 1e-30)) - np.maximum(theirs, np.log(1e-30))).max()
    print(f"log-probabilities of {len(chosen)} images: at most {largest:.2e} apart")
    return largest <= LOGIT_TOLERANCE


def same_steps(options: argparse.Namespace, flags: list[str], recipe: Recipe, exported: Path, weights: Path,
               folder: Path) -> bool:
    import safetensors.numpy as files
    calm = flags + without_chance(recipe, options.steps)
    run(LOCKSTEP, "train", options.config, *calm, "--weights", weights, "--output", folder / "own", "--quiet")
    lines = [json.loads(line) for line in (folder / "own/metrics.jsonl").read_text().splitlines()]
    own_losses = np.array([line["loss"] for line in lines if line["kind"] == "step"])
    printed = run(
        sys.executable, Path(__file__).parent / "twin_torch.py", options.config, *calm, "--weights", exported,
        "--save", folder / "twin.safetensors", "--steps", options.steps, "--each-step")
    their_losses = np.array([
        line["loss"] for line in map(json.loads, printed.splitlines()) if line["kind"] == "step"])
    apart = np.abs(own_losses - their_losses) / own_losses
    print("losses of Lockstep and PyTorch: " + ", ".join(
        f"{own:.5f} {theirs:.5f}" for own, theirs in zip(own_losses, their_losses, strict=True)))
    own_file = export(options.config, calm, folder / "own/weights.safetensors", folder / "own.safetensors")
    before, own, theirs = files.load_file(exported), files.load_file(own_file), files.load_file(
        folder / "twin.safetensors")
    worst, name = 0.0, ""
    # The twin's names begin with places in the net, four digits and a dot.
    names = {name[5:]: name for name in in_order(folder / "twin.safetensors")}
    for tensor, other in paired(in_order(own_file), list(names)):
        mine = own[tensor]
        way = np.linalg.norm(mine - before[tensor])
        distance = np.linalg.norm(mine - theirs[names[other]]) / max(way, 1e-12)
        # What is not trained stays as it is.
        distance = distance if way > 0 else float(np.any(mine != theirs[names[other]]))
        if distance > worst:
            worst, name = distance, tensor
    print(f"weights after {options.steps} steps: at most {worst:.2e} of their way apart ({name})")
    return apart.max() <= LOSS_TOLERANCE and worst <= WEIGHT_TOLERANCE


def in_order(file: Path) -> list[str]:
    import safetensors
    with safetensors.safe_open(file, "np") as source:
        return source.offset_keys()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--images", type=int, default=64)
    options = parser.parse_args()
    flags = overrides(options.config, options.settings, options.data)
    recipe = Recipe(options.config, flags)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        run(LOCKSTEP, "train", options.config, *flags, *without_chance(recipe, 1), "--output", folder / "first", "--quiet")
        weights = folder / "first/weights.safetensors"
        exported = export(options.config, flags, weights, folder / "first.safetensors")
        agree = [same_steps(options, flags, recipe, exported, weights, folder)]
        if recipe.data["format"] == "image_folder":
            agree.append(same_predictions(options, flags, recipe, weights, exported, folder))
    sys.exit("the sides differ" if not all(agree) else 0)


if __name__ == "__main__":
    main()
