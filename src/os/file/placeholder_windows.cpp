#include "os/file/placeholder_windows.hpp"

#include <bit>

#include "os/file/mapping.hpp"

namespace tensorhold::os::windows {
namespace {

constexpr DWORD mem_replace_placeholder = 0x4000;
constexpr DWORD mem_reserve_placeholder = 0x40000;
constexpr DWORD mem_preserve_placeholder = 0x2;

template <class Function>
Function look_up(HMODULE module, const char* name) noexcept {
  return std::bit_cast<Function>(GetProcAddress(module, name));
}

PlaceholderCalls load() noexcept {
  const HMODULE module = GetModuleHandleW(L"kernelbase.dll");
  if (module == nullptr) return {};
  return {look_up<decltype(PlaceholderCalls::reserve)>(module, "VirtualAlloc2"),
          look_up<decltype(PlaceholderCalls::map)>(module, "MapViewOfFile3"),
          look_up<decltype(PlaceholderCalls::unmap)>(module, "UnmapViewOfFile2")};
}

// Some systems have the functions but not the feature (Wine before 9): a page tells.
bool works(const PlaceholderCalls& calls) noexcept {
  if (calls.reserve == nullptr || calls.map == nullptr || calls.unmap == nullptr) return false;
  void* const probe =
      calls.reserve(GetCurrentProcess(), nullptr, page_size(),
                    MEM_RESERVE | mem_reserve_placeholder, PAGE_NOACCESS, nullptr, 0);
  if (probe == nullptr) return false;
  VirtualFree(probe, 0, MEM_RELEASE);
  return true;
}

// As the system lays them out; mingw-w64 10 has them only for newer targets.
struct AddressRequirements {
  void* lowest;
  void* highest;
  SIZE_T alignment;
};
struct alignas(8) ExtendedParameter {
  std::uint64_t type;  // 1: address requirements
  void* pointer;
};

}  // namespace

const PlaceholderCalls* placeholder_calls() noexcept {
  static const PlaceholderCalls calls = load();
  static const bool usable = works(calls);
  return usable ? &calls : nullptr;
}

std::byte* reserve_placeholders(const PlaceholderCalls& calls, std::size_t bytes,
                                std::size_t piece) noexcept {
  AddressRequirements requirements{nullptr, nullptr, mapping_alignment};
  ExtendedParameter parameter{1, &requirements};
  auto* const base = static_cast<std::byte*>(calls.reserve(GetCurrentProcess(), nullptr, bytes,
                                                           MEM_RESERVE | mem_reserve_placeholder,
                                                           PAGE_NOACCESS, &parameter, 1));
  if (base == nullptr) return nullptr;
  // Each split cuts the front off what is left.
  for (std::size_t done = 0; bytes - done > piece; done += piece) {
    if (VirtualFree(base + done, piece, MEM_RELEASE | mem_preserve_placeholder) != 0) continue;
    const DWORD error = GetLastError();
    free_mapping(base, bytes);
    SetLastError(error);
    return nullptr;
  }
  return base;
}

bool map_into_placeholder(const PlaceholderCalls& calls, HANDLE section, std::byte* address,
                          std::uint64_t offset, std::size_t bytes, DWORD protection) noexcept {
  // The manual wants whole pages, the kernel wants no more than the section has, and a size of zero
  // means the rest of the section. They differ only for the last view of a file; whichever a system
  // takes, the view must fill the placeholder exactly or the call fails.
  const std::size_t page = page_size();
  const std::size_t rounded = (bytes + page - 1) / page * page;
  const HANDLE process = GetCurrentProcess();
  if (calls.map(section, process, address, offset, bytes, mem_replace_placeholder, protection,
                nullptr, 0) != nullptr)
    return true;
  const DWORD error = GetLastError();
  if (rounded != bytes && (calls.map(section, process, address, offset, rounded,
                                     mem_replace_placeholder, protection, nullptr, 0) != nullptr ||
                           calls.map(section, process, address, offset, 0, mem_replace_placeholder,
                                     protection, nullptr, 0) != nullptr))
    return true;
  SetLastError(error);
  return false;
}

bool unmap_to_placeholder(const PlaceholderCalls& calls, std::byte* address) noexcept {
  return calls.unmap(GetCurrentProcess(), address, mem_preserve_placeholder) != 0;
}

std::byte* piece_of(std::byte* address) noexcept {
  MEMORY_BASIC_INFORMATION info{};
  if (VirtualQuery(address, &info, sizeof info) == 0 || info.State == MEM_FREE) return nullptr;
  return static_cast<std::byte*>(info.AllocationBase);
}

void free_mapping(std::byte* base, std::size_t bytes) noexcept {
  // Last piece first: as long as the first one stands, nobody else can be given the addresses of a
  // single large view.
  for (std::byte* end = base + bytes; end > base;) {
    MEMORY_BASIC_INFORMATION info{};
    if (VirtualQuery(end - 1, &info, sizeof info) == 0) return;
    auto* const piece = static_cast<std::byte*>(info.AllocationBase);
    if (info.State == MEM_FREE || piece < base) return;
    if (info.Type == MEM_PRIVATE)
      VirtualFree(piece, 0, MEM_RELEASE);
    else
      UnmapViewOfFile(piece);
    end = piece;
  }
}

}  // namespace tensorhold::os::windows
