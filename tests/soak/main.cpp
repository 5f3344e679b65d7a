// soak: attacks places, one after the other, and says what it found. See --help.
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "judge.hpp"
#include "report.hpp"
#include "supervisor.hpp"

namespace tensorhold::soak {
namespace {

constexpr const char* usage =
    "soak [OPTION...] PLACE...    a place: NAME=FOLDER, a folder with nothing else in it\n"
    "  --seconds N         for all places together (60)\n"
    "  --seed N            the same attack again (one that nobody used)\n"
    "  --processes N       worker processes (3, at most 8)\n"
    "  --threads N         threads of each (2, at most 4)\n"
    "  --elsewhere FOLDER  a folder on another filesystem, for moves (beside the first place)\n"
    "  --hang-seconds N    without a step for so long, a worker counts as hung (60)\n"
    "  --json              the result for programs\n"
    "  --prepare FOLDER    only makes the files that the workers begin with\n"
    "  --plant WHAT        plants a fault, which must be found: wrong-byte, lost-file, hang,\n"
    "                      odd-error, leftover, crash\n"
    "A place whose name begins with lockfs-sharing refuses to change files that are held; one "
    "whose\n"
    "name begins with lockfs-failing has failures switched on and off.\n";

struct Options {
  Attack attack;
  std::vector<Place> places;
  std::string elsewhere;
  std::string prepare;
  bool json = false;
};

bool fail(const std::string& text) {
  (void)std::fprintf(stderr, "soak: %s\n", text.c_str());
  return false;
}

bool number(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

std::optional<Plant> plant_called(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Plant>, 6> all{
      {{"wrong-byte", Plant::wrong_byte},
       {"lost-file", Plant::lost_file},
       {"hang", Plant::hang},
       {"odd-error", Plant::odd_error},
       {"leftover", Plant::leftover},
       {"crash", Plant::crash}}};
  for (const auto& [known, plant] : all)
    if (known == name) return plant;
  return std::nullopt;
}

bool add_place(std::string_view text, Options& options) {
  const std::size_t cut = text.find('=');
  if (cut == std::string_view::npos) return fail("not NAME=FOLDER: " + std::string(text));
  Place place{.name = std::string(text.substr(0, cut)),
              .folder = std::filesystem::absolute(text.substr(cut + 1)).string()};
  if (!std::filesystem::is_directory(place.folder)) return fail("no folder " + place.folder);
  place.sharing = place.name.starts_with("lockfs-sharing");
  if (place.name.starts_with("lockfs-failing")) place.control = place.folder + "/.lockfs-control";
  options.places.push_back(std::move(place));
  return true;
}

/// False after saying what is wrong.
bool parse(int argc, char** argv, Options& options) {
  std::random_device random;
  options.attack.setup.seed = random();
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (!word.starts_with("--")) {
      if (!add_place(word, options)) return false;
      continue;
    }
    if (word == "--json") {
      options.json = true;
      continue;
    }
    if (i + 1 == argc) return fail("unknown, or without a value: " + std::string(word));
    const std::string_view value = argv[++i];
    std::uint64_t n = 0;
    const bool is_number = number(value, n);
    Setup& setup = options.attack.setup;
    if (word == "--elsewhere") {
      options.elsewhere = value;
    } else if (word == "--prepare") {
      options.prepare = value;
    } else if (word == "--plant") {
      const auto plant = plant_called(value);
      if (!plant) return fail("nothing to plant called " + std::string(value));
      options.attack.plant = *plant;
    } else if (!is_number) {
      return fail("unknown, or not a number: " + std::string(word) + " " + std::string(value));
    } else if (word == "--seed") {
      setup.seed = n;
    } else if (word == "--seconds") {
      options.attack.seconds = n;
    } else if (word == "--hang-seconds") {
      options.attack.hang_seconds = n;
    } else if (word == "--processes" && n > 0 && n <= most_processes) {
      setup.processes = n;
    } else if (word == "--threads" && n > 0 && n <= most_threads) {
      setup.threads = n;
    } else {
      return fail("unknown, or out of range: " + std::string(word) + " " + std::string(value));
    }
  }
  return true;
}

int prepare_only(const Options& options) {
  Board* const board = make_board();
  if (board == nullptr) return 2;
  const Place place{.name = "prepared", .folder = options.prepare};
  prepare(*board, place, options.attack.setup);
  return 0;
}

int run(Options& options) {
  if (!options.prepare.empty()) return prepare_only(options);
  if (options.places.empty()) {
    (void)std::fputs(usage, stderr);
    return 2;
  }
  std::filesystem::path beside =
      std::filesystem::path(options.places.front().folder + "-elsewhere");
  const bool own_elsewhere = options.elsewhere.empty();
  if (!own_elsewhere) beside = std::filesystem::path(options.elsewhere);
  std::filesystem::create_directories(beside);
  options.attack.progress = ::isatty(STDERR_FILENO) != 0;
  const std::uint64_t seconds =
      std::max<std::uint64_t>(1, options.attack.seconds / options.places.size());
  options.attack.seconds = seconds;
  watch_signals();
  std::vector<Outcome> outcomes;
  std::uint64_t findings = 0;
  for (Place& place : options.places) {
    place.elsewhere = std::filesystem::absolute(beside).string();
    const Board* const board = attack(place, options.attack);
    if (board == nullptr) return 2;
    outcomes.push_back({place.name, seconds, board});
    findings += board->all_bad();
    if (interrupted()) break;
  }
  if (own_elsewhere) std::filesystem::remove_all(beside);
  const std::string text = options.json ? json(outcomes, options.attack.setup.seed)
                                        : table(outcomes, options.attack.setup.seed);
  (void)std::fputs(text.c_str(), stdout);
  if (interrupted()) (void)fail("interrupted; what stands above is what was done until then");
  return findings != 0 ? 1 : interrupted() ? 130 : 0;
}

}  // namespace
}  // namespace tensorhold::soak

int main(int argc, char** argv) {
  using namespace tensorhold::soak;
  for (int i = 1; i < argc; ++i)
    if (std::string_view(argv[i]) == "--help" || std::string_view(argv[i]) == "-h")
      return std::fputs(usage, stdout) < 0 ? 2 : 0;
  try {
    Options options;
    return parse(argc, argv, options) ? run(options) : 2;
  } catch (const std::exception& error) {
    (void)fail(error.what());
    return 2;
  }
}
