#include "tensorhold/edit.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/boundary.hpp"
#include "base/checked.hpp"
#include "base/endian.hpp"
#include "edit/edit_target.hpp"
#include "edit/journal_writer.hpp"
#include "file/closest_names.hpp"
#include "format/parse/parse.hpp"
#include "format/write/edit.hpp"
#include "format/write/layout.hpp"
#include "hold/release.hpp"
#include "hold/source/registry.hpp"
#include "os/disk/share.hpp"
#include "save/new_file.hpp"
#include "transfer/copy_range.hpp"

namespace tensorhold {
inline namespace v0 {
namespace {

constexpr const char* doing = "editing a file";

SaveOptions save_options(const EditOptions& options) {
  return {.follow_symlink = options.follow_symlink,
          .durable = options.durable,
          .threads = options.threads,
          .progress = options.progress,
          .stop = options.stop,
          .in_place = options.in_place};
}

void refuse_stopped(const EditOptions& options, const std::string& path) {
  if (options.stop.stop_requested())
    throw Error({.code = Code::cancelled,
                 .reason = "the edit was cancelled; the file is as it was",
                 .path = path});
}

/// Length field and header for `text`, of `total` bytes with the spaces at its end.
std::string make_prefix(const std::string& text, std::size_t total) {
  std::string prefix(format::prefix_bytes, '\0');
  base::store_little_u64(total - format::prefix_bytes,
                         std::as_writable_bytes(std::span(prefix)).first<format::prefix_bytes>());
  prefix += text;
  prefix.resize(total, ' ');
  return prefix;
}

/// Bytes of length field and header of a new file: with room to spare, and such that the tensors
/// stand on the same offsets in blocks as before, without which blocks cannot be shared; larger
/// alignments, which a save may have been asked for, stay as well.
std::size_t new_prefix_bytes(std::size_t text, std::size_t old_prefix, const EditOptions& options,
                             const std::string& path) {
  const std::uint64_t aligned = std::uint64_t{1} << std::countr_zero(old_prefix);
  const std::uint64_t block =
      std::clamp<std::uint64_t>(aligned, os::share_alignment, format::largest_align);
  const auto least = base::checked_add(format::prefix_bytes + text, options.reserve_header);
  const auto blocks =
      least ? base::checked_align_up(*least - std::min<std::uint64_t>(*least, old_prefix), block)
            : std::nullopt;
  const auto total = blocks ? base::checked_add(old_prefix, *blocks) : std::nullopt;
  if (!total || *total - format::prefix_bytes > default_header_limit)
    throw Error({.code = Code::header_too_large,
                 .reason = "the header would have more than " +
                           std::to_string(default_header_limit) + " bytes",
                 .advice = "Keep long values in a file of their own.",
                 .path = path});
  return static_cast<std::size_t>(*total);
}

/// As many bytes or a few more, after which data that did not begin at a multiple of 8 do, unless a
/// tensor stands at a multiple that it would lose.
std::size_t aligned_prefix_bytes(const format::Header& header, std::uint64_t old_prefix,
                                 std::size_t bytes) {
  constexpr std::uint64_t align = format::smallest_align;
  const auto up = base::checked_align_up(bytes, align);
  if (!up) return bytes;
  const auto aligned = static_cast<std::size_t>(*up);
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::uint64_t had = std::gcd(old_prefix + header.begin(i), align);
    if ((aligned - old_prefix) % had != 0) return bytes;
  }
  return aligned;
}

/// What becomes of a new file whose blocks cannot be shared with the old one.
enum class Unshared : std::uint8_t { copied, given_up };

/// A new file that begins with `prefix` and has the tensors of the old one, but for what `over`
/// puts over them. None where it was given up: then nothing changed.
std::optional<Edited> rewrite(io::EditTarget& target, const std::string& path,
                              std::string_view prefix, const io::Change* over,
                              const EditOptions& options, Unshared unshared = Unshared::copied) {
  const std::size_t old_prefix = target.prefix().size();
  const std::uint64_t data = target.file_bytes() - old_prefix;
  const auto total = base::checked_add(prefix.size(), data);
  if (!total) throw Error({.code = Code::shape_overflow, .reason = "the file would be too long"});
  // Room is reserved below, once it is known that blocks are not shared.
  io::NewFile file(path, *total, save_options(options), io::Reserve::later);
  file.write(std::array{io::Piece{.at = 0, .bytes = std::as_bytes(std::span(prefix))}});
  std::optional<os::File> old = target.open_again();
  Edited edited{.changed = true, .rewritten = true};
  edited.shared = io::share(*old, old_prefix, file.temporary(), prefix.size(), data);
  if (!edited.shared && unshared == Unshared::given_up) return std::nullopt;
  if (!edited.shared) {
    // Holes stay holes: a sparse file may be larger than the disk.
    const bool sparse = io::has_holes(*old, old_prefix, data) && file.temporary().resize(*total);
    if (!sparse) file.temporary().preallocate(*total);
    constexpr std::uint64_t piece = std::uint64_t{64} << 20;
    for (std::uint64_t done = 0; done < data; done += piece) {
      refuse_stopped(options, path);
      const std::uint64_t part = std::min(piece, data - done);
      if (sparse)
        io::copy_data(*old, old_prefix + done, file.temporary(), prefix.size() + done, part);
      else
        (void)io::copy_range(*old, old_prefix + done, file.temporary(), prefix.size() + done, part);
      if (options.progress) options.progress(prefix.size() + done + part, *total);
    }
  }
  if (over != nullptr)
    file.write(std::array{io::Piece{.at = over->at, .bytes = over->after, .dtype = over->dtype}});
  old.reset();
  const auto last_look = [&] { target.refuse_replaced(); };
  try {
    file.put_in_place(last_look, &target.place());
  } catch (const Error& error) {
    if (error.code() != Code::file_in_use) throw;
    target.let_go();
    file.put_in_place(last_look, &target.place());
  }
  return edited;
}

/// io::change_in_place(), unless the file is replaced before the end, and the change with it. By a
/// new file where somebody else keeps the journal from having its name.
Edited change(io::EditTarget& target, const io::Change& change, const EditOptions& options) {
  target.refuse_replaced();
  if (!io::may_have_journal(target.place(), target.output())) {
    std::string prefix(reinterpret_cast<const char*>(target.prefix().data()),
                       target.prefix().size());
    if (change.at < prefix.size())
      std::ranges::copy(
          std::span(reinterpret_cast<const char*>(change.after.data()), change.after.size()),
          prefix.begin() + static_cast<std::ptrdiff_t>(change.at));
    Edited edited = rewrite(target, target.place().path(), prefix,
                            change.at < prefix.size() ? nullptr : &change, options)
                        .value();
    edited.why = "what stands at the name of the journal is not ours to replace";
    return edited;
  }
  io::change_in_place(target.place(), target.output(), target.prefix(), change,
                      save_options(options), [&] { target.refuse_replaced(); });
  target.refuse_replaced();
  return {.changed = true};
}

/// A new file with `text` as its header.
Edited rewrite_header(io::EditTarget& target, const std::string& path, const std::string& text,
                      const EditOptions& options) {
  const std::size_t room = target.prefix().size();
  const bool fits = format::prefix_bytes + text.size() <= room;
  const std::size_t bytes = new_prefix_bytes(text.size(), room, options, path);
  const std::size_t aligned = aligned_prefix_bytes(target.header(), room, bytes);
  std::optional<Edited> made;  // sharing blocks goes first
  if (bytes != aligned)
    made = rewrite(target, path, make_prefix(text, bytes), nullptr, options, Unshared::given_up);
  if (!made) made = rewrite(target, path, make_prefix(text, aligned), nullptr, options);
  Edited edited = std::move(made).value();
  edited.why = target.in_place() ? "the header had no room"
               : fits            ? "a symbolic link stood there, and was replaced"
                                 : "a symbolic link stood there, and the header had no room";
  return edited;
}

Edited edit(const std::string& path, const MetadataChanges& changes, const EditOptions& options) {
  io::EditTarget target(path, options);
  const std::string& real = target.place().path();
  const format::Header& header = target.header();
  const format::MetadataPairs metadata =
      format::edit_metadata(header, changes.set, changes.remove, real);
  const bool some = header.has_metadata() || !metadata.empty();
  const std::string text = format::header_text(header, some ? &metadata : nullptr);
  const auto now = header.metadata();
  if (std::ranges::equal(now, metadata, [](const auto& a, const auto& b) {
        return a.first == b.first && a.second == b.second;
      }))
    return {};
  refuse_stopped(options, real);
  const std::span<const std::byte> old = target.prefix().subspan(format::prefix_bytes);
  if (text.size() > old.size() || !target.in_place())
    return rewrite_header(target, path, text, options);
  std::string room = text;
  room.resize(old.size(), ' ');
  return change(
      target, {.at = format::prefix_bytes, .before = old, .after = std::as_bytes(std::span(room))},
      options);
}

/// Own tensors that have bytes of the range become private memory; true when there were any.
bool release_range(const io::EditTarget& target, std::uint64_t begin, std::uint64_t end) {
  const auto has_live = [&](hold::Block& block) {
    const hold::Catalog& catalog = block.catalog();
    for (std::size_t i = 0; i < catalog.size(); ++i)
      if (catalog.offset(i) < end && begin < catalog.offset(i) + catalog.nbytes(i) &&
          block.live(i) != 0)
        return true;
    return false;
  };
  std::vector<std::shared_ptr<hold::Source>> sources = hold::sources_of(target.place().path());
  std::erase_if(sources, [&](const std::shared_ptr<hold::Source>& source) {
    if (!(source->status().identity == target.identity())) return true;
    const hold::Source::Blocks blocks = source->blocks();
    return std::ranges::none_of(blocks.mapped,
                                [&](const auto& pair) { return has_live(*pair.first.get()); }) &&
           std::ranges::none_of(blocks.owned,
                                [&](const auto& pair) { return has_live(*pair.first.get()); });
  });
  if (sources.empty()) return false;
  (void)hold::release(sources, {});
  return true;
}

[[noreturn]] void raise_not_found(const io::EditTarget& target, std::string_view name) {
  std::string advice;
  for (const std::string_view close : io::closest_names(target.header(), name))
    advice += (advice.empty() ? "Did you mean \"" : "\" or \"") + std::string(close);
  throw Error({.code = Code::tensor_not_found,
               .reason = "the file has no tensor of that name",
               .advice = advice.empty() ? "List its names to see which it has." : advice + "\"?",
               .path = target.place().path(),
               .tensor = std::string(name)});
}

Edited write_over(const std::string& path, std::string_view name, std::span<const std::byte> bytes,
                  const EditOptions& options) {
  io::EditTarget target(path, options);
  const format::Header& header = target.header();
  const auto index = header.find(name);
  if (!index) raise_not_found(target, name);
  const std::uint64_t nbytes = header.end(*index) - header.begin(*index);
  if (bytes.size() != nbytes)
    throw Error({.code = Code::size_differs,
                 .reason = "the tensor has " + std::to_string(nbytes) + " bytes, " +
                           std::to_string(bytes.size()) + " were given",
                 .advice = "Give all of the tensor; save() writes other shapes.",
                 .path = target.place().path(),
                 .tensor = std::string(name)});
  if (!target.in_place())
    throw Error({.code = Code::unsupported,
                 .reason = "a symbolic link stands at the path, and is not followed",
                 .advice = "Set follow_symlink to edit the file that it leads to.",
                 .path = path});
  refuse_stopped(options, path);
  if (bytes.empty()) return {};
  const std::uint64_t at = target.prefix().size() + header.begin(*index);
  const bool released = release_range(target, at, at + nbytes);
  Edited edited = change(
      target, {.at = at, .before = {}, .after = bytes, .dtype = header.dtype(*index)}, options);
  edited.released = released;
  return edited;
}

}  // namespace

Edited edit_metadata(const Path& path, const MetadataChanges& changes, const EditOptions& options) {
  return base::raising(doing, [&] { return edit(path.string(), changes, options); });
}

Result<Edited> try_edit_metadata(const Path& path, const MetadataChanges& changes,
                                 const EditOptions& options) noexcept {
  return base::guarded(doing, [&] { return edit(path.string(), changes, options); });
}

Edited overwrite(const Path& path, std::string_view name, std::span<const std::byte> bytes,
                 const EditOptions& options) {
  return base::raising(doing, [&] { return write_over(path.string(), name, bytes, options); });
}

Result<Edited> try_overwrite(const Path& path, std::string_view name,
                             std::span<const std::byte> bytes,
                             const EditOptions& options) noexcept {
  return base::guarded(doing, [&] { return write_over(path.string(), name, bytes, options); });
}

}  // namespace v0
}  // namespace tensorhold
