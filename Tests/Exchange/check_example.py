"""Trains the digits for an epoch, exports the net and predicts from the ONNX file by Examples/python/predict_onnx.py.

    Tests/Exchange/check_example.py LOCKSTEP FOLDER

The classes must be those of `lockstep predict`. FOLDER is for files.
"""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "Sources/Datasets/Resources/t10k-images-idx3-ubyte.gz"


def main(program, folder):
    def run(*command):
        return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout

    folder = Path(folder)
    config, weights = ROOT / "Config/digits.json", folder / "run/weights.safetensors"
    run(program, "train", config, "--epochs", 1, "--output", folder / "run", "--overwrite", "--quiet")
    run(program, "export", config, "--weights", weights, "--output", folder / "digits.onnx", "--overwrite")
    images = np.frombuffer(gzip.decompress(IMAGES.read_bytes())[16:], np.uint8).reshape(-1, 8, 8, 1)
    np.save(folder / "images.npy", images)
    lines = run(sys.executable, ROOT / "Examples/python/predict_onnx.py", folder / "digits.onnx", folder / "images.npy")
    found = [line.split()[0] for line in lines.splitlines()]
    predictions = run(program, "predict", config, "--weights", weights, "--images", IMAGES)
    expected = [str(json.loads(line)["class"]) for line in predictions.splitlines()]
    assert found == expected and len(found) == 360, "the example's classes are not those of lockstep predict"
    print(f"{len(found)} digits get the same class from the ONNX model")


if __name__ == "__main__":
    main(*sys.argv[1:])
