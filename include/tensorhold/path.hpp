// A path argument: UTF-8 on every system.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace tensorhold {
inline namespace v0 {

/// A path as the API takes it. Text is UTF-8 on every system; a std::filesystem::path is converted.
class Path {
 public:
  Path(const char* utf8) : text_(utf8) {}             // NOLINT: implicit on purpose
  Path(std::string utf8) : text_(std::move(utf8)) {}  // NOLINT: implicit on purpose
  Path(std::string_view utf8) : text_(utf8) {}        // NOLINT: implicit on purpose
  Path(const std::filesystem::path& path) {           // NOLINT: implicit on purpose
    const std::u8string text = path.u8string();
    text_.assign(text.begin(), text.end());
  }
  [[nodiscard]] const std::string& string() const noexcept { return text_; }

 private:
  std::string text_;
};

}  // namespace v0
}  // namespace tensorhold
