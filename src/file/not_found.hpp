#pragma once

#include <string_view>

#include "file/file_impl.hpp"

namespace tensorhold::io {

/// Raises tensor_not_found, with the names that are close.
[[noreturn]] void raise_not_found(const File::Impl& impl, std::string_view name);

}  // namespace tensorhold::io
