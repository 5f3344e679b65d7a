"""What the tests of the Python package share."""

import pathlib
import signal

import pytest

import tensorhold

# Who was started in the background of a script ignores Ctrl-C, which tests send; so would Python.
signal.signal(signal.SIGINT, signal.default_int_handler)

DATA = pathlib.Path(__file__).parents[1] / "data"


@pytest.fixture
def model():
    """A shipped file with one tensor of each of ten dtypes."""
    return DATA / "ten-dtypes.safetensors"


@pytest.fixture
def saved(tmp_path):
    """A function that saves tensors into a new file and gives its path."""
    count = 0

    def save(tensors, metadata=None, **options):
        nonlocal count
        count += 1
        path = tmp_path / f"{count}.safetensors"
        tensorhold.save(path, tensors, metadata, **options)
        return path

    return save
