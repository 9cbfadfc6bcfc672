"""Golden values of convolution from float64 PyTorch: NHWC images, HWIO filters, dW and db with the factor 1/m."""

import numpy as np
import torch

from golden import exact, write

# name: (examples, height, width, channels in, channels out, filter size, padding)
SMALL = {
    "same3": (2, 6, 5, 3, 5, 3, "same"),
    "same3_one_channel": (3, 8, 8, 1, 17, 3, "same"),
    "same3_wide": (1, 8, 6, 17, 17, 3, "same"),
    "same3_one_pixel": (2, 1, 1, 5, 3, 3, "same"),
    "same3_one_row": (1, 1, 9, 3, 1, 3, "same"),
    "same5": (2, 7, 9, 3, 5, 5, "same"),
    "same5_small_image": (2, 3, 4, 1, 3, 5, "same"),
    "same7": (1, 9, 8, 3, 5, 7, "same"),
    "same2": (2, 5, 6, 3, 5, 2, "same"),
    "same4": (1, 6, 5, 1, 17, 4, "same"),
    "same1": (2, 5, 3, 17, 5, 1, "same"),
    "valid3": (3, 6, 8, 5, 17, 3, "valid"),
    "valid2": (2, 5, 4, 3, 3, 2, "valid"),
    "valid1": (1, 3, 2, 1, 1, 1, "valid"),
    "valid5_one_output": (2, 5, 5, 3, 1, 5, "valid"),
    "valid7": (1, 7, 9, 1, 3, 7, "valid"),
}
LARGE = {
    "same3_tiles": (1, 13, 11, 16, 32, 3, "same"),
    "same5_tiles": (1, 9, 10, 16, 17, 5, "same"),
    "valid3_tiles": (1, 12, 9, 33, 16, 3, "valid"),
}


def border(filter_size: int, padding: str) -> tuple[int, int]:
    """Zeros before and after: `same` pads F − 1 in all, floor((F − 1)/2) of them before (the rule of Keras)."""
    before = (filter_size - 1) // 2
    return (before, filter_size - 1 - before) if padding == "same" else (0, 0)


def make(name: str, cases: dict[str, tuple], seed: int) -> None:
    generator = np.random.Generator(np.random.PCG64(seed))
    inputs: dict[str, np.ndarray] = {}
    outputs: dict[str, np.ndarray] = {}
    for case, (n, h, w, c, k, f, padding) in cases.items():
        x, weight, bias = (exact(generator, shape) for shape in ((n, h, w, c), (f, f, c, k), (k,)))
        before, after = border(f, padding)
        tensors = [torch.tensor(array, requires_grad=True) for array in (x, weight, bias)]
        padded = torch.nn.functional.pad(tensors[0].permute(0, 3, 1, 2), (before, after, before, after))
        filters = tensors[1].permute(3, 2, 0, 1).contiguous()
        z = torch.nn.functional.conv2d(padded.contiguous(), filters, tensors[2]).permute(0, 2, 3, 1)
        dz = exact(generator, tuple(z.shape))
        z.backward(torch.tensor(dz))
        dx, dw, db = (tensor.grad.numpy() for tensor in tensors)
        # The equation itself, for one output and one weight, so that no convention of PyTorch hides in the file.
        image = np.pad(x, ((0, 0), (before, after), (before, after), (0, 0)))
        patch = image[0, : f, : f, :, None]
        assert np.allclose(z[0, 0, 0].detach().numpy(), (patch * weight).sum((0, 1, 2)) + bias, rtol=0, atol=1e-12)
        rows, columns = dz.shape[1:3]
        shifted = image[:, f - 1 : f - 1 + rows, 0:columns]
        assert np.allclose(dw[f - 1, 0], np.einsum("nijc,nijk->ck", shifted, dz), rtol=0, atol=1e-11)
        inputs |= {f"{case}.x": x, f"{case}.w": weight, f"{case}.b": bias, f"{case}.dz": dz}
        outputs |= {f"{case}.z": z.detach().numpy(), f"{case}.dx": dx, f"{case}.dw": dw / n, f"{case}.db": db / n}
    write(name, inputs, outputs, "convolution in float64, rounded to F32; see README.md")


if __name__ == "__main__":
    torch.set_num_threads(1)
    make("convolution", SMALL, 1)
    make("convolution-tiles", LARGE, 2)
