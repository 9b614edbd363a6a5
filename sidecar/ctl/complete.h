// What a shell may complete on a command line of heraldctl: commands, options, and names that the daemon knows. One
// place for all shells; the scripts in packaging/completions only pass it on.
//
// It asks the daemon for a moment at most: nobody waits for a hung one to complete a word.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace herald::ctl {

// `words` are those behind "heraldctl"; the last is the one to complete, perhaps empty. A candidate a line, with a tab
// and what it is, if that is known. Nothing where a file may be meant.
[[nodiscard]] std::string complete(const CLI::App& app, const std::vector<std::string>& words,
                                   std::string socket);

}  // namespace herald::ctl
