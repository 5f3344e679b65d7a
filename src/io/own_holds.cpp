#include "io/own_holds.hpp"

#include <utility>

#include "hold/holders.hpp"
#include "hold/registry.hpp"
#include "hold/release.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::io {
namespace {

[[noreturn]] void raise_with_holders(const Error& error, const std::string& path) {
  ErrorInfo info = error.info();
  try {
    info.holders = hold::holders(path).list;
  } catch (const Error&) {
    throw error;  // the list is a help; what happened counts
  }
  throw Error(std::move(info));
}

}  // namespace

bool change_held(const std::string& path, const std::function<void()>& change) {
  try {
    change();
    return false;
  } catch (const Error& error) {
    if (error.code() != Code::file_in_use) throw;
    if (!hold::held_here(path)) raise_with_holders(error, path);
  }
  (void)hold::release(hold::sources_of(path), {});
  try {
    change();
    return true;
  } catch (const Error& error) {
    if (error.code() != Code::file_in_use) throw;
    raise_with_holders(error, path);
  }
}

}  // namespace tensorhold::io
