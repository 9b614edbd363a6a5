// Plays every tests/sim/scenarios/*.txt. With UPDATE_SCENARIOS=1 the expectations are rewritten: review the diff.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/sim/scenario.h"
#include "tests/source_dir.h"

namespace herald::sim {
namespace {

std::vector<std::filesystem::path> scenario_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(HERALD_SOURCE_DIR "/tests/sim/scenarios")) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream stream(path);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Line by line from the first that differs: '-' was expected, '+' happened.
std::string difference(const std::string& expected, const std::string& happened) {
  constexpr std::size_t kMost = 12;
  const std::vector<std::string> left = lines_of(expected), right = lines_of(happened);
  const auto [first_left, first_right] = std::ranges::mismatch(left, right);
  std::string text;
  for (const auto& line : std::vector(left.begin(), first_left)) text += "  " + line + "\n";
  for (auto line = first_left; line != left.end() && line < first_left + kMost; ++line)
    text += "- " + *line + "\n";
  for (auto line = first_right; line != right.end() && line < first_right + kMost; ++line)
    text += "+ " + *line + "\n";
  return text;
}

}  // namespace

TEST_CASE("scenarios") {
  const bool update = std::getenv("UPDATE_SCENARIOS") != nullptr;
  const std::vector<std::filesystem::path> files = scenario_files();
  REQUIRE(files.size() >= 15);
  for (const std::filesystem::path& file : files) {
    DYNAMIC_SECTION(file.stem().string()) {
      const Scenario scenario = parse_scenario(read(file));
      const std::string happened = play(scenario);
      if (update && happened != scenario.expected) {
        std::ofstream(file) << scenario.script << "---\n" << happened;
        std::cout << "rewritten: " << file.filename().string() << "\n";
      } else if (happened != scenario.expected) {
        FAIL(file.filename().string() << ": the timeline is another (UPDATE_SCENARIOS=1 rewrites it)\n"
                                      << difference(scenario.expected, happened));
      }
    }
  }
}

}  // namespace herald::sim
