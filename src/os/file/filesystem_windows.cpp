#include "os/error/api_windows.hpp"
#include "os/file/file.hpp"
#include "os/file/filesystem.hpp"

namespace tensorhold::os {

Filesystem filesystem_of(const File& file) noexcept {
  // Answers for files of other machines only.
  FILE_REMOTE_PROTOCOL_INFO about{};
  const bool remote =
      GetFileInformationByHandleEx(windows::handle_of(file.native()), FileRemoteProtocolInfo,
                                   &about, sizeof(about)) != 0;
  return remote ? Filesystem{Storage::network, "a network folder"} : Filesystem{};
}

bool reads_what_mappings_show(const File& file) noexcept {
  return filesystem_of(file).storage == Storage::local;
}

}  // namespace tensorhold::os
