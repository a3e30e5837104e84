"""Holds an exported model to ONNX's own checker, and runs it in ONNX Runtime.

    onnx_check.py model.onnx images.safetensors logits.safetensors

Prints the model's metadata, inputs and outputs as JSON.
"""

import json
import sys

import onnx
import onnxruntime
from safetensors.numpy import load_file, save_file

model_path, images_path, logits_path = sys.argv[1:]
model = onnx.load(model_path)
onnx.checker.check_model(model, full_check=True)
domains = sorted({node.domain for node in model.graph.node})
session = onnxruntime.InferenceSession(model_path, providers=["CPUExecutionProvider"])
logits = {name: session.run(["logits"], {"images": images})[0] for name, images in load_file(images_path).items()}
save_file(logits, logits_path)
shapes = [[value.name, value.shape] for value in (*session.get_inputs(), *session.get_outputs())]
metadata = {entry.key: entry.value for entry in model.metadata_props}
print(json.dumps({"domains": domains, "shapes": shapes, "metadata": metadata}))
