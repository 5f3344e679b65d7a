#include "plant.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <string>

namespace tensorhold::soak {
namespace {

/// Turns the last byte of a file over, which is one of a tensor.
bool turn_last_byte(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return false;
  struct stat status {};
  unsigned char byte = 0;
  const bool done = ::fstat(file, &status) == 0 &&
                    ::pread(file, &byte, 1, status.st_size - 1) == 1 &&
                    (byte ^= 0xff, ::pwrite(file, &byte, 1, status.st_size - 1) == 1);
  (void)::close(file);
  return done;
}

bool put_folder(const std::string& path) {
  return ::unlink(path.c_str()) == 0 && ::mkdir(path.c_str(), 0700) == 0;
}

bool leave_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file >= 0) (void)::close(file);
  return file >= 0;
}

}  // namespace

bool plant_fault(const Place& place, Plant plant, pid_t worker) {
  switch (plant) {
    // Again and again, because it may be written over before anybody looks.
    case Plant::wrong_byte:
      (void)turn_last_byte(own(place, 0).path);
      return false;
    case Plant::lost_file:
      return ::unlink(own(place, 0).path.c_str()) == 0;
    case Plant::odd_error:
      return put_folder(steady(place, 0).path);
    case Plant::leftover:
      return leave_file(place.folder + "/.steady-0.safetensors.of-a-stranger");
    // Not noted as stopped, so that it is as good as hung.
    case Plant::hang:
      return worker > 0 && ::kill(worker, SIGSTOP) == 0;
    case Plant::crash:
      return worker > 0 && ::kill(worker, SIGSEGV) == 0;
    case Plant::none:
      break;
  }
  return true;
}

}  // namespace tensorhold::soak
