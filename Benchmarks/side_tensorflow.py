"""TensorFlow's side: full training steps in one tf.function, with the fused momentum update."""

import os

from configuration import Net, read_net
from measure import arguments, throughput

MODES = ["function", "jit"]
options = arguments(__doc__, MODES)
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["OMP_NUM_THREADS"] = str(options.threads)

import numpy as np
import tensorflow as tf


def parameters(net: Net, generator: np.random.Generator) -> list[tf.Variable]:
    """Weight, bias per convolution and dense layer, He-normal and zero."""
    height, width, features = net.input
    variables: list[tf.Variable] = []
    for layer in net.layers:
        match layer["type"]:
            case "conv2d":
                size, outputs = layer["kernel_size"], layer["filters"]
                shape, fan_in = (size, size, features, outputs), size * size * features
            case "max_pool2d" | "avg_pool2d":
                height, width = height // 2, width // 2
                continue
            case "flatten":
                features *= height * width
                continue
            case "dense":
                outputs = layer["units"]
                shape, fan_in = (features, outputs), features
            case _:
                continue
        weight = generator.standard_normal(shape, dtype=np.float32) * np.sqrt(np.float32(2 / fan_in))
        variables += [tf.Variable(weight), tf.Variable(tf.zeros(outputs))]
        features = outputs
    return variables


def logits(net: Net, variables: list[tf.Variable], x: tf.Tensor) -> tf.Tensor:
    remaining = iter(variables)
    for layer in net.layers:
        match layer["type"]:
            case "conv2d":
                x = tf.nn.bias_add(tf.nn.conv2d(x, next(remaining), 1, layer["padding"].upper()), next(remaining))
            case "relu":
                x = tf.nn.relu(x)
            case "max_pool2d":
                x = tf.nn.max_pool2d(x, 2, 2, "VALID")
            case "avg_pool2d":
                x = tf.nn.avg_pool2d(x, 2, 2, "VALID")
            case "flatten":
                x = tf.reshape(x, [x.shape[0], -1])
            case "dense":
                x = tf.nn.bias_add(tf.matmul(x, next(remaining)), next(remaining))
            case other:
                raise ValueError(f"no TensorFlow twin of {other}")
    return x


def main() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1 if options.threads == 1 else 2)
    net = read_net(options.config, options.batch_size)
    generator = np.random.default_rng(1)
    variables = parameters(net, generator)
    momenta = [tf.Variable(tf.zeros_like(variable)) for variable in variables]
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
                labels=labels, logits=logits(net, variables, images)))
        for variable, momentum, gradient in zip(variables, momenta, tape.gradient(loss, variables)):
            tf.raw_ops.ResourceApplyMomentum(
                var=variable.handle, accum=momentum.handle, lr=net.learning_rate, grad=gradient, momentum=net.momentum)
        return loss

    def step(number: int) -> tf.Tensor:
        return train(*batches[number % len(batches)])

    throughput(step, lambda loss: loss.numpy(), net.batch_size, options.seconds, options.threads)


if __name__ == "__main__":
    main()
