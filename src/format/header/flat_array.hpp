// A growing array of plain values. Unlike a vector it does not fill what it reserves, and it grows
// and shrinks by realloc, which moves no byte of a large block: a reserve that was too high costs
// no page, before and after.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace tensorhold::format {

template <class T>
class FlatArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  FlatArray() = default;
  explicit FlatArray(std::size_t capacity) { reallocate(capacity); }
  /// `size` values that the caller is about to write.
  [[nodiscard]] static FlatArray uninitialized(std::size_t size) {
    FlatArray array(size);
    array.size_ = size;
    return array;
  }
  FlatArray(FlatArray&& other) noexcept
      : data_(std::move(other.data_)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  FlatArray& operator=(FlatArray&& other) noexcept {
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] const T* data() const noexcept { return data_.get(); }
  [[nodiscard]] T* data() noexcept { return data_.get(); }
  [[nodiscard]] const T& operator[](std::size_t index) const noexcept { return data_[index]; }
  [[nodiscard]] T& operator[](std::size_t index) noexcept { return data_[index]; }
  [[nodiscard]] std::span<const T> view() const noexcept { return {data_.get(), size_}; }

  [[gnu::always_inline]] void push_back(T value) {
    if (size_ == capacity_) [[unlikely]]
      grow(1);
    data_[size_++] = value;
  }

  void append(const T* values, std::size_t count) {
    if (count > capacity_ - size_) grow(count);
    if (count != 0) std::memcpy(data_.get() + size_, values, count * sizeof(T));
    size_ += count;
  }

  void truncate(std::size_t size) noexcept { size_ = size; }

  /// Gives back what was reserved and not used.
  void shrink() {
    if (size_ != capacity_) reallocate(size_);
  }

 private:
  [[gnu::noinline]] void grow(std::size_t count) {
    constexpr std::size_t first = 16;
    reallocate(std::max({first, size_ + count, capacity_ * 2}));
  }

  void reallocate(std::size_t capacity) {
    if (capacity == 0) {
      data_.reset();
    } else {
      if (capacity > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_alloc();
      void* moved = std::realloc(data_.get(), capacity * sizeof(T));
      if (moved == nullptr) throw std::bad_alloc();
      (void)data_.release();  // realloc has freed or kept it
      data_.reset(static_cast<T*>(moved));
    }
    capacity_ = capacity;
  }

  struct Free {
    void operator()(T* data) const noexcept { std::free(data); }
  };
  std::unique_ptr<T[], Free> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace tensorhold::format
