// A folder that is attacked, and the files in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "pattern.hpp"

namespace tensorhold::soak {

struct Place {
  std::string name;
  std::string folder;
  std::string elsewhere = {};  ///< a folder on another filesystem
  std::string control = {};    ///< where failures are switched on and off; empty: nowhere
  bool sharing = false;        ///< refuses to change files that are held
  /// Touching a mapped page may end the process, so mapped bytes are copied before they are looked
  /// at.
  [[nodiscard]] bool failing() const { return !control.empty(); }
};

struct Setup {
  std::uint64_t seed = 1;
  std::size_t processes = 3;
  std::size_t threads = 2;
  /// Everybody opens, edits and saves two small files, as often as can be.
  bool narrow = false;
};

struct Spec {
  std::string path;
  Family family;
};

inline constexpr std::size_t steady_files = 3;
inline constexpr std::size_t loose_files = 4;
inline constexpr std::uint16_t loose_family = 50;

inline Spec steady(const Place& place, std::size_t index) {
  return {place.folder + "/steady-" + std::to_string(index) + ".safetensors",
          {Kind::steady, static_cast<std::uint16_t>(1 + index)}};
}
inline Spec loose(const Place& place, std::size_t index) {
  return {place.folder + "/loose-" + std::to_string(index) + ".safetensors",
          {Kind::loose, loose_family}};
}
/// The file that the thread at a desk has alone, that of its forked children, and the file on its
/// way to another name, which it makes beside its goal or elsewhere.
inline Spec own(const Place& place, std::size_t desk) {
  return {place.folder + "/own-" + std::to_string(desk) + ".safetensors",
          {Kind::own, static_cast<std::uint16_t>(100 + desk)}};
}
inline Spec forked(const Place& place, std::size_t desk) {
  return {place.folder + "/forked-" + std::to_string(desk) + ".safetensors",
          {Kind::own, static_cast<std::uint16_t>(200 + desk)}};
}
inline std::string newcomer(const Place& place, std::size_t desk, bool far) {
  return (far ? place.elsewhere : place.folder) + "/newcomer-" + std::to_string(desk) +
         ".safetensors";
}

}  // namespace tensorhold::soak
