"""TensorFlow's side: full training steps in one tf.function, with the fused momentum update."""

import os
from collections.abc import Callable

from configuration import Net, Shape, borders, output_shape, read_net, window

MODES = ["function", "jit"]

if __name__ == "__main__":
    from measure import arguments, throughput

    options = arguments(__doc__, MODES)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

Step = Callable[[tf.Tensor], tf.Tensor]


class Model:
    """The logits of a net, and its trained variables in the order of the layers."""

    def __init__(self, net: Net, generator: np.random.Generator) -> None:
        self.variables: list[tf.Variable] = []
        self.generator = generator
        self.steps = self.sequence(net.layers, net.input)

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return applied(self.steps, x)

    def variable(self, value: tf.Tensor | np.ndarray) -> tf.Variable:
        self.variables.append(tf.Variable(value))
        return self.variables[-1]

    def weight(self, shape: Shape, fan_in: int) -> tf.Variable:
        """He-normal."""
        return self.variable(
            self.generator.standard_normal(shape, dtype=np.float32) * np.sqrt(np.float32(2 / fan_in)))

    def sequence(self, layers: list[dict], shape: Shape) -> list[Step]:
        steps: list[Step] = []
        for layer in layers:
            steps.append(self.step(layer, shape))
            shape = output_shape(layer, shape)
        return steps

    def step(self, layer: dict, shape: Shape) -> Step:
        match layer["type"]:
            case "conv2d":
                return self.convolution(layer, shape)
            case "depthwise_conv2d":
                return self.depthwise(layer, shape)
            case "dropout":
                return lambda x: tf.nn.dropout(x, layer["rate"]) if layer["rate"] else x
            case "batch_norm":
                return self.norm(layer, shape)
            case "max_pool2d" | "avg_pool2d":
                return pool(layer, shape)
            case "global_avg_pool2d":
                return lambda x: tf.reduce_mean(x, [1, 2])
            case "flatten":
                return lambda x: tf.reshape(x, [x.shape[0], -1])
            case "dense":
                weight = self.weight((shape[0], layer["units"]), shape[0])
                return self.biased(lambda x: tf.matmul(x, weight), layer, layer["units"])
            case "residual":
                layers, shortcut = self.sequence(layer["layers"], shape), self.sequence(layer["shortcut"], shape)
                end = activation({"type": layer["activation"]}) if "activation" in layer else tf.identity
                return lambda x: end(applied(layers, x) + applied(shortcut, x))
            case _:
                return activation(layer)

    def convolution(self, layer: dict, shape: Shape) -> Step:
        size, strides, dilation = window(layer)
        channels = shape[2] // layer["groups"]
        weight = self.weight((*size, channels, layer["filters"]), size[0] * size[1] * channels)
        padding = zeros(layer, shape)

        return self.biased(
            lambda x: tf.nn.conv2d(x, weight, strides, padding, dilations=dilation), layer, layer["filters"])

    def depthwise(self, layer: dict, shape: Shape) -> Step:
        size, strides, dilation = window(layer)
        weight = self.weight((*size, shape[2], layer["depth_multiplier"]), size[0] * size[1])
        padding = zeros(layer, shape)

        def convolve(x: tf.Tensor) -> tf.Tensor:
            if isinstance(padding, list):
                # The operation itself takes the names alone: zeros are put around the image first.
                x = tf.pad(x, padding)
            name = "VALID" if isinstance(padding, list) else padding
            return tf.nn.depthwise_conv2d(x, weight, (1, *strides, 1), name, dilations=dilation)

        return self.biased(convolve, layer, shape[2] * layer["depth_multiplier"])

    def biased(self, step: Step, layer: dict, outputs: int) -> Step:
        if not layer.get("use_bias", True):
            return step
        bias = self.variable(tf.zeros(outputs))
        return lambda x: tf.nn.bias_add(step(x), bias)

    def norm(self, layer: dict, shape: Shape) -> Step:
        """Running statistics are kept as Keras does."""
        if len(shape) != 3 or not (layer["center"] and layer["scale"]):
            raise ValueError("no TensorFlow norm of flat values, or with only one of scale and shift, is known here")
        scale, offset = self.variable(tf.ones(shape[2])), self.variable(tf.zeros(shape[2]))
        running = tf.Variable(tf.zeros(shape[2])), tf.Variable(tf.ones(shape[2]))

        def normalize(x: tf.Tensor) -> tf.Tensor:
            y, *statistics = tf.compat.v1.nn.fused_batch_norm(x, scale, offset, epsilon=layer["epsilon"])
            for old, new in zip(running, statistics):
                old.assign_sub((old - new) * (1 - layer["momentum"]))
            return y

        return normalize


def applied(steps: list[Step], x: tf.Tensor) -> tf.Tensor:
    for step in steps:
        x = step(x)
    return x


def zeros(layer: dict, shape: Shape) -> str | list[list[int]]:
    """The padding, by its name where it has one."""
    sides = borders(layer, shape)
    for name in ("valid", "same"):
        if sides == borders(layer | {"padding": name}, shape):
            return name.upper()
    top, bottom, left, right = sides
    return [[0, 0], [top, bottom], [left, right], [0, 0]]


def pool(layer: dict, shape: Shape) -> Step:
    size, strides, _ = window(layer)
    padding = zeros(layer, shape)
    if layer["type"] == "max_pool2d":
        return lambda x: tf.nn.max_pool2d(x, size, strides, padding)
    if isinstance(padding, list):
        raise ValueError("TensorFlow has no average pool with padding by side")
    return lambda x: tf.nn.avg_pool2d(x, size, strides, padding)


def activation(layer: dict) -> Step:
    match layer["type"]:
        case "relu" | "relu6" if layer.get("max_value") or layer["type"] == "relu6":
            limit = layer.get("max_value", 6)
            return tf.nn.relu6 if limit == 6 else lambda x: tf.clip_by_value(x, 0, limit)
        case "relu":
            return tf.nn.relu
        case "gelu":
            return lambda x: tf.nn.gelu(x, approximate=False)
        case "silu":
            return tf.nn.silu
        case "leaky_relu":
            return lambda x: tf.nn.leaky_relu(x, layer.get("negative_slope", 0.01))
        case other:
            raise ValueError(f"no TensorFlow layer is known for {other}")


def main() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1 if options.threads == 1 else 2)
    net = read_net(options.config, options.batch_size)
    generator = np.random.default_rng(1)
    model = Model(net, generator)
    momenta = [tf.Variable(tf.zeros_like(variable)) for variable in model.variables]
    x = generator.standard_normal((net.examples, *net.input), dtype=np.float32)
    y = generator.integers(0, net.classes, net.examples, dtype=np.int32)
    starts = range(0, net.examples - net.batch_size + 1, net.batch_size)
    batches = [
        (tf.constant(x[start : start + net.batch_size]), tf.constant(y[start : start + net.batch_size]))
        for start in starts
    ]

    @tf.function(autograph=False, jit_compile=options.mode == "jit")
    def train(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=labels, logits=model(images)))
        for variable, momentum, gradient in zip(model.variables, momenta, tape.gradient(loss, model.variables)):
            tf.raw_ops.ResourceApplyMomentum(
                var=variable.handle, accum=momentum.handle, lr=net.learning_rate, grad=gradient, momentum=net.momentum)
        return loss

    def step(number: int) -> tf.Tensor:
        return train(*batches[number % len(batches)])

    throughput(step, lambda loss: loss.numpy(), net.batch_size, options.seconds, options.threads)


if __name__ == "__main__":
    main()
