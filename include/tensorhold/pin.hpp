// A promise that a tensor's pages stay what they are, for whoever registers them with a device.
#pragma once

#include "tensorhold/export.hpp"
#include "tensorhold/tensor.hpp"

namespace tensorhold {
inline namespace v0 {

class Pin;
[[nodiscard]] TENSORHOLD_API Pin pin(const Tensor& tensor);

/// While one lives, its tensor lives, and no release exchanges the tensor's pages: it is refused
/// (release_refused, with the tensor's name), and so is whatever needs that release; nothing
/// changes then. For memory that a device, RDMA or io_uring buffers were told of, which would go on
/// with the old pages: pin first, then register; unregister, then drop the pin. Says nothing to the
/// system and locks no memory. Any number for one tensor; movable; may be dropped by any thread.
class TENSORHOLD_API Pin {
 public:
  /// Pins nothing.
  Pin() noexcept = default;
  Pin(Pin&& other) noexcept = default;
  Pin& operator=(Pin&& other) noexcept;
  ~Pin();

  [[nodiscard]] bool valid() const noexcept { return tensor_.valid(); }
  /// The tensor. Precondition: valid().
  [[nodiscard]] const Tensor& tensor() const& noexcept { return tensor_; }
  const Tensor& tensor() const&& = delete;

 private:
  friend Pin pin(const Tensor& tensor);
  explicit Pin(const Tensor& tensor);
  Tensor tensor_;
};

/// Pins a tensor. Waits while its file is being released, after which its bytes are private memory
/// that nothing exchanges any more; so is an owned tensor's. Raises out_of_memory, what reading an
/// owned tensor raises, and invalid_argument when called from the progress callback of that
/// release. Thread-safe.
[[nodiscard]] TENSORHOLD_API Pin pin(const Tensor& tensor);

}  // namespace v0
}  // namespace tensorhold
