"""Golden values of softmax with cross-entropy in float64, through log-sum-exp."""

import numpy as np

from golden import exact, write

generator = np.random.Generator(np.random.PCG64(3))


def cases() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    random = exact(generator, (9, 10), 8.0)
    huge = exact(generator, (4, 10), 2.0)
    huge[0, 3], huge[1, 3], huge[2, :], huge[3, 0] = 1e4, -1e4, 1e4, -1e4
    huge[3, 1] = 1e4
    spread = np.zeros((8, 3))
    spread[:, 1] = [-80.0, -87.0, -87.5, -88.0, -100.0, -103.0, -104.0, -1000.0]
    return {
        "random": (random, generator.integers(0, 10, 9)),
        "large": (huge, np.array([3, 3, 9, 0])),
        "underflow": (spread, np.array([0, 1, 1, 1, 1, 1, 1, 1])),
        "equal": (np.full((3, 7), -4.25), np.array([0, 3, 6])),
        "one_class": (np.array([[5.0], [-1e4]]), np.array([0, 0])),
        "two_classes": (exact(generator, (5, 2), 4.0), np.array([0, 1, 1, 0, 1])),
        "many_classes": (exact(generator, (2, 1000), 8.0), np.array([999, 0])),
    }


if __name__ == "__main__":
    inputs: dict[str, np.ndarray] = {}
    outputs: dict[str, np.ndarray] = {}
    for case, (logits, labels) in cases().items():
        m, classes = logits.shape
        shifted = logits - logits.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        sums = exponentials.sum(axis=1, keepdims=True)
        probabilities = exponentials / sums
        losses = np.log(sums[:, 0]) - shifted[np.arange(m), labels]
        assert np.all(np.isfinite(losses)) and np.allclose(probabilities.sum(axis=1), 1)
        inputs |= {f"{case}.logits": logits, f"{case}.labels": labels}
        outputs |= {
            f"{case}.probabilities": probabilities,
            f"{case}.losses": losses,
            f"{case}.mean_loss": np.array([losses.mean()]),
            f"{case}.dz": probabilities - np.eye(classes)[labels],
        }
    write("softmax", inputs, outputs, "softmax with cross-entropy in float64, rounded to F32; see README.md")
