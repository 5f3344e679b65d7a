"""Uses an installed wheel where nothing else is: wheel_smoke.py FILE ENVIRONMENT."""

import importlib.metadata
import os
import pathlib
import pickle
import subprocess
import sys
import tempfile

import tensorhold

model, environment = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
place = pathlib.Path(tensorhold.__file__).resolve().parent
assert environment in place.parents, place
assert {"py.typed", "_core.pyi"} <= {path.name for path in place.iterdir()}
assert importlib.metadata.version("tensorhold") == tensorhold.__version__
assert "numpy" not in sys.modules
said = subprocess.run([environment / "bin/tensorhold", "ls", model], capture_output=True, text=True,
                      check=True)
assert "tensor1.int64" in said.stdout

with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, "copy.safetensors")
    with tensorhold.open(model) as file:
        tensorhold.save(path, dict(file.items()), file.metadata)
        values = {name: tensor.tolist() for name, tensor in file.items()}
    with tensorhold.open(path, access="mapped") as file:
        tensors = dict(file.items())
    view = memoryview(tensors["tensor1.int64"])
    assert tensorhold.release(path).tensors == len(tensors)
    tensorhold.remove(path)
    assert {name: tensor.tolist() for name, tensor in tensors.items()} == values
    assert view.tolist() == values["tensor1.int64"]
    try:
        tensorhold.open(path)
    except FileNotFoundError as error:
        assert pickle.loads(pickle.dumps(error)).code == "not_found"
    else:
        sys.exit("a removed file was opened")

# The drop-in reaches Pythons that are started, and leaves others alone.
asks = "import importlib.metadata as m, safetensors; print(safetensors.__name__, m.version('safetensors'))"
for value, found in (("1", "tensorhold.safetensors 0.8.0"), ("", "")):
    variables = {**os.environ, "TENSORHOLD_DROPIN": value}
    ran = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, env=variables)
    assert ran.stdout.strip() == found, ran.stderr
