// Who has the private writable pages of a file's tensors.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace tensorhold_python {

/// What keeps pages taken; they are free again when the last copy of it goes.
using Token = std::shared_ptr<const void>;

/// The private writable pages of a File are one mapping: all who have a tensor's see what the
/// others write. Those who asked for them know so. Those who import a read-only tensor do not, and
/// some take it for immutable: they have its pages for themselves, or get a copy. Thread-safe.
class Lending {
 public:
  /// For one who knows that pages are shared; null while they are lent to an import.
  [[nodiscard]] Token share(std::string_view name) {
    const std::lock_guard lock(mutex_);
    if (is_lent(name)) return nullptr;
    return token_in(shared_.try_emplace(std::string(name)).first->second);
  }
  /// As share(), for many tensors at once, of which those that is_lent() tells are to be copied.
  [[nodiscard]] Token share_all() {
    const std::lock_guard lock(mutex_);
    return token_in(all_);
  }
  [[nodiscard]] bool lent(std::string_view name) {
    const std::lock_guard lock(mutex_);
    return is_lent(name);
  }
  /// For an import; null while anybody has them.
  [[nodiscard]] Token lend(std::string_view name) {
    const std::lock_guard lock(mutex_);
    const auto shared = shared_.find(name);
    if (!all_.expired() || is_lent(name) || (shared != shared_.end() && !shared->second.expired()))
      return nullptr;
    return token_in(lent_.try_emplace(std::string(name)).first->second);
  }

 private:
  using Tokens = std::map<std::string, std::weak_ptr<const void>, std::less<>>;

  [[nodiscard]] bool is_lent(std::string_view name) const {
    const auto found = lent_.find(name);
    return found != lent_.end() && !found->second.expired();
  }
  static Token token_in(std::weak_ptr<const void>& place) {
    Token token = place.lock();
    if (!token) place = token = std::make_shared<const char>();
    return token;
  }

  std::mutex mutex_;
  Tokens shared_;
  Tokens lent_;
  std::weak_ptr<const void> all_;
};

}  // namespace tensorhold_python
