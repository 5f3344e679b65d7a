// A copy of the library in a module of its own; copies_test.cpp loads two of them.
#include <string>

#include "tensorhold/tensorhold.hpp"

namespace th = tensorhold;

namespace {

std::string said;

template <class Work>
const char* saying(const Work& work) {
  try {
    said = work();
  } catch (const std::exception& error) {
    said = error.what();
  }
  return said.c_str();
}

}  // namespace

/// Releases a writable view, beside a guard; what went wrong, or an empty text.
extern "C" [[gnu::visibility("default")]] const char* release_once(const char* path) {
  return saying([&]() -> std::string {
    const th::File file = th::open(path, {.access = th::Access::mapped, .guard = true});
    const th::Tensor tensor = file["w"];
    const th::Tensor writable = file.writable("w");
    writable.writable_bytes()[1] = std::byte{9};
    (void)th::release(path);
    if (tensor.bytes()[1] != std::byte{38}) return "the tensor changed";
    return writable.bytes()[1] == std::byte{9} ? "" : "the write is lost";
  });
}

/// Reads what another process cut off meanwhile, with a guard and by a copy.
extern "C" [[gnu::visibility("default")]] const char* read_truncated(const char* path,
                                                                     void (*cut)(const char*)) {
  return saying([&]() -> std::string {
    const th::File guarded = th::open(path, {.access = th::Access::mapped, .guard = true});
    const th::File plain = th::open(path, {.access = th::Access::mapped});
    const th::Tensor tensor = guarded["w"];
    const th::Tensor copied = plain["w"];
    cut(path);
    const volatile std::byte* const bytes = tensor.bytes().data();
    if (bytes[tensor.nbytes() - 1] != std::byte{0}) return "no zeros in the place of lost bytes";
    try {
      (void)copied.copy();
    } catch (const th::Error& error) {
      return error.code() == th::Code::truncated ? "" : error.what();
    }
    return "a copy of lost bytes";
  });
}

extern "C" [[gnu::visibility("default")]] const char* copy_once(const char* path) {
  return saying([&]() -> std::string {
    const th::File file = th::open(path, {.access = th::Access::mapped});
    const th::Tensor copy = file["w"].copy();
    return copy.bytes()[0] == std::byte{7} ? "" : "wrong bytes";
  });
}
