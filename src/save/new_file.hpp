// A file that is written beside its place and then takes the name in one step.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "os/replace/temporary.hpp"
#include "save/save_engine.hpp"
#include "tensorhold/options.hpp"

namespace tensorhold::io {

/// Whether room for all bytes is reserved at once, so that a full disk is found first.
enum class Reserve : std::uint8_t { now, later };

/// Unless put in place it leaves nothing behind. write() may be called by several threads at once;
/// the rest is for one thread.
class NewFile {
 public:
  /// Cleans up what killed saves to this path left, and reserves room for `bytes`. Raises what
  /// os::Place, os::Temporary and finish_edit() raise.
  NewFile(const std::string& path, std::uint64_t bytes, const SaveOptions& options,
          Reserve reserve = Reserve::now);
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  /// As SaveEngine::write().
  void write(std::span<const Piece> pieces) { engine_.write(pieces); }
  [[nodiscard]] os::Temporary& temporary() noexcept { return temporary_; }
  [[nodiscard]] const os::Place& place() const noexcept { return place_; }
  /// True once a sync of the file failed: it can never be put in place any more.
  [[nodiscard]] bool is_lost() const noexcept { return temporary_.is_lost(); }
  /// Bytes that were written so far.
  [[nodiscard]] std::uint64_t written() const noexcept { return engine_.done(); }

  /// Syncs the file and gives it its name. Own holds on the old one are released where the system
  /// minds them. Raises not_durable (the new file is in place), and else what leaves the old file
  /// as it was: cancelled, file_in_use, permission_denied, unsupported, io_error, no_space. With
  /// SaveOptions::in_place see there. `last_look` runs right before the file takes its name, which
  /// an error of it prevents. The file gets the rights and the attributes of the one at its place,
  /// or of the one at the place `like`.
  void put_in_place(const std::function<void()>& last_look = {}, const os::Place* like = nullptr);

 private:
  os::Place place_;
  os::Temporary temporary_;
  SaveEngine engine_;
  const std::uint64_t bytes_;
  const bool durable_;
  const bool in_place_;
};

}  // namespace tensorhold::io
