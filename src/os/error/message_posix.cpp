#include <system_error>

#include "base/system_message.hpp"

namespace tensorhold::base {

std::string system_message(int error) { return std::generic_category().message(error); }

}  // namespace tensorhold::base
