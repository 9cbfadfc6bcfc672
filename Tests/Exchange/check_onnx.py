"""Compares nets as ONNX models with what Lockstep computed: `make test-onnx` writes the nets and runs this.

    Tests/Exchange/check_onnx.py FOLDER

For every `<net>.expected.safetensors`, with images and probabilities, the models `<net>.onnx` and `<net>.folded.onnx` must pass ONNX's
checker and its strict shape inference with the batch left open, and give the same probabilities in ONNX Runtime within 1e-5,
for all images at once and for one alone.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from safetensors import safe_open

TOLERANCE = 1e-5


def shapes(values):
    """Each value's dimensions by its name, numbers and names of open dimensions."""
    return {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in values}


def check_structure(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    known = shapes(list(inferred.graph.value_info) + list(inferred.graph.output))
    for node in inferred.graph.node:
        shape = known[node.output[0]]
        assert shape[0] == "batch" and all(isinstance(size, int) and size > 0 for size in shape[1:]), (node.name, shape)


def probabilities(path, images):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"images": images})[0]


def main(folder):
    files = sorted(Path(folder).glob("*.expected.safetensors"))
    if not files:
        sys.exit(f"{folder}: no nets")
    worst, failed, varied = (0.0, ""), [], 0
    for file in files:
        with safe_open(file, framework="np") as tensors:
            images, expected = tensors.get_tensor("images"), tensors.get_tensor("probabilities")
            images = images.astype({"u8": np.uint8, "f32": np.float32}[tensors.metadata()["pixels"]])
        varied += np.ptp(expected, axis=0).max() > 1e-3
        name = file.name.removesuffix(".expected.safetensors")
        for model in [file.parent / f"{name}.onnx", file.parent / f"{name}.folded.onnx"]:
            check_structure(model)
            all_images = probabilities(model, images)
            first_alone = probabilities(model, images[:1])
            error = max(np.abs(all_images - expected).max(), np.abs(first_alone - expected[:1]).max())
            worst = max(worst, (error, model.name))
            # `not <=`, so that NaN fails.
            if not error <= TOLERANCE:
                failed.append(model.name)
                print(f"{model.name}: {error:.1e}")
    print(f"{len(files)} nets through ONNX {onnx.__version__} and ONNX Runtime {onnxruntime.__version__}: "
          f"worst error {worst[0]:.1e} ({worst[1]}); {varied} with probabilities that depend on the image")
    if failed or varied < len(files) // 2:
        sys.exit(f"{len(failed)} models differ")


if __name__ == "__main__":
    main(sys.argv[1])
