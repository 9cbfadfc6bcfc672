"""What the scripts of this folder share: exact inputs, rounded outputs, one way to write a file.

Run with Python 3.11, numpy 2.4.6, torch 2.15.0 and safetensors 0.8.0 (`make golden` sets them up).
"""

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

FOLDER = Path(__file__).resolve().parent


def exact(generator: np.random.Generator, shape: tuple[int, ...], limit: float = 2.0) -> np.ndarray:
    """Multiples of 2^-10 in [-limit, limit], in float64: storing them as F32 loses nothing."""
    return generator.integers(-int(limit * 1024), int(limit * 1024) + 1, shape).astype(np.float64) / 1024


def is_exact(array: np.ndarray) -> bool:
    return bool(np.array_equal(array.astype(np.float32).astype(np.float64), array.astype(np.float64)))


def write(name: str, inputs: dict[str, np.ndarray], outputs: dict[str, np.ndarray], note: str) -> None:
    """Writes `name`.safetensors, all F32: inputs must be exact, outputs are rounded once."""
    for key, array in inputs.items():
        assert is_exact(array), f"{key} is an input and not representable in F32"
    tensors = {key: np.ascontiguousarray(array, dtype=np.float32) for key, array in (inputs | outputs).items()}
    path = FOLDER / f"{name}.safetensors"
    save_file(tensors, path, metadata={"note": note})
    size = path.stat().st_size
    assert size < 300_000, f"{path.name} has {size} bytes"
    print(f"{path.name}: {len(tensors)} tensors, {size} bytes")
