// Statics that outlive the destructors of all others.
#pragma once

namespace tensorhold::base {

/// A constant-initialised T that is never destroyed, for what threads and static destructors still
/// use while the process ends. Without a guard that is taken on first use, which a child that was
/// forked meanwhile would wait for.
template <class T>
union NeverDestroyed {
  constexpr NeverDestroyed() noexcept : value() {}
  NeverDestroyed(const NeverDestroyed&) = delete;
  NeverDestroyed& operator=(const NeverDestroyed&) = delete;
  constexpr ~NeverDestroyed() {}  // NOLINT(modernize-use-equals-default): T's is not to be called
  T value;
};

}  // namespace tensorhold::base
