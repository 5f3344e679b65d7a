#include <limits>
#include <string>
#include <utility>

#include "base/boundary.hpp"
#include "base/checked.hpp"
#include "file/file_impl.hpp"
#include "file/not_found.hpp"
#include "hold/block/loaded_block.hpp"
#include "load/loading.hpp"
#include "tensor/access.hpp"
#include "tensorhold/load.hpp"

namespace tensorhold {
inline namespace v0 {
namespace {

constexpr const char* doing = "loading tensors";
constexpr std::uint64_t default_ahead = std::uint64_t{256} << 20;

Tensor adopt(hold::LoadedBlock& block, std::size_t index, hold::OwnedMemory memory) {
  const auto number = static_cast<std::uint32_t>(index);
  block.give(number, std::move(memory));
  return Tensor::Access::adopt(&block, number);
}

}  // namespace

struct Plan::Impl {
  explicit Impl(const File& opened) : file(opened), wanted(FileAccess::impl(opened).catalog) {}

  /// What a reading works with, which later additions do not change.
  [[nodiscard]] std::shared_ptr<const tensor::PartCatalog> snapshot() const {
    return std::make_shared<const tensor::PartCatalog>(wanted);
  }

  std::uint32_t position(std::string_view name) const {
    const File::Impl& of = FileAccess::impl(file);
    const auto index = of.catalog->header().find(name);
    if (!index) io::raise_not_found(of, name);
    return static_cast<std::uint32_t>(*index);
  }

  /// Counts what was just added, whose bytes may be more than 64 bits can count when it is the same
  /// tensor over and over.
  std::size_t added() {
    nbytes = base::checked_add(nbytes, wanted.nbytes(wanted.size() - 1))
                 .value_or(std::numeric_limits<std::uint64_t>::max());
    return wanted.size() - 1;
  }

  std::vector<Tensor> load(const LoadOptions& options) const;
  void load_into(std::span<const std::span<std::byte>> destinations,
                 const LoadOptions& options) const;

  File file;
  tensor::PartCatalog wanted;
  std::uint64_t nbytes = 0;
};

std::vector<Tensor> Plan::Impl::load(const LoadOptions& options) const {
  io::ByteSource source = io::source_for(FileAccess::impl(file), wanted, nbytes);
  io::check_memory(nbytes, options, source.path);
  const io::ReadChoice choice = io::choose_reading(io::facts_of(source, nbytes, options));
  const auto catalog = snapshot();
  auto* const block = new hold::LoadedBlock(catalog, source.path);
  const hold::BlockRef keep(block);
  io::Reading reading(catalog, std::move(source),
                      {.unit_bytes = choice.unit_bytes, .stop = options.stop});
  std::vector<Tensor> tensors;
  tensors.reserve(catalog->size());
  io::run(reading, choice.threads, options.progress);
  for (std::size_t i = 0; i < catalog->size(); ++i)
    tensors.push_back(adopt(*block, i, reading.take(i)));
  return tensors;
}

void Plan::Impl::load_into(std::span<const std::span<std::byte>> destinations,
                           const LoadOptions& options) const {
  if (destinations.size() != wanted.size())
    throw Error({.code = Code::invalid_argument,
                 .reason = std::to_string(destinations.size()) + " destinations were given for " +
                           std::to_string(wanted.size()) + " tensors",
                 .advice = "Give one for each, in order of addition.",
                 .path = file.path()});
  for (std::size_t i = 0; i < destinations.size(); ++i)
    if (destinations[i].size() != wanted.nbytes(i))
      throw Error({.code = Code::size_differs,
                   .reason = "the destination has " + std::to_string(destinations[i].size()) +
                             " bytes, the tensor " + std::to_string(wanted.nbytes(i)),
                   .advice = "Give room for exactly the bytes of the tensor.",
                   .path = file.path(),
                   .tensor = std::string(wanted.name(i))});
  io::ByteSource source = io::source_for(FileAccess::impl(file), wanted, nbytes);
  const io::ReadChoice choice = io::choose_reading(io::facts_of(source, nbytes, options));
  io::Reading reading(snapshot(), std::move(source),
                      {.into = io::Into::destinations,
                       .destinations = destinations,
                       .unit_bytes = choice.unit_bytes,
                       .stop = options.stop});
  io::run(reading, choice.threads, options.progress);
}

Plan::Plan(const File& file)
    : impl_(base::raising(doing, [&] { return std::make_unique<Impl>(file); })) {}
Plan::Plan(const Plan& other)
    : impl_(base::raising(doing, [&] { return std::make_unique<Impl>(*other.impl_); })) {}
Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan other) noexcept {
  impl_.swap(other.impl_);
  return *this;
}
Plan::~Plan() = default;

void Plan::add_all() {
  base::raising(doing, [&] {
    const std::size_t size = impl_->file.size();
    impl_->wanted.reserve(size);
    for (std::size_t i = 0; i < size; ++i) add_at(i);
  });
}

std::size_t Plan::add(std::string_view name) {
  return base::raising(doing, [&] { return add_at(impl_->position(name)); });
}

std::size_t Plan::add(std::string_view name, std::initializer_list<Index> indices) {
  return add(name, std::span<const Index>(indices.begin(), indices.size()));
}

std::size_t Plan::add(std::string_view name, std::span<const Index> indices) {
  return base::raising(doing, [&] {
    const std::uint32_t index = impl_->position(name);
    const tensor::FileCatalog& catalog = impl_->wanted.file();
    impl_->wanted.add(index, tensor::select({.dtype = catalog.dtype(index),
                                             .shape = catalog.shape(index),
                                             .name = name,
                                             .path = impl_->file.path()},
                                            indices));
    return impl_->added();
  });
}

std::size_t Plan::add_at(std::size_t index) {
  return base::raising(doing, [&] {
    impl_->wanted.add(static_cast<std::uint32_t>(index));
    return impl_->added();
  });
}

std::size_t Plan::size() const noexcept { return impl_->wanted.size(); }
std::uint64_t Plan::nbytes() const noexcept { return impl_->nbytes; }
Dtype Plan::dtype(std::size_t position) const noexcept { return impl_->wanted.dtype(position); }
std::span<const std::uint64_t> Plan::shape(std::size_t position) const& noexcept {
  return impl_->wanted.shape(position);
}
std::uint64_t Plan::nbytes(std::size_t position) const noexcept {
  return impl_->wanted.nbytes(position);
}

std::vector<Tensor> Plan::load(const LoadOptions& options) const {
  return base::raising(doing, [&] { return impl_->load(options); });
}

Result<std::vector<Tensor>> Plan::try_load(const LoadOptions& options) const noexcept {
  return base::guarded(doing, [&] { return impl_->load(options); });
}

void Plan::load_into(std::span<const std::span<std::byte>> destinations,
                     const LoadOptions& options) const {
  base::raising(doing, [&] { impl_->load_into(destinations, options); });
}

Result<void> Plan::try_load_into(std::span<const std::span<std::byte>> destinations,
                                 const LoadOptions& options) const noexcept {
  return base::guarded(doing, [&] { impl_->load_into(destinations, options); });
}

/// Threads go before what they use.
struct TensorStream::Impl {
  Impl(const std::shared_ptr<const tensor::PartCatalog>& catalog, io::ByteSource source,
       const io::ReadingOptions& options, const Progress& called, unsigned threads)
      : block(new hold::LoadedBlock(catalog, source.path)),
        keep(block),
        progress(called),
        reading(catalog, std::move(source), options),
        crew(reading, threads) {}

  std::optional<Item> next() {
    if (!crew.is_here())
      throw Error({.code = Code::unsupported,
                   .reason = "the stream was begun before a fork, and the threads that read for it "
                             "are in the parent",
                   .advice = "Begin one in the child.",
                   .path = std::string(block->path())});
    const auto index = reading.next(crew.empty());
    if (!index) return std::nullopt;
    Item item{*index, adopt(*block, *index, reading.take(*index))};
    if (progress) progress(reading.done_bytes(), reading.nbytes());
    return item;
  }

  hold::LoadedBlock* block;
  hold::BlockRef keep;
  Progress progress;
  io::Reading reading;
  io::Crew crew;
};

TensorStream::TensorStream(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
TensorStream::TensorStream(TensorStream&&) noexcept = default;
TensorStream& TensorStream::operator=(TensorStream&& other) noexcept {
  TensorStream old(std::move(other));
  impl_.swap(old.impl_);
  return *this;
}
TensorStream::~TensorStream() {
  // A forked child waits for nobody, and leaves what it cannot end to its own end.
  if (impl_ && !impl_->crew.is_here()) (void)impl_.release();
}

std::optional<TensorStream::Item> TensorStream::next() {
  return base::raising(doing, [&] { return impl_->next(); });
}

Result<std::optional<TensorStream::Item>> TensorStream::try_next() noexcept {
  return base::guarded(doing, [&] { return impl_->next(); });
}

TensorStream Plan::stream(const LoadOptions& options) const {
  return base::raising(doing, [&] {
    io::ByteSource source =
        io::source_for(FileAccess::impl(impl_->file), impl_->wanted, impl_->nbytes);
    const std::uint64_t ahead = options.memory_budget != 0 ? options.memory_budget : default_ahead;
    io::ReadFacts facts = io::facts_of(source, impl_->nbytes, options);
    facts.most_ahead = ahead;
    const io::ReadChoice choice = io::choose_reading(facts);
    return TensorStream(
        std::make_unique<TensorStream::Impl>(impl_->snapshot(), std::move(source),
                                             io::ReadingOptions{.unit_bytes = choice.unit_bytes,
                                                                .most_ahead = ahead,
                                                                .streams = true,
                                                                .stop = options.stop},
                                             options.progress, choice.threads));
  });
}

}  // namespace v0
}  // namespace tensorhold
