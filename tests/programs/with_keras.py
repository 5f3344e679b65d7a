"""keras, on torch: it has no format of this kind of its own; its users save its arrays by name."""

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import report
import safetensors.numpy
import safetensors.torch
import torch
from safetensors import safe_open


def model():
    keras.utils.clear_session()  # so that layers have the same names in every model
    keras.utils.set_random_seed(0)
    made = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(8, activation="relu"),
                             keras.layers.BatchNormalization(), keras.layers.Dense(3)])
    made.compile(optimizer="sgd", loss="mse")
    return made


def arrays(made):
    return {weight.path: weight.numpy() for weight in made.weights}


def fill(made, file):
    with safe_open(file, framework="np") as opened:
        for weight in made.weights:
            weight.assign(opened.get_tensor(weight.path))


def train(made):
    made.fit(np.ones((4, 4), "float32"), np.zeros((4, 3), "float32"), verbose=0)


def array_sum(name):
    """In a child."""
    with safe_open("model.safetensors", framework="np") as opened:
        return float(opened.get_tensor(name).sum())


def path(report_):
    made = model()
    safetensors.numpy.save_file(arrays(made), "model.safetensors", {"format": "keras"})
    train(made)
    report_.tensors("trained", arrays(made))
    fill(made, "model.safetensors")
    report_.tensors("loaded", arrays(made))
    train(made)
    safetensors.numpy.save_file(arrays(made), "model.safetensors")
    report_.tensors("again", safetensors.numpy.load_file("model.safetensors"))
    # With this backend a keras model is a module of torch.
    safetensors.torch.save_model(made, "module.safetensors")
    other = model()
    missing = safetensors.torch.load_model(other, "module.safetensors")
    report_.value("missing", [sorted(part) for part in missing])
    report_.tensors("other", arrays(other))
    train(other)
    safetensors.torch.save_model(other, "module.safetensors")
    with torch.multiprocessing.get_context("fork").Pool(2) as pool:
        report_.value("by workers", pool.map(array_sum, sorted(arrays(made))))
    report.cut("model.safetensors", 300)
    report_.refused("a file cut in its header", lambda: fill(made, "model.safetensors"))
    wider = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(9)])
    report_.refused("another model",
                    lambda: safetensors.torch.load_model(wider, "module.safetensors"))


def half(report_):
    for policy in ("mixed_float16", "bfloat16"):
        keras.config.set_dtype_policy(policy)
        made = model()
        safetensors.torch.save_model(made, f"{policy}.safetensors")
        other = model()
        safetensors.torch.load_model(other, f"{policy}.safetensors")
        report_.tensors(policy, other.state_dict())
    keras.config.set_dtype_policy("float32")


if __name__ == "__main__":
    report.run(path, half)
