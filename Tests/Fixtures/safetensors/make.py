"""Writes python.safetensors with the Python package, for the reader's tests.

Run in this folder with Python 3, numpy and safetensors (tried: 2.4 and 0.8). The package orders metadata and
tensors as it likes; the tests do not depend on that.
"""

import numpy as np
from safetensors.numpy import save_file

counting = np.arange(24, dtype=np.float32)
save_file(
    {
        "conv2d_1.weight": (counting / 8 - 1).reshape(2, 3, 1, 4),
        "scalar": np.array(-0.5, dtype=np.float32),
        "empty": np.zeros((3, 0, 2), dtype=np.float32),
        'odd "name" \\ with\ttab, ü, 数 and 😀': np.array([np.inf, -np.inf, 1e-45, -0.0], dtype=np.float32),
    },
    "python.safetensors",
    metadata={"format": "np", "note": 'quotes " and \n lines', "ключ": "значение"},
)
