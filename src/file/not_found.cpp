#include "file/not_found.hpp"

#include <string>

#include "file/closest_names.hpp"

namespace tensorhold::io {

void raise_not_found(const File::Impl& impl, std::string_view name) {
  std::string advice;
  for (const std::string_view close : closest_names(impl.catalog->header(), name))
    advice += (advice.empty() ? "Did you mean \"" : "\" or \"") + std::string(close);
  if (!advice.empty()) advice += "\"?";
  throw Error({.code = Code::tensor_not_found,
               .reason = "the file has no tensor of that name among its " +
                         std::to_string(impl.catalog->size()),
               .advice = advice.empty() ? "List its names to see which it has." : advice,
               .path = impl.path,
               .tensor = std::string(name)});
}

}  // namespace tensorhold::io
