#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "os/error/error_windows.hpp"
#include "os/fault/gap_windows.hpp"
#include "os/file/placeholder_windows.hpp"
#include "os/release/exchange_windows.hpp"
#include "os/release/release.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::os {
namespace {

[[noreturn]] void raise_exchange(std::uint32_t error, Part chunk) {
  if (error == ERROR_PARTIAL_COPY)
    throw Error({.code = Code::truncated,
                 .reason = "bytes of the file cannot be read through its mapping",
                 .advice = "See whether its drive is still there, then release again.",
                 .offset = chunk.begin,
                 .os_error = static_cast<int>(error)});
  throw Error({.code = Code::out_of_memory,
               .reason = "the system refused memory for a release",
               .advice = "Drop tensors, or enlarge the page file, then release again.",
               .os_error = static_cast<int>(error)});
}

}  // namespace

struct Release::State {
  std::byte* base = nullptr;
  bool writable = false;
  std::vector<Part> views;
  std::optional<windows::GapHandler> handler;
  std::atomic<bool> touched = false;
};

Release::Release(const Mapping& mapping, std::span<const Part>, const ReleaseOptions& options)
    : state_(std::make_unique<State>()) {
  state_->base = mapping.data();
  state_->writable = options.protection == Protection::private_writable;
  state_->views = windows::exchangeable_views(mapping.data(), mapping.size(), state_->writable);
  if (state_->views.empty())
    throw Error(
        {.code = Code::release_unsupported,
         .reason = "this Windows cannot exchange a mapping in place (it needs version 1803)",
         .advice = "Open the file with owned access; or copy the tensors that are needed "
                   "and drop the others."});
  state_->handler.emplace(mapping.data(), mapping.size());
}

Release::~Release() = default;

std::size_t Release::chunks() const noexcept { return state_->views.size(); }

Part Release::chunk(std::size_t number) const noexcept { return state_->views[number]; }

std::size_t Release::exchange(std::size_t number, std::span<const Part> live) {
  const Part view = chunk(number);
  std::vector<Part> within;
  for (const Part& part : live) within.push_back({part.begin - view.begin, part.end - view.begin});
  const DWORD error =
      windows::exchange_view(*windows::placeholder_calls(), state_->base + view.begin,
                             view.end - view.begin, within, state_->writable);
  if (error != NO_ERROR) raise_exchange(error, view);
  state_->touched.store(true, std::memory_order_relaxed);
  return count_pages(live);
}

bool Release::touched() const noexcept { return state_->touched.load(std::memory_order_relaxed); }

// Pages of a section cannot be given back one by one; they go with the mapping.
void Release::discard(std::byte*, std::size_t) noexcept {}
void Release::split_huge_page(std::byte*) noexcept {}

bool has_pinned_memory() noexcept { return false; }

}  // namespace tensorhold::os
