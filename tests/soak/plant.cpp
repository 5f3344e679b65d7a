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
void turn_last_byte(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  struct stat status {};
  unsigned char byte = 0;
  if (::fstat(file, &status) == 0 && ::pread(file, &byte, 1, status.st_size - 1) == 1) {
    byte ^= 0xff;
    (void)(::pwrite(file, &byte, 1, status.st_size - 1) == 1);
  }
  (void)::close(file);
}

void leave_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file >= 0) (void)::close(file);
}

}  // namespace

void plant_fault(const Place& place, Plant plant, pid_t worker) {
  switch (plant) {
    case Plant::wrong_byte:
      turn_last_byte(own(place, 0).path);
      break;
    case Plant::lost_file:
      (void)::unlink(own(place, 0).path.c_str());
      break;
    case Plant::odd_error:
      (void)::unlink(steady(place, 0).path.c_str());
      (void)::mkdir(steady(place, 0).path.c_str(), 0700);
      break;
    case Plant::leftover:
      leave_file(place.folder + "/.steady-0.safetensors.of-a-stranger");
      break;
    case Plant::hang:
      // Not noted as stopped, so that it is as good as hung.
      if (worker > 0) (void)::kill(worker, SIGSTOP);
      break;
    case Plant::crash:
      if (worker > 0) (void)::kill(worker, SIGSEGV);
      break;
    case Plant::none:
      break;
  }
}

}  // namespace tensorhold::soak
