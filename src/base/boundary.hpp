// Where exceptions end: the try_ forms of the public API.
#pragma once

#include <exception>
#include <new>
#include <type_traits>
#include <utility>

#include "tensorhold/error.hpp"

namespace tensorhold::base {

/// The Error for memory that the system refused.
[[nodiscard]] Error out_of_memory_error(const char* doing);

/// Runs `action` and turns what it throws into a Result. `doing` names the work for out_of_memory.
template <class Action>
[[nodiscard]] auto guarded(const char* doing, Action&& action)
    -> Result<std::invoke_result_t<Action>> {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<Action>>) {
      std::forward<Action>(action)();
      return {};
    } else {
      return std::forward<Action>(action)();
    }
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return out_of_memory_error(doing);
  } catch (const std::exception& error) {
    return Error({.code = Code::unsupported, .reason = error.what()});
  } catch (...) {
    return Error({.code = Code::unsupported,
                  .reason = "a function of the caller threw what is no std::exception"});
  }
}

/// As guarded, for the throwing forms: only Errors leave.
template <class Action>
auto raising(const char* doing, Action&& action) -> std::invoke_result_t<Action> {
  try {
    return std::forward<Action>(action)();
  } catch (const std::bad_alloc&) {
    throw out_of_memory_error(doing);
  }
}

}  // namespace tensorhold::base
