"""What must be set before a framework is imported."""

import os

import pytest

for name, value in {
    "CUDA_VISIBLE_DEVICES": "-1",
    "GLOG_minloglevel": "3",
    "JAX_PLATFORMS": "cpu",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
}.items():
    os.environ.setdefault(name, value)

pytest.register_assert_rewrite("exchange")
