#include <dlfcn.h>
#ifdef __GLIBC__
#include <link.h>
#endif

#include "os/process/stay_loaded.hpp"

namespace tensorhold::os {
namespace {

const char here = 0;  // in what is to stay

}  // namespace

void stay_loaded() noexcept {
  Dl_info about{};
#ifdef __GLIBC__
  void* map = nullptr;
  if (::dladdr1(&here, &about, &map, RTLD_DL_LINKMAP) == 0 || map == nullptr) return;
  if (*static_cast<const link_map*>(map)->l_name == '\0') return;  // the program
#else
  if (::dladdr(&here, &about) == 0) return;
#endif
  // Its handle is never closed.
  if (about.dli_fname != nullptr)
    (void)::dlopen(about.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

}  // namespace tensorhold::os
