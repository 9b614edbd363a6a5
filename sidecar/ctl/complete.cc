#include "sidecar/ctl/complete.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "sidecar/control/names.h"
#include "sidecar/ctl/text.h"
#include "sidecar/varlink/client.h"

namespace herald::ctl {
namespace {

struct Candidate {
  std::string word;
  std::string text;
};
using Candidates = std::vector<Candidate>;

bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() > 0 && option.get_type_size_max() > 0;
}

const CLI::Option* option_named(const CLI::App& app, const std::string& word) {
  if (word.size() < 2 || word.front() != '-') return nullptr;
  return app.get_option_no_throw(word);
}

std::vector<const CLI::App*> shown_commands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
}

const CLI::App* command_named(const CLI::App& app, const std::string& word) {
  const auto commands = shown_commands(app);
  const auto found =
      std::ranges::find_if(commands, [&](const auto* each) { return each->get_name() == word; });
  return found == commands.end() ? nullptr : *found;
}

// The line as far as it is written: which command, how many words that are no options stand behind it, and whether the
// word to complete is the value of an option.
struct Written {
  const CLI::App* command = nullptr;
  std::vector<std::string> positionals;
  bool value_is_next = false;
  bool is_whose = false;  // the value is that of --by
};

Written read(const CLI::App& app, const std::vector<std::string>& words, std::string& socket) {
  Written written;
  const CLI::Option* awaits = nullptr;
  for (const std::string& word : words) {
    if (std::exchange(written.value_is_next, false)) {
      if (awaits->check_lname("socket")) socket = word;
    } else if (word.starts_with('-')) {
      const CLI::Option* option = written.command != nullptr ? option_named(*written.command, word) : nullptr;
      awaits = option != nullptr ? option : option_named(app, word);
      written.value_is_next = awaits != nullptr && takes_value(*awaits);
      written.is_whose = written.value_is_next && awaits->check_lname("by");
      if (word.starts_with("--socket=")) socket = word.substr(word.find('=') + 1);
    } else if (written.command == nullptr) {
      written.command = command_named(app, word);
    } else {
      written.positionals.push_back(word);
    }
  }
  return written;
}

void add_options(Candidates& all, const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames())
      all.push_back({"--" + name, option->get_description()});
  }
}

void add_services(Candidates& all, const std::string& socket, bool with_probes) {
  constexpr Duration kPatience = std::chrono::seconds(1);
  const auto reply = call_varlink(socket, kStatusMethod, Report::object(), kPatience);
  if (!reply) return;
  for (const Report& service : list_at(object_at(*reply, "status"), "services")) {
    if (flag_at(service, "removed") == true) continue;
    const std::string name = text_at(service, "name");
    all.push_back({name, text_at(service, "state")});
    for (const Report& probe : list_at(service, "probes")) {
      if (with_probes) all.push_back({name + "/" + text_at(probe, "name"), text_at(probe, "state")});
    }
  }
}

// Those who have given orders that stand.
void add_whose(Candidates& all, const std::string& socket) {
  constexpr Duration kPatience = std::chrono::seconds(1);
  const auto reply = call_varlink(socket, kStatusMethod, Report::object(), kPatience);
  if (!reply) return;
  for (const Report& service : list_at(object_at(*reply, "status"), "services")) {
    for (const Report& order : list_at(service, "orders"))
      all.push_back({text_at(order, "who"), text_at(order, "reason")});
  }
}

void add_positionals(Candidates& all, const Written& written, const std::string& socket) {
  for (const CLI::Option* option : written.command->get_options()) {
    if (!option->get_positional()) continue;
    const bool several = option->get_items_expected_max() > 1;
    if (!several && !written.positionals.empty()) continue;
    const std::string name = option->get_name();
    if (name.starts_with("SERVICE")) add_services(all, socket, name.ends_with("[/PROBE]"));
    if (name == "STACK") all.insert(all.end(), {{"frr", ""}, {"bird", ""}});
  }
}

}  // namespace

std::string complete(const CLI::App& app, const std::vector<std::string>& words, std::string socket) {
  const std::string current = words.empty() ? "" : words.back();
  const std::vector<std::string> before(words.begin(), words.end() - (words.empty() ? 0 : 1));
  const Written written = read(app, before, socket);
  if (written.value_is_next && !written.is_whose) return {};
  Candidates all;
  if (written.is_whose && written.value_is_next) {
    add_whose(all, socket);
  } else if (current.starts_with('-')) {
    if (written.command != nullptr) add_options(all, *written.command);
    add_options(all, app);
  } else if (written.command != nullptr) {
    add_positionals(all, written, socket);
  } else {
    for (const CLI::App* command : shown_commands(app))
      all.push_back({command->get_name(), command->get_description()});
  }
  std::string text;
  std::vector<std::string> shown = written.positionals;  // what is there already is not meant again
  for (const auto& [word, about] : all) {
    if (!word.starts_with(current) || std::ranges::find(shown, word) != shown.end()) continue;
    shown.push_back(word);
    text += word + (about.empty() ? "" : "\t" + about) + "\n";
  }
  return text;
}

}  // namespace herald::ctl
