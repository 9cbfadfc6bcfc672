"""Golden values from the post's own functions: ReLU, both poolings, the fully connected layer's gradients."""

import numpy as np

from golden import exact, write
from post_functions import fc_backward, pool_backward, pool_forward, relu

inputs: dict[str, np.ndarray] = {}
outputs: dict[str, np.ndarray] = {}


def add_relu(generator: np.random.Generator) -> None:
    z = exact(generator, (4, 37))
    z[0, :6] = [0.0, -0.0, 2.0**-126, -(2.0**-126), 1.0, -1.0]
    da = exact(generator, z.shape)
    inputs.update({"relu.z": z, "relu.da": da})
    outputs.update({"relu.a": relu(z), "relu.dz": da * relu(z, deriv=True)})


def first_maximum(x: np.ndarray, dout: np.ndarray) -> np.ndarray:
    """The words of the post, "only the max": routes to the first maximum of each patch in row-major order."""
    dx = np.zeros_like(x)
    n, height, width, channels = dout.shape
    for e, i, j, c in np.ndindex(n, height, width, channels):
        patch = x[e, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2, c]
        a, b = divmod(int(np.argmax(patch)), 2)
        dx[e, 2 * i + a, 2 * j + b, c] = dout[e, i, j, c]
    return dx


def add_max(case: str, x: np.ndarray, generator: np.random.Generator) -> None:
    """Masks are taken in float32, the precision that the layers compute in."""
    out, mask = pool_forward(x.astype(np.float32))
    dout = exact(generator, out.shape)
    inputs.update({f"{case}.x": x, f"{case}.dout": dout})
    outputs.update({
        f"{case}.out": out,
        f"{case}.mask": mask,
        f"{case}.dx": pool_backward(dout, mask),
        f"{case}.dx_first": first_maximum(x, dout),
    })
    if case != "max_threshold":  # there, the rounding of the tolerance itself decides
        assert np.array_equal(mask, pool_forward(x)[1]), f"{case}: float32 and float64 masks differ"


def patches(values: np.ndarray) -> np.ndarray:
    """Patches [P, 4] as one image 1×2×2P×1, patch p in columns 2p and 2p + 1."""
    return values.reshape(-1, 2, 2).transpose(1, 0, 2).reshape(1, 2, -1, 1)


def near_ties() -> np.ndarray:
    """All arrangements of a maximum with neighbours just inside, just outside and far below the tolerance of 1e-5."""
    rows = []
    for maximum in (1.0, 0.3, 117.25, 1e-3, -1.0, -0.3, -117.25, 3e-8, -3e-8, 0.0):
        for gaps in ((0.0, 0.8, 1.2, 50.0), (0.8, 0.8, 0.8, 0.0), (1.2, 0.0, 1.2, 1.2), (0.99, 1.01, 0.0, 0.5)):
            tolerance = 1e-8 + 1e-5 * abs(maximum)
            row = [np.float64(np.float32(maximum - gap * tolerance)) for gap in gaps]
            for shift in range(4):
                rows.append(np.roll(row, shift))
    return patches(np.array(rows))


def thresholds() -> np.ndarray:
    """Second values up to three float32 steps around the tolerance, where the rounding of each operation shows."""
    rows = []
    for maximum in np.float32([1.0, 1.0000001, 1.9999999, 0.7, 3.3333333, 1000.1, 6.1e-5, -1.0, -0.7]):
        edge = np.float32(maximum - (np.float32(1e-8) + np.float32(1e-5) * np.abs(maximum)))
        second = edge
        for _ in range(3):
            second = np.nextafter(second, np.float32(np.inf))
        for _ in range(7):
            rows.append([maximum, second, maximum - 1, maximum])
            second = np.nextafter(second, np.float32(-np.inf))
    return patches(np.array(rows, dtype=np.float64))


def add_max_pooling(generator: np.random.Generator) -> None:
    add_max("max_random", exact(generator, (2, 6, 8, 3)), generator)
    add_max("max_wide", exact(generator, (1, 4, 4, 33)), generator)
    add_max("max_ties", generator.integers(-1, 2, (3, 8, 6, 5)).astype(np.float64), generator)
    add_max("max_negative", -1 - np.abs(exact(generator, (1, 4, 6, 2))), generator)
    add_max("max_zeros", np.zeros((1, 4, 4, 3)), generator)
    add_max("max_equal", np.full((1, 4, 4, 3), -0.625), generator)
    add_max("max_relu", relu(exact(generator, (2, 8, 8, 3))), generator)
    add_max("max_near", near_ties(), generator)
    add_max("max_threshold", thresholds(), generator)


def add_average_pooling(generator: np.random.Generator) -> None:
    """The words: the mean of the four values of each patch. The code averages over w/2 and c; its shape shows it."""
    for case, shape in (("average", (2, 6, 8, 3)), ("average_wide", (1, 4, 2, 17))):
        x = exact(generator, shape)
        n, height, width, channels = shape
        code_out, mask = pool_forward(x, mode="average")
        assert code_out.shape == (n, height // 2, 2, 2) != (n, height // 2, width // 2, channels)
        out = (x[:, 0::2, 0::2] + x[:, 0::2, 1::2] + x[:, 1::2, 0::2] + x[:, 1::2, 1::2]) / 4
        dout = exact(generator, out.shape)
        inputs.update({f"{case}.x": x, f"{case}.dout": dout})
        outputs.update({f"{case}.out": out, f"{case}.dx": pool_backward(dout, mask)})


def add_dense(generator: np.random.Generator) -> None:
    """The post keeps examples in columns; stored here in rows, [m, units], as the layers take them."""
    for case, (m, count_in, count_out) in {
        "dense": (5, 17, 10), "dense_one": (1, 3, 1), "dense_wide": (7, 33, 65),
    }.items():
        a, x, w, b = (
            exact(generator, shape) for shape in ((count_out, m), (count_in, m), (count_out, count_in), (count_out, 1)))
        a[0, 0] = 0.0
        da = exact(generator, (count_out, m))
        dx, dw, db = fc_backward(da, a, x, w, b)
        inputs.update({f"{case}.da": da.T, f"{case}.a": a.T, f"{case}.x": x.T, f"{case}.w": w, f"{case}.b": b[:, 0]})
        outputs.update({f"{case}.z": (w @ x + b).T, f"{case}.dx": dx.T, f"{case}.dw": dw, f"{case}.db": db[:, 0]})


if __name__ == "__main__":
    generator = np.random.Generator(np.random.PCG64(9))
    add_relu(generator)
    add_max_pooling(generator)
    add_average_pooling(generator)
    add_dense(generator)
    write("post", inputs, outputs, "the post's own functions; see README.md")
