"""Each loader as its users use it: what a row of the story does with it, and nothing more.

`load` gives tensor "w"; `remove` and `save` are what the loader offers for it, or plain Python;
`free` is what it offers to let go of a file while a tensor lives.
"""

import os
import re


def errno_of(error):
    """The system's error number in a loader's exception, or None."""
    number = getattr(error, "errno", None) or getattr(error, "os_error", None)
    if number:
        return number
    found = re.search(r"os error (\d+)", str(error))  # in words only, as the reference gives it
    return int(found[1]) if found else None


class Reference:
    """The package safetensors, with torch."""

    def __init__(self):
        import safetensors
        import safetensors.torch
        import torch
        self.errors = (OSError, safetensors.SafetensorError)
        self.torch, self.package = torch, safetensors

    def load(self, path):
        return self.package.torch.load_file(path)["w"]

    def parameter(self, tensor):
        return self.torch.nn.Parameter(tensor)

    def independent(self, path):
        return self.load(path)[:]

    def scope(self, path, act):
        with self.package.safe_open(path, "pt") as file:
            act(file.get_tensor("w"))

    def remove(self, path):
        os.remove(path)

    def save(self, path, tensor):
        self.package.torch.save_file({"w": tensor}, path)

    def holders(self, path):
        return None  # has no such call

    def free(self, path):
        pass  # has no such call

    def after_truncation(self, path, cut):
        tensor = self.load(path)
        cut()
        self.bytes(tensor)
        return "the tensor could be read"

    def bytes(self, tensor):
        return tensor.detach().numpy().tobytes()

    def address(self, tensor):
        return tensor.data_ptr()


class Tensorhold:
    """The package tensorhold, with torch."""

    def __init__(self):
        import tensorhold
        import torch
        self.errors = (OSError, tensorhold.Error)
        self.torch, self.package = torch, tensorhold

    def load(self, path):
        with self.package.open(path, access="mapped") as file:
            return self.torch.from_dlpack(file["w"])

    def parameter(self, tensor):
        return self.torch.nn.Parameter(tensor)

    def independent(self, path):
        with self.package.open(path, access="mapped") as file:
            return file["w"][:]

    def scope(self, path, act):
        with self.package.open(path, access="mapped", release_on_exit=True) as file:
            act(file["w"])

    def remove(self, path):
        self.package.remove(path, reclaim_space=True)

    def save(self, path, tensor):
        self.package.save(path, {"w": tensor.numpy()})

    def holders(self, path):
        return [holder.tensor for holder in self.package.holders(path)]

    def free(self, path):
        self.package.release(path)

    def after_truncation(self, path, cut):
        with self.package.open(path, access="mapped", guard=True) as file:
            tensor = file["w"]
            cut()
            memoryview(tensor).tobytes()  # a plain read: zeros, and no signal
            try:
                tensor.copy()
            except self.package.Error as error:
                return f"an error: {error.code}"
        return "the loss went unseen"

    def bytes(self, tensor):
        return tensor.detach().numpy().tobytes() if hasattr(tensor, "detach") else bytes(tensor)

    def address(self, tensor):
        return tensor.data_ptr()


LOADERS = {"safetensors": Reference, "tensorhold-python": Tensorhold}
