// heraldctl's commands as rows of a table: how each is called and what carries it out. To add one, write its row in
// ctl/commands.cc and its function in ctl/calls.h.
#pragma once

#include <CLI/CLI.hpp>
#include <span>
#include <string>
#include <vector>

#include "sidecar/ctl/calls.h"
#include "sidecar/ctl/local.h"

namespace herald::ctl {

// What the words behind a command were; each command reads what it has declared.
struct Arguments {
  Options options;
  std::vector<std::string> services;
  std::string service;
  bool counts = false;
  bool openmetrics = false;
  AdminWish admin;
  ConfigPlace config;
  std::string stack;
  std::vector<std::string> templates;
};

struct Command {
  const char* name;
  const char* help;  // one line, without a full stop
  const char*
      examples;  // whole lines, "  heraldctl ...    what it does"; the first is shown by heraldctl --help too
  // Declares what may follow the name. The options of every command (--json, ...) are declared already.
  void (*declare)(CLI::App& command, Arguments& arguments);
  Outcome (*run)(const Arguments& arguments);
};

[[nodiscard]] std::span<const Command> commands();

// Commands of the contract that this release does not have.
[[nodiscard]] std::span<const char* const> later_commands();

}  // namespace herald::ctl
