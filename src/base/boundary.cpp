#include "base/boundary.hpp"

#include <string>

namespace tensorhold::base {

Error out_of_memory_error(const char* doing) {
  return Error({.code = Code::out_of_memory,
                .reason = std::string("the system refused memory while ") + doing,
                .advice = "Free memory or raise the limit of the process, then try again."});
}

}  // namespace tensorhold::base
