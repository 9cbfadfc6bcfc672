"""Predicts with a model of `lockstep export`: predict_onnx.py MODEL.onnx IMAGES.npy, bytes [n, height, width, channels].

Of an archive of `lockstep data convert` it takes the test images.
"""
import json
import sys

import numpy as np
import onnxruntime

model = onnxruntime.InferenceSession(sys.argv[1])
names = json.loads(model.get_modelmeta().custom_metadata_map.get("class_names", "null"))
images = np.load(sys.argv[2])
images = images if isinstance(images, np.ndarray) else images["x_test"]
for row in model.run(["probabilities"], {"images": images})[0]:
    best = int(row.argmax())
    print(names[best] if names else best, f"{row[best]:.4f}")
