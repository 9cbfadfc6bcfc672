"""Imports torchvision's models and compares what they compute with what Lockstep does; then trains one of them on.

    Tests/Exchange/check_torchvision.py LOCKSTEP FOLDER

The models have random weights, and the norms' statistics of the images here. Log-probabilities of random images of 224×224
must agree within 1e-4. FOLDER is for files; it may be empty.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
import torchvision
from safetensors.torch import save_file

TOLERANCE = 1e-4
CLASSES = 10
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def run(program, *arguments):
    """What the program prints."""
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def write_idx(path, images):
    header = bytes([0, 0, 8, images.ndim]) + b"".join(size.to_bytes(4, "big") for size in images.shape)
    path.write_bytes(header + images.tobytes())


def configuration(program, folder, name, classes):
    """A file with the net; torchvision's head for VGG, which is not the preset's."""
    data = {"format": "synthetic", "examples": 16, "test_examples": 0, "classes": classes, "mean": MEAN, "std": STD}
    model = {"preset": name, "classes": classes, "input": [224, 224, 3]}
    path = folder / f"{name}-{classes}.json"
    path.write_text(json.dumps({"model": model, "data": data, "training": {"epochs": 1, "batch_size": 8}}))
    if name.startswith("vgg"):
        resolved = json.loads(run(program, "config", path, "--json"))
        layers = resolved["model"]["layers"]
        front = layers[: next(i for i, layer in enumerate(layers) if layer["type"] == "flatten") + 1]
        head = [{"type": "dense", "units": 4096}, {"type": "relu"}] * 2
        resolved["model"]["layers"] = front + head + [{"type": "dense", "units": classes}, {"type": "softmax"}]
        path.write_text(json.dumps(resolved))
    return path


def twin(name, images):
    """The model with statistics that suit the images, its weights, and its log-probabilities."""
    torch.manual_seed(1)
    model = getattr(torchvision.models, name)(weights=None, num_classes=CLASSES)
    x = ((torch.tensor(images).double() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)).float().permute(0, 3, 1, 2)
    with torch.inference_mode():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None
                module.weight.uniform_(0.5, 1)
                module.bias.normal_(0, 0.2)
        model.train()(x)
        return model.state_dict(), model.eval()(x).log_softmax(1).numpy()


def main(program, folder):
    folder = Path(folder)
    images = np.random.default_rng(1).integers(0, 256, (2, 224, 224, 3), np.uint8)
    write_idx(folder / "images.idx", images)
    for name in ["resnet18", "resnet34", "resnet50", "vgg11_bn", "vgg16_bn"]:
        state, expected = twin(name, images)
        save_file(state, folder / "torchvision.safetensors")
        config = configuration(program, folder, name, CLASSES)
        weights = folder / "imported.safetensors"
        run(program, "import", folder / "torchvision.safetensors", "--format", "torchvision", "--config", config,
            "--output", weights, "--overwrite")
        lines = run(program, "predict", config, "--weights", weights, "--images", folder / "images.idx").splitlines()
        found = np.log([json.loads(line)["probabilities"] for line in lines])
        error = np.abs(found - expected).max()
        print(f"{name}: log-probabilities differ by {error:.1e}, and between images by {np.ptp(expected, 0).max():.1e}")
        assert error <= TOLERANCE and np.ptp(expected, 0).max() > 1e-2
        if name != "resnet18":
            continue
        # Four classes instead of ten: all but the head is kept, and trains on.
        config = configuration(program, folder, name, 4)
        summary = json.loads(run(
            program, "import", folder / "torchvision.safetensors", "--format", "torchvision", "--config", config,
            "--output", weights, "--overwrite", "--new-head", "--json"))
        assert summary["new"] == ["dense_1.weight", "dense_1.bias"], summary
        trained = json.loads(run(
            program, "train", config, "--weights", weights, "--output", folder / "run", "--overwrite", "--quiet",
            "--json").splitlines()[-1])
        assert trained["steps"] == 2 and np.isfinite(trained["loss"]), trained


if __name__ == "__main__":
    main(*sys.argv[1:])
