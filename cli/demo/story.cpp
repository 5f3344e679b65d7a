#include "cli/demo/story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "cli/demo/plain.hpp"
#include "cli/demo/steps.hpp"
#include "cli/output/text.hpp"
#include "tensorhold/tensorhold.hpp"

namespace tensorhold::cli::demo {
namespace {

constexpr std::size_t most_holders = 3;

/// "tensor "w" (mapped, 1.2 MiB)", or a process.
std::string holder_text(const Holder& holder) {
  const char* const how = holder.how == Holder::How::mapped ? "mapped"
                          : holder.how == Holder::How::open ? "open"
                                                            : "held";
  const char* const gone = holder.which == Holder::Which::deleted    ? ", deleted"
                           : holder.which == Holder::Which::replaced ? ", replaced"
                                                                     : "";
  if (holder.own && !holder.tensor.empty())
    return fmt::format("tensor \"{}\" ({}, {}{})", shorten(printable(holder.tensor), 24), how,
                       size_text(holder.nbytes), gone);
  if (holder.own) return fmt::format("this process ({}{})", how, gone);
  return fmt::format("process {} \"{}\" ({})", holder.pid, shorten(printable(holder.command), 24),
                     how);
}

/// One story: a file of its own, and whether all went as it should.
class Story {
 public:
  Story(const Sample& sample, std::filesystem::path path)
      : sample_(sample), path_(std::move(path)) {}

  /// Finds out, and says, what the system does to a file that is mapped.
  void probe();
  void s1_remove();
  void s2_drop();
  void s3_release();
  void s4_copy();
  void s5_save();
  [[nodiscard]] bool well() const noexcept { return well_; }

 private:
  /// The first tensor of a new file.
  [[nodiscard]] Tensor load() const {
    sample_.write(path_);
    return open(path_, {.access = Access::mapped})[sample_.first().name];
  }
  void expect(bool right) { well_ = well_ && right; }
  void show_hold() const;
  /// Says what a plain call does to the file while it is held, where it is refused. Where the call
  /// would be carried out it is not made: it would take the bytes from under the tensor.
  template <class Call>
  void try_held(Call&& call) {
    if (!refuses_) return;
    const Verdict verdict = call();
    expect(!verdict.allowed);
    say("plain", verdict.text);
  }
  /// Says what it does once nobody holds the file.
  void show_free(const Verdict& verdict) {
    expect(verdict.allowed);
    say("plain", verdict.text);
  }
  void show_tensor(const Tensor& tensor, const std::byte* address) {
    const bool same = std::ranges::equal(tensor.bytes(), sample_.first().bytes);
    const bool there = tensor.bytes().data() == address;
    expect(same && there);
    say("tensor", fmt::format("{}, {}", there ? "same address" : "ANOTHER ADDRESS",
                              same ? "same bytes" : "OTHER BYTES"));
  }

  const Sample& sample_;
  std::filesystem::path path_;
  bool refuses_ = false;
  bool well_ = true;
};

void Story::show_hold() const {
  const std::string name = path_.filename().string();
  const Holders found = holders(path_);
  if (found.empty()) {
    const bool there = std::filesystem::exists(path_);
    const char* const who = !there || found.proof == HoldProof::free ? "nobody"
                            : found.proof == HoldProof::held         ? "somebody who cannot be seen"
                                                                     : "nobody that can be seen";
    say("hold", fmt::format("{} <- {}", there ? name : "(no file)", who));
  }
  const std::size_t shown = std::min(found.size(), most_holders);
  for (std::size_t i = 0; i < shown; ++i)
    say(i == 0 ? "hold" : "",
        fmt::format("{:<{}} <- {}", i == 0 ? name : "", name.size(), holder_text(found.list[i])));
  if (shown < found.size()) say("", fmt::format("... and {} more", found.size() - shown));
}

void Story::probe() {
  const Tensor tensor = load();
  refuses_ = !plain_remove(path_).allowed;
  if (refuses_) {
    tell("system", "refuses to change a mapped file, as Windows does");
    tell("access", "mapped, for the story; automatic chooses: " + open(path_).why());
  } else {
    tell("system",
         "lets a mapped file be removed, and perhaps truncated, which kills its readers; so plain "
         "calls are left out while the file is held");
  }
}

void Story::s1_remove() {
  heading("S1  Remove the file while a tensor of it lives");
  const Tensor tensor = load();
  const std::byte* const address = tensor.bytes().data();
  show_hold();
  try_held([&] { return plain_remove(path_); });
  const Stopwatch watch;
  const Changed changed = tensorhold::remove(path_);
  say("remove()", fmt::format("done in {}{}", watch.text(),
                              changed.released            ? ", by releasing the tensor first"
                              : !changed.moved_to.empty() ? ", by moving the file aside"
                                                          : ", the name is free"));
  expect(!std::filesystem::exists(path_));
  show_hold();
  show_tensor(tensor, address);
}

void Story::s2_drop() {
  heading("S2  The hold ends with the last tensor, at once");
  {
    const Tensor tensor = load();
    // It holds, too. NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
    const Tensor second = tensor;
    show_hold();
    try_held([&] { return plain_remove(path_); });
  }
  say("drop", "the tensor and its second handle are gone");
  show_hold();
  show_free(plain_remove(path_));
}

void Story::s3_release() {
  heading("S3  A forgotten handle: named, released; then the file is deleted");
  Tensor parameter;
  {
    const Tensor tensor = load();
    parameter = tensor;
  }
  const std::byte* const address = parameter.bytes().data();
  show_hold();
  try_held([&] { return plain_truncate(path_); });
  try_held([&] { return plain_remove(path_); });
  const Stopwatch watch;
  const Released released = release(path_);
  say("release()", fmt::format("done in {}: {} of private memory, at the same address",
                               watch.text(), size_text(released.bytes)));
  show_hold();
  show_free(plain_truncate(path_));
  show_free(plain_remove(path_));
  show_tensor(parameter, address);
}

void Story::s4_copy() {
  heading("S4  A copy is independent");
  Tensor copy;
  {
    const Tensor tensor = load();
    show_hold();
    const Stopwatch watch;
    copy = tensor.copy();
    say("copy()", fmt::format("done in {}: {} of private memory; then the original goes",
                              watch.text(), size_text(copy.nbytes())));
    expect(copy.bytes().data() != tensor.bytes().data());
  }
  show_hold();
  show_free(plain_remove(path_));
  const bool same = std::ranges::equal(copy.bytes(), sample_.first().bytes);
  expect(same);
  say("copy", same ? "same bytes as the tensor had" : "OTHER BYTES");
}

void Story::s5_save() {
  heading("S5  Save over the file that was loaded");
  const std::filesystem::path other = path_.parent_path() / "other.safetensors";
  const Tensor tensor = load();
  const std::byte* const address = tensor.bytes().data();
  sample_.write(other);
  show_hold();
  try_held([&] { return plain_overwrite(path_); });
  try_held([&] { return plain_rename(other, path_); });
  const Stopwatch watch;
  save(path_, sample_.list());
  say("save()", fmt::format("done in {}: {} tensors written, synced, in place in one step",
                            watch.text(), sample_.list().size()));
  show_hold();
  show_tensor(tensor, address);
  const bool same = sample_.same_as(path_);
  expect(same);
  say("file", same ? "opens, every tensor has the same bytes" : "HAS OTHER BYTES");
}

}  // namespace

bool tell_story(const Sample& sample, const std::filesystem::path& folder, const StopToken& stop) {
  Story story(sample, folder / "model.safetensors");
  story.probe();
  using Step = void (Story::*)();
  for (const Step step :
       {&Story::s1_remove, &Story::s2_drop, &Story::s3_release, &Story::s4_copy, &Story::s5_save}) {
    if (stop.stop_requested())
      throw Error({.code = Code::cancelled, .reason = "the demo was cancelled"});
    try {
      (story.*step)();
    } catch (const Error& error) {
      // Old and rare systems cannot do this one; the others they can.
      if (error.code() != Code::release_unsupported) throw;
      tell("", printable(error.reason()));
    }
  }
  return story.well();
}

}  // namespace tensorhold::cli::demo
