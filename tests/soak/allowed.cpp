#include "allowed.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>

namespace tensorhold::soak {
namespace {

constexpr std::uint32_t ops(std::initializer_list<Op> list) {
  std::uint32_t set = 0;
  for (const Op op : list) set |= 1U << static_cast<unsigned>(op);
  return set;
}
constexpr std::uint32_t kinds(std::initializer_list<Kind> list) {
  std::uint32_t set = 0;
  for (const Kind kind : list) set |= 1U << static_cast<unsigned>(kind);
  return set;
}

constexpr std::uint32_t edits = ops({Op::edit_in_room, Op::edit_without_room, Op::overwrite});
constexpr std::uint32_t saves = ops({Op::save, Op::save_again, Op::save_stopped, Op::writer});
constexpr std::uint32_t replaces = ops({Op::replace, Op::replace_across, Op::move});
constexpr std::uint32_t opens = ops({Op::open, Op::open_locked});
constexpr std::uint32_t reads =
    ops({Op::read, Op::copy, Op::slice, Op::load, Op::stream, Op::writable});
// Removals and replacements release what this process holds first.
constexpr std::uint32_t releases = replaces | ops({Op::release, Op::remove});
constexpr std::uint32_t all_kinds = kinds({Kind::steady, Kind::loose, Kind::own});
constexpr std::uint32_t shared = kinds({Kind::steady, Kind::loose});
constexpr std::uint32_t always = 0;

struct Row {
  std::uint32_t ops;
  Code code;
  std::uint32_t kinds;
  std::uint32_t faults;  ///< one of these is active; `always`: needs none
};

constexpr std::array rows{
    // Others have the lock, and this one waits no longer.
    Row{edits | ops({Op::open_locked, Op::lock}), Code::lock_conflict, shared, always},
    // A save of others takes the name of what is being edited.
    Row{edits, Code::replaced, shared, always},
    // Others save over a file while it is copied to another filesystem: it stays.
    Row{ops({Op::replace_across, Op::move}), Code::replaced, kinds({Kind::loose}), always},
    // Others remove loose files, or move them away.
    Row{edits | opens | ops({Op::move, Op::remove, Op::lock}), Code::not_found,
        kinds({Kind::loose}), always},
    // Another thread released the file by its path, or wrote over a tensor of it, which does so.
    Row{reads | ops({Op::save_again}), Code::released, shared, always},

    // A filesystem with the habits of Windows: others hold the file, or a forked child.
    Row{saves | replaces | edits | ops({Op::remove}), Code::file_in_use, shared,
        bit(Fault::sharing)},
    Row{saves | replaces | edits | ops({Op::remove}), Code::file_in_use, all_kinds,
        bit(Fault::forked)},

    // A journal that others look into cannot be removed there; an open waits ten seconds for edits.
    Row{opens | saves, Code::lock_conflict, shared, bit(Fault::sharing)},

    // A disk that fails; see tests/lockfs/failure_test.cpp and edit_failure_test.cpp. An open, a
    // save or an edit may have to finish an edit of others first.
    Row{saves | edits | opens | ops({Op::replace_across, Op::move}), Code::no_space, all_kinds,
        bit(Fault::full)},
    Row{saves | edits | opens | ops({Op::replace_across, Op::move}), Code::io_error, all_kinds,
        bit(Fault::write_error)},
    Row{saves | edits | opens | reads | releases | ops({Op::lock}), Code::io_error, all_kinds,
        bit(Fault::read_error)},
    // Tensors of a mapping. The kernel does not ask again for a page whose request was interrupted.
    Row{saves | edits | reads | releases, Code::io_error, all_kinds, bit(Fault::interrupted)},
    Row{saves | edits | reads | releases, Code::truncated, all_kinds,
        bit(Fault::read_error) | bit(Fault::interrupted)},
    Row{saves | edits | reads | releases, Code::damaged, all_kinds,
        bit(Fault::read_error) | bit(Fault::interrupted)},
    Row{releases | ops({Op::overwrite}), Code::release_partial, all_kinds,
        bit(Fault::read_error) | bit(Fault::interrupted)},
    // What is not synced is known to be written when its close says so.
    Row{saves | edits | ops({Op::replace_across, Op::move}), Code::io_error, all_kinds,
        bit(Fault::close_error)},
    Row{saves | edits | opens | replaces, Code::io_error, all_kinds, bit(Fault::sync_error)},
    // Without a name that lasts, a journal is none.
    Row{edits, Code::io_error, all_kinds, bit(Fault::folder_sync_error)},
    Row{saves | edits | replaces, Code::not_durable, all_kinds,
        bit(Fault::no_sync) | bit(Fault::folder_sync_error)},
    Row{saves | edits | replaces, Code::permission_denied, all_kinds, bit(Fault::no_rename)},
    Row{edits | opens | ops({Op::lock}), Code::file_in_use, all_kinds, bit(Fault::deny_write)},

    // The soak's own doing.
    Row{ops({Op::save_stopped}), Code::cancelled, all_kinds, always},
};

}  // namespace

bool allowed(const Moment& moment, Code code) {
  return std::ranges::any_of(rows, [&](const Row& row) {
    return ((row.ops >> static_cast<unsigned>(moment.op)) & 1) != 0 && row.code == code &&
           ((row.kinds >> static_cast<unsigned>(moment.kind)) & 1) != 0 &&
           (row.faults == always || (row.faults & moment.faults) != 0);
  });
}

}  // namespace tensorhold::soak
