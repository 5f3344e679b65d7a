// A file that is itself a mount point, as containers are given single files.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>

#include <array>
#include <functional>
#include <optional>
#include <string>

#include "../support/child_posix.hpp"
#include "../support/mounts_linux.hpp"
#include "../support/scratch.hpp"
#include "../support/tensors.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold {
namespace {

using test::Mounted;
using test::Scratch;

/// A file that is mounted at another name, in a namespace of this process.
struct Container {
  Container()
      : apart(::unshare(CLONE_NEWNS) == 0 &&
              ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) {
    save(outside, test::some_tensors(1).list());
    test::write_file(inside, "");
    if (apart) mount.emplace(outside, inside, "none", static_cast<unsigned long>(MS_BIND));
  }
  [[nodiscard]] bool ready() const { return mount && mount->mounted(); }

  const Scratch scratch;
  const std::string outside = scratch / "outside";
  const std::string inside = scratch / "inside";
  const bool apart;
  std::optional<Mounted> mount;
};

/// What `body` says, run as root of a namespace of its own.
std::string in_container(const std::function<std::string(const Container&)>& body) {
  return test::in_child([&]() -> std::string {
    const Container container;
    return container.ready() ? body(container) : "skip: needs root and mount namespaces";
  });
}

/// Empty when `change` ends in the error that names the mount point.
std::string expect_named(const Container& container, const std::function<void()>& change,
                         const std::string& path) {
  try {
    change();
  } catch (const Error& error) {
    const std::string text = error.what();
    if (error.code() != Code::permission_denied || text.find("mount point") == std::string::npos ||
        error.path() != path || error.advice().find("in_place") == std::string::npos)
      return text;
    for (const std::string& name : container.scratch.names())
      if (name.find(".tensorhold-") != std::string::npos) return "left: " + name;
    return "";
  }
  return "not refused";
}

TEST(MountPoint, IsNamedByWhatCannotReplaceOrRemoveIt) {
  using Change = std::function<void(const Container&)>;
  const auto save_over = [](const Container& in) { save(in.inside, test::some_tensors(2).list()); };
  const auto edit_it = [](const Container& in) {
    (void)edit_metadata(in.inside, {.set = {{"k", std::string(9000, 'v')}}, .remove = {}});
  };
  const auto replace_it = [](const Container& in) {
    save(in.scratch / "new", test::some_tensors(2).list());
    (void)replace(in.scratch / "new", in.inside);
  };
  const auto remove_it = [](const Container& in) { (void)tensorhold::remove(in.inside); };
  const auto move_it = [](const Container& in) { (void)replace(in.inside, in.scratch / "new"); };
  for (const Change& change :
       std::array<Change, 5>{save_over, edit_it, replace_it, remove_it, move_it})
    TENSORHOLD_EXPECT_CHILD(in_container([&](const Container& container) {
      return expect_named(
          container, [&] { change(container); }, container.inside);
    }));
}

TEST(MountPoint, IsWrittenOverWithInPlace) {
  TENSORHOLD_EXPECT_CHILD(in_container([](const Container& in) -> std::string {
    save(in.inside, test::some_tensors(2).list(), std::nullopt, {.in_place = true});
    const Tensor large = open(in.outside)["large"];
    if (large.bytes()[7] != test::some_tensors(2).list().back().bytes[7])
      return "save: the mounted file has other bytes";
    const Edited edited = edit_metadata(
        in.inside, {.set = {{"k", std::string(9000, 'v')}}, .remove = {}}, {.in_place = true});
    const File now = open(in.outside);
    if (!edited.rewritten || now.metadata().size() != 1) return "edit: not written";
    Writer writer(in.inside, std::array{TensorLayout{"a", Dtype::u8, {4}}}, std::nullopt,
                  {.in_place = true});
    writer.write("a", std::array<std::byte, 4>{});
    writer.commit();
    return open(in.outside).size() == 1 ? "" : "Writer: not written";
  }));
}

TEST(MountPoint, IsReplacedInPlaceWithTheRightsOfWhatMoves) {
  TENSORHOLD_EXPECT_CHILD(in_container([](const Container& in) -> std::string {
    const std::string from = in.scratch / "new";
    save(from, test::some_tensors(2).list());
    if (::chmod(from.c_str(), 0600) != 0 || ::chmod(in.outside.c_str(), 0644) != 0)
      return "no modes";
    const std::string bytes = test::read_file(from);
    (void)replace(from, in.inside, {.in_place = true});
    struct ::stat found {};
    if (::stat(in.outside.c_str(), &found) != 0 || (found.st_mode & 07777U) != 0600)
      return "wider than what moved";
    if (std::filesystem::exists(from)) return "the original stays";
    return test::read_file(in.outside) == bytes ? "" : "other bytes";
  }));
}

TEST(MountPoint, IsNotReplacedInPlaceByItself) {
  TENSORHOLD_EXPECT_CHILD(in_container([](const Container& in) -> std::string {
    const std::string bytes = test::read_file(in.outside);
    try {
      (void)replace(in.outside, in.inside, {.in_place = true});
    } catch (const Error& error) {
      if (error.code() != Code::invalid_argument) return error.what();
      return test::read_file(in.outside) == bytes ? "" : "the bytes are gone";
    }
    return "not refused";
  }));
}

}  // namespace
}  // namespace tensorhold
