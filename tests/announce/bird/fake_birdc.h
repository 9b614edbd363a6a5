// A birdc of the test's own, in a directory beside the file that herald writes: a command is answered by the file of its name
// (blanks are "_", slashes "|", no quotes), or by the shell script NAME.sh; what has neither by "others".
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "sidecar/core/config.h"
#include "tests/os/temporary_directory.h"

namespace herald {

struct FakeBirdc {
  FakeBirdc() {
    const auto birdc = directory.write("birdc", R"(#!/bin/sh
cd "${0%/*}"
for command; do :; done
echo "$command" >> calls
name=$(echo "$command" | tr -d "'" | tr ' /' '_|')
if [ -e "$name.sh" ]; then . "./$name.sh"; elif [ -e "$name" ]; then cat "$name"; else cat others; fi
)");
    std::filesystem::permissions(birdc, std::filesystem::perms::owner_all);
    spec.stack = Stack::bird;
    spec.as = 65001;
    spec.bird = {.birdc = birdc, .socket = "/nowhere", .include = include(), .timeout = 500ms};
  }

  // What this command prints from now on.
  void answers(std::string command, std::string_view text) const {
    std::erase(command, '\'');
    std::ranges::replace(command, ' ', '_');
    std::ranges::replace(command, '/', '|');
    (void)directory.write(command, text);
  }
  [[nodiscard]] std::string include() const { return directory.path() / "herald.conf"; }
  [[nodiscard]] std::string file(const std::string& name) const {
    std::ifstream stream(directory.path() / name);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
  }
  // What it was asked since the last time.
  [[nodiscard]] std::string calls() const {
    const std::string text = file("calls");
    std::filesystem::remove(directory.path() / "calls");
    return text;
  }
  void forget(const std::string& name) const { std::filesystem::remove(directory.path() / name); }

  TemporaryDirectory directory;
  RouterSpec spec;
};

}  // namespace herald
