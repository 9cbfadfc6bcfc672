"""ONNX Runtime's side of inference: the model that `lockstep export` writes, from bytes to probabilities.

The weights are those after one step, so that norms have running statistics. ONNX Runtime computes norms together with the
convolutions before them by itself.
"""

import os
import subprocess
import tempfile
from pathlib import Path

from configuration import LOCKSTEP, read_net
from measure import arguments, throughput

MODES = ["all"]  # of its graph optimizations

if __name__ == "__main__":
    options = arguments(__doc__, MODES)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)

import numpy as np
import onnxruntime

IMAGES = 2048  # at most, as many as are whole batches


def export(config: Path, folder: str) -> str:
    """Trains one step of a small batch and exports the net."""
    run, model = f"{folder}/run", f"{folder}/net.onnx"
    settings = {"training.max_steps": 1, "training.batch_size": 16, "data.examples": 32, "data.test_examples": 0}
    train = [LOCKSTEP, "train", str(config), "--output", run, "--quiet"]
    for key, value in settings.items():
        train += ["--set", f"{key}={value}"]
    subprocess.run(train, check=True, stdout=subprocess.DEVNULL)
    weights = f"{run}/weights.safetensors"
    subprocess.run(
        [LOCKSTEP, "export", str(config), "--weights", weights, "--output", model], check=True,
        stdout=subprocess.DEVNULL)
    return model


def session(model: str, threads: int) -> onnxruntime.InferenceSession:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])


def main() -> None:
    net = read_net(options.config, options.batch_size)
    with tempfile.TemporaryDirectory() as folder:
        runtime = session(export(options.config, folder), options.threads)
    count = max(1, IMAGES // net.batch_size) * net.batch_size
    images = np.random.default_rng(1).integers(0, 256, (count, *net.input), dtype=np.uint8)
    batches = np.split(images, count // net.batch_size)

    def step(number: int) -> np.ndarray:
        return runtime.run(["probabilities"], {"images": batches[number % len(batches)]})[0]

    throughput(step, lambda probabilities: float(probabilities.sum()), net.batch_size, options.seconds, options.threads)


if __name__ == "__main__":
    main()
