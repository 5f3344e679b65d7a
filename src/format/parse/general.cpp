#include "format/parse/general.hpp"

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "base/checked.hpp"
#include "format/json/json_reader.hpp"
#include "format/parse/header_builder.hpp"
#include "tensorhold/error.hpp"

namespace tensorhold::format {
namespace {

constexpr const char* rewrite_advice =
    "The file breaks the format: download it again, or write it again with a current version of "
    "the program that made it";

/// Positions in the header of one tensor's parts.
struct Entry {
  std::size_t key = 0;
  std::optional<std::size_t> dtype;
  std::optional<std::size_t> shape;
  std::optional<std::size_t> offsets;
};

class GeneralParser {
 public:
  GeneralParser(std::string_view header, std::uint64_t file_bytes, const ParseOptions& options)
      : header_(header),
        reader_(header),
        builder_(header.size()),
        options_(options),
        data_start_(prefix_bytes + header.size()),
        file_bytes_(file_bytes) {}

  Header run() {
    try {
      top();
    } catch (const JsonFault& fault) {
      const std::size_t padding = nul_padding();
      if (padding != 0 && fault.position >= header_.size() - padding)
        fail(Code::invalid_json,
             "the header is padded with " + std::to_string(padding) +
                 " NUL bytes; the format pads with spaces",
             header_.size() - padding,
             "Write spaces over these bytes, or write the file again with another program.");
      fail(Code::invalid_json, fault.reason, fault.position);
    }
    if (const auto fault = builder_.finish(file_bytes_ - data_start_, options_.lenient))
      explain(*fault);
    return builder_.take();
  }

 private:
  /// NUL bytes that follow the end of an object.
  [[nodiscard]] std::size_t nul_padding() const noexcept {
    const std::size_t last = header_.find_last_not_of('\0');
    if (last == std::string_view::npos) return 0;
    const std::size_t json = header_.find_last_not_of(" \t\r\n", last);
    return json != std::string_view::npos && header_[json] == '}' ? header_.size() - last - 1 : 0;
  }

  void top() {
    if (reader_.next() != JsonToken::begin_object)
      fail(Code::invalid_json, "the header is JSON, but not an object", reader_.position());
    bool has_metadata = false;
    while (reader_.next() == JsonToken::key) {
      name_ = reader_.text();
      const std::size_t position = reader_.position();
      if (name_ != "__metadata__") {
        entry(position);
        name_.clear();
        continue;
      }
      name_.clear();
      if (std::exchange(has_metadata, true))
        fail(Code::duplicate_name, "the key \"__metadata__\" occurs twice", position);
      metadata();
    }
    reader_.next();
  }

  void metadata() {
    const JsonToken first = reader_.next();
    if (first == JsonToken::null) return;
    if (first != JsonToken::begin_object)
      fail(Code::invalid_metadata, "__metadata__ is not an object", reader_.position());
    builder_.begin_metadata();
    std::string key;
    while (reader_.next() == JsonToken::key) {
      key = reader_.text();
      metadata_positions_.push_back(static_cast<std::uint32_t>(reader_.position()));
      const JsonToken value = reader_.next();
      if (value == JsonToken::string) {
        builder_.add_metadata(key, reader_.text());
        continue;
      }
      const std::size_t begin = reader_.position();
      if (!options_.lenient)
        fail(
            Code::invalid_metadata, "the value of \"" + key + "\" in __metadata__ is not a string",
            begin,
            "Open it with the option lenient, which reads such values as their JSON text, or write "
            "the file again.");
      reader_.skip(value);
      builder_.add_metadata(key, header_.substr(begin, reader_.end() - begin));
    }
  }

  void entry(std::size_t key) {
    Entry entry{.key = key, .dtype = {}, .shape = {}, .offsets = {}};
    if (reader_.next() != JsonToken::begin_object)
      fail(Code::invalid_entry, "the entry is not an object", reader_.position());
    Dtype dtype = Dtype::u8;
    std::array<std::uint64_t, 2> offsets{};
    while (reader_.next() == JsonToken::key) {
      const std::string_view field = reader_.text();
      const std::size_t position = reader_.position();
      if (field == "dtype") {
        once(entry.dtype, "dtype", position);
        dtype = read_dtype();
      } else if (field == "shape") {
        once(entry.shape, "shape", position);
        read_shape();
      } else if (field == "data_offsets") {
        once(entry.offsets, "data_offsets", position);
        offsets = read_offsets();
      } else {
        reader_.skip(reader_.next());
      }
    }
    need(entry.dtype.has_value(), "dtype", key);
    need(entry.shape.has_value(), "shape", key);
    need(entry.offsets.has_value(), "data_offsets", key);
    positions_.push_back(static_cast<std::uint32_t>(key));
    if (const auto fault = builder_.add_tensor(name_, dtype, offsets[0], offsets[1]))
      explain(*fault, entry);
  }

  void once(std::optional<std::size_t>& seen, const char* field, std::size_t position) {
    if (seen)
      fail(Code::invalid_entry, std::string("the entry has two fields \"") + field + '"', position);
    seen = position;
  }

  void need(bool present, const char* field, std::size_t key) {
    if (!present)
      fail(Code::invalid_entry, std::string("the entry has no field \"") + field + '"', key);
  }

  Dtype read_dtype() {
    if (reader_.next() != JsonToken::string)
      fail(Code::invalid_entry, "dtype is not a string", reader_.position());
    const auto dtype = dtype_from_string(reader_.text());
    if (!dtype)
      fail(Code::unknown_dtype,
           "dtype \"" + std::string(reader_.text().substr(0, 32)) + "\" is not known",
           reader_.position(),
           "A newer version of the format may have it: update tensorhold, or convert the tensor");
    return *dtype;
  }

  std::uint64_t read_size(const char* what) {
    if (!reader_.integer())
      fail(Code::invalid_entry,
           std::string(what) + " holds a number that is not an integer from 0 to 2^64 - 1",
           reader_.position());
    return *reader_.integer();
  }

  void read_shape() {
    if (reader_.next() != JsonToken::begin_array)
      fail(Code::invalid_entry, "shape is not an array", reader_.position());
    for (JsonToken token; (token = reader_.next()) != JsonToken::end_array;) {
      if (token != JsonToken::number)
        fail(Code::invalid_entry, "shape holds something else than numbers", reader_.position());
      builder_.add_extent(read_size("shape"));
    }
  }

  std::array<std::uint64_t, 2> read_offsets() {
    if (reader_.next() != JsonToken::begin_array)
      fail(Code::invalid_entry, "data_offsets is not an array", reader_.position());
    std::array<std::uint64_t, 2> offsets{};
    for (auto& offset : offsets) {
      if (reader_.next() != JsonToken::number)
        fail(Code::invalid_entry, "data_offsets does not hold two numbers", reader_.position());
      offset = read_size("data_offsets");
    }
    if (reader_.next() != JsonToken::end_array)
      fail(Code::invalid_entry, "data_offsets holds more than two numbers", reader_.position());
    return offsets;
  }

  /// A broken rule of the entry just read.
  [[noreturn]] void explain(const Fault& fault, const Entry& entry) {
    switch (fault.code) {
      case Code::shape_overflow:
        fail(fault.code, "the size of the shape does not fit in 64 bits", *entry.shape);
      case Code::partial_byte:
        fail(fault.code,
             "the shape needs " + std::to_string(fault.expected) + " bits, not whole bytes",
             *entry.shape);
      case Code::size_mismatch:
        fail(fault.code,
             "dtype and shape need " + std::to_string(fault.expected) +
                 " bytes, data_offsets span " + std::to_string(fault.actual),
             *entry.offsets);
      default:
        fail(fault.code,
             "data_offsets begin at " + std::to_string(fault.expected) + ", after their end " +
                 std::to_string(fault.actual),
             *entry.offsets);
    }
  }

  /// A broken rule that concerns more than one tensor.
  [[noreturn]] void explain(const Fault& fault) {
    name_.clear();
    switch (fault.code) {
      case Code::duplicate_name: {
        const std::size_t position =
            fault.in_metadata ? metadata_positions_[fault.tensor] : positions_[fault.tensor];
        if (!fault.in_metadata) name_ = builder_.name(fault.tensor);
        fail(fault.code,
             fault.in_metadata ? "a key occurs twice in __metadata__" : "the name occurs twice",
             position);
      }
      case Code::data_truncated:
        name_ = builder_.name(fault.tensor);
        raise_at(fault.code,
                 "the tensors need " + std::to_string(fault.expected) +
                     " bytes after the header, the file has " + std::to_string(fault.actual),
                 file_bytes_, "The file is cut short: download or copy it again");
      case Code::trailing_bytes:
        raise_at(fault.code,
                 std::to_string(fault.actual - fault.expected) + " bytes follow the last tensor",
                 data_start_ + fault.expected,
                 "Open it with the option lenient if they may be ignored, or save it again");
      default:
        name_ = builder_.name(fault.tensor);
        raise_at(fault.code,
                 fault.actual > fault.expected
                     ? "a hole of " + std::to_string(fault.actual - fault.expected) +
                           " bytes lies before the tensor"
                     : "the tensor overlaps the one before it",
                 base::checked_add(data_start_, std::min(fault.actual, fault.expected)),
                 rewrite_advice);
    }
  }

  [[noreturn]] void fail(Code code, std::string reason, std::size_t position,
                         const char* advice = rewrite_advice) {
    raise_at(code, std::move(reason), prefix_bytes + position, advice);
  }

  [[noreturn]] void raise_at(Code code, std::string reason, std::optional<std::uint64_t> offset,
                             const char* advice) {
    raise(Error({.code = code,
                 .reason = std::move(reason),
                 .advice = advice,
                 .path = options_.path,
                 .tensor = name_,
                 .offset = offset}));
  }

  std::string_view header_;
  JsonReader reader_;
  HeaderBuilder builder_;
  const ParseOptions& options_;
  std::uint64_t data_start_;
  std::uint64_t file_bytes_;
  std::string name_;  // of the tensor that is being read, for messages
  FlatArray<std::uint32_t> positions_;
  FlatArray<std::uint32_t> metadata_positions_;
};

}  // namespace

Header parse_general(std::string_view header, std::uint64_t file_bytes,
                     const ParseOptions& options) {
  return GeneralParser(header, file_bytes, options).run();
}

}  // namespace tensorhold::format
