#include "format/parse/sniff.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace tensorhold::format {
namespace {

using namespace std::string_view_literals;

constexpr const char* download_advice =
    "Download the file itself: use its direct (\"resolve\") address, and log in if the model asks "
    "for it";
constexpr const char* convert_advice =
    "Load it with the program that it belongs to, and save its tensors as safetensors";
constexpr const char* unpack_advice = "Unpack it first";

struct Magic {
  std::size_t at;
  std::string_view bytes;
  const char* reason;
  const char* advice;
};

constexpr std::array magics{
    Magic{0, "version https://git-lfs."sv,
          "it is a git-LFS pointer, not the file that it points to",
          "Run \"git lfs pull\" in the repository, or download the file itself"},
    Magic{0, "GGUF"sv, "it is a GGUF file (llama.cpp)",
          "Open it with llama.cpp, or get the safetensors version of the model"},
    Magic{0, "GGML"sv, "it is a GGML file (llama.cpp)", convert_advice},
    Magic{0, "lmgg"sv, "it is a GGML file (llama.cpp)", convert_advice},
    Magic{0, "tjgg"sv, "it is a GGML file (llama.cpp)", convert_advice},
    Magic{0, "\x93NUMPY"sv, "it is a NumPy array (.npy)",
          "Load it with numpy.load and save it as safetensors"},
    Magic{0, "\x89HDF\r\n\x1a\n"sv, "it is an HDF5 file (.h5, Keras weights)", convert_advice},
    Magic{0, "\x1f\x8b"sv, "it is compressed with gzip", unpack_advice},
    Magic{0, "\x28\xb5\x2f\xfd"sv, "it is compressed with zstd", unpack_advice},
    Magic{0, "\xfd\x37zXZ\x00"sv, "it is compressed with xz", unpack_advice},
    Magic{0, "BZh"sv, "it is compressed with bzip2", unpack_advice},
    Magic{0, "7z\xbc\xaf\x27\x1c"sv, "it is a 7-Zip archive", unpack_advice},
    Magic{257, "ustar"sv, "it is a tar archive", unpack_advice},
    Magic{4, "TFL3"sv, "it is a TensorFlow Lite model", convert_advice},
};

/// Pickles of protocol 2 to 5 begin with the protocol, and go on with one of few opcodes.
bool is_pickle(std::string_view text) noexcept {
  return text.size() >= 3 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5 &&
         "}]()\x95\x8a\x8e"
         "cX\x8cKMJ"sv.find(text[2]) != std::string_view::npos;
}

/// An ONNX model is a protobuf whose first fields are the version (field 1, a number) and the name
/// of the program that wrote it (field 2, a string).
bool is_onnx(std::string_view text) noexcept {
  if (text.size() < 16 || text[0] != '\x08' || text[1] < 1 || text[1] > 0x20) return false;
  if (text[2] != '\x12') return false;
  const auto length = static_cast<unsigned char>(text[3]);
  if (length == 0 || length > 64 || 4U + length > text.size()) return false;
  return std::all_of(text.begin() + 4, text.begin() + 4 + length,
                     [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
}

std::string_view without_leading_space(std::string_view text) noexcept {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const auto start = text.find_first_not_of(" \t\r\n");
  return start == std::string_view::npos ? std::string_view() : text.substr(start);
}

bool starts_with_word(std::string_view text, std::string_view lower) noexcept {
  if (text.size() < lower.size()) return false;
  return std::equal(lower.begin(), lower.end(), text.begin(), [](char want, char have) {
    return want == (have >= 'A' && have <= 'Z' ? static_cast<char>(have - 'A' + 'a') : have);
  });
}

/// Its beginning, fit for one line of a message; empty when it is not text.
std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 60;
  std::string line;
  for (const char c : text.substr(0, 256)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '\n' || byte == '\r') break;
    if (byte < 0x20 && byte != '\t') return {};
    if (byte >= 0x7f) return {};
    if (line.size() < longest) line += byte == '\t' ? ' ' : c;
  }
  return line;
}

std::optional<Sniffed> sniff_zip(std::string_view text) {
  if (!text.starts_with("PK\x03\x04")) return std::nullopt;
  if (text.find("data.pkl") != std::string_view::npos)
    return Sniffed{.reason = "it is a PyTorch file (a zip with a pickle; .pt, .pth or .bin)",
                   .advice =
                       "Load it with torch.load(path, weights_only=True) and save its "
                       "tensors as safetensors"};
  if (text.find(".npy") != std::string_view::npos)
    return Sniffed{.reason = "it is a NumPy archive (.npz)",
                   .advice = "Load it with numpy.load and save its arrays as safetensors"};
  return Sniffed{.reason = "it is a zip archive", .advice = unpack_advice};
}

std::optional<Sniffed> sniff_text(std::string_view text) {
  const std::string_view body = without_leading_space(text);
  if (starts_with_word(body, "<!doctype html") || starts_with_word(body, "<html") ||
      starts_with_word(body, "<head"))
    return Sniffed{.reason = "it is an HTML page, probably of a login or an error",
                   .advice = download_advice};
  if (starts_with_word(body, "<?xml") || starts_with_word(body, "<error"))
    return Sniffed{.reason = "it is XML, probably the error message of a storage server",
                   .advice = download_advice};
  if (body.starts_with('{') || body.starts_with('[')) {
    if (body.find("\"weight_map\"") != std::string_view::npos)
      return Sniffed{.code = Code::sharded_model,
                     .reason = "it is the index of a model in several files",
                     .advice = "Open the files that its \"weight_map\" names, one by one"};
    const auto second = body.find_first_not_of(" \t\r\n", 1);
    if (second != std::string_view::npos &&
        (body[second] == '"' || body[second] == '{' || body[second] == '['))
      return Sniffed{.reason = "it is a JSON file", .advice = download_advice};
  }
  const std::string line = quoted(body);
  constexpr std::size_t shortest = 8;
  if (line.size() >= shortest)
    return Sniffed{.reason = "it is text that begins with \"" + line + '"',
                   .advice = download_advice};
  return std::nullopt;
}

}  // namespace

std::optional<Sniffed> sniff(std::span<const std::byte> first, std::uint64_t file_bytes) {
  const std::string_view text(reinterpret_cast<const char*>(first.data()), first.size());
  if (file_bytes == 0)
    return Sniffed{.reason = "the file is empty",
                   .advice = "Download it again, or save it again; there may have been no space"};
  if (std::all_of(text.begin(), text.end(), [](char c) { return c == '\0'; }))
    return Sniffed{.reason =
                       "the file begins with nothing but zeros, as an aborted download or a "
                       "file lost in a crash does",
                   .advice = "Download or copy it again"};
  for (const Magic& magic : magics)
    if (text.size() >= magic.at && text.substr(magic.at).starts_with(magic.bytes))
      return Sniffed{.reason = magic.reason, .advice = magic.advice};
  if (auto zip = sniff_zip(text)) return zip;
  if (is_pickle(text))
    return Sniffed{.reason = "it is a Python pickle (an old PyTorch file, perhaps)",
                   .advice =
                       "Load it with torch.load(path, weights_only=True), if you trust it, "
                       "and save its tensors as safetensors"};
  if (is_onnx(text))
    return Sniffed{.reason = "it looks like an ONNX model (protobuf)", .advice = convert_advice};
  return sniff_text(text);
}

}  // namespace tensorhold::format
