"""What `init`, `data info --sheet` and `data convert` write, as NumPy and the schema see it: `make test-data` runs this.

    Tests/Data/check.py LOCKSTEP

Makes small data of every kind. A configuration that `init` writes must be plain JSON without its comments, be valid by
Config/schema.json, and hold NumPy's mean and deviation; it must train. An archive of `data convert` must hold the arrays.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import jsonschema
import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def write_idx(path, array):
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())


def without_comments(text):
    """JSON without `// …` behind a value; no string here holds two slashes."""
    return re.sub(r"//.*", "", text)


def main(program):
    program = Path(program).resolve()  # `run` starts it in another folder.
    validator = jsonschema.Draft7Validator(json.loads((ROOT / "Config/schema.json").read_text()))
    draw = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def run(*arguments):
            done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, f"{arguments}: {done.stderr}"
            return done.stdout

        grey, rgb = draw.integers(0, 256, (40, 28, 28), np.uint8), draw.integers(0, 200, (60, 24, 20, 3), np.uint8)
        labels = (np.arange(60) % 7).astype(np.int64)
        (folder / "mnist").mkdir()
        write_idx(folder / "mnist/train-images-idx3-ubyte", grey)
        write_idx(folder / "mnist/train-labels-idx1-ubyte", labels[:40].astype(np.uint8))
        names = np.array([f"class {k} é" for k in range(7)])
        np.savez_compressed(
            folder / "colours.npz", x_train=rgb, y_train=labels, x_test=rgb[:9], y_test=labels[:9], class_names=names)
        np.save(folder / "x.npy", (grey.astype(np.float32) / 16)[..., None])
        (folder / "loose").mkdir()
        (folder / "x.npy").rename(folder / "loose/images.npy")
        np.save(folder / "loose/labels.npy", labels[:40].astype(np.uint16))
        (folder / "cifar-100-binary").mkdir()
        records = draw.integers(0, 256, (8, 3074), np.uint8)
        records[:, :2] = records[:, :2] % 20
        for part in ("train", "test"):
            (folder / f"cifar-100-binary/{part}.bin").write_bytes(records.tobytes())
        cifar = records[:, 2:].reshape(8, 3, 32, 32).transpose(0, 2, 3, 1)

        kinds = {"mnist": grey[..., None], "colours.npz": rgb, "loose": grey[..., None] / 16, "cifar-100-binary": cifar}
        for data, images in kinds.items():
            said = json.loads(run("init", "--data", data, "--json"))
            text = (folder / said["config"]).read_text()
            document = json.loads(without_comments(text))
            validator.validate(document)
            scaled = images.astype(np.float64) * document["data"]["scale"]
            assert np.allclose(document["data"]["mean"], scaled.mean((0, 1, 2)), atol=1e-6), text
            assert np.allclose(document["data"]["std"], scaled.std((0, 1, 2)), atol=1e-6), text
            assert document["model"]["input"] == list(images.shape[1:]), text
            run("train", said["config"], "--quiet", "--set", "training.max_steps=2", "--batch-size", "8")
            run("data", "convert", said["config"], "--output", f"{data}-out.npz")
            with np.load(folder / f"{data}-out.npz") as archive:
                assert np.array_equal(archive["x_train"], images), data
                assert archive["y_train"].dtype == np.int32 and len(archive["y_train"]) == len(images), data
                if data == "colours.npz":
                    assert np.array_equal(archive["class_names"], names) and np.array_equal(archive["y_test"], labels[:9])
                    assert np.array_equal(archive["y_train"], labels)
            run("data", "info", said["config"], "--sheet", f"{data}.png")
            print(f"{data}: {document['model']['preset']}, {document['training']['epochs']} epochs")


if __name__ == "__main__":
    main(*sys.argv[1:])
