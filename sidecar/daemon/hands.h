// What heraldd acts with, and where it keeps what outlives it: all of it for real, or all of it in pretence (--dry-run). That is
// decided here once; nobody else asks.
#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sidecar/announce/levers.h"
#include "sidecar/os/loop.h"
#include "sidecar/os/namespace_lock.h"
#include "sidecar/state/state_file.h"
#include "sidecar/state/writer.h"

namespace herald {

struct Hands {
  std::unique_ptr<Levers> levers;
  std::unique_ptr<Writer> writer;  // of every file that heraldd keeps
  StateFile state;
  // Of the history, of what is handed over and of the accepted configuration; none: nothing of them is read or kept.
  std::optional<std::filesystem::path> keeps_in;
  // Before anything is touched. What it returns is kept as long as heraldd runs; the error is a line for people.
  std::function<std::expected<std::optional<NamespaceLock>, std::string>()> take_place;
  // To be said: that it is all pretence, and before each thing that is logged as done.
  bool pretend = false;
  std::string_view would = "";
};

[[nodiscard]] Hands real_hands(Loop& loop, const std::filesystem::path& state_dir, TemplateDirs dirs);
[[nodiscard]] Hands dry_run_hands(Loop& loop, const std::filesystem::path& state_dir, TemplateDirs dirs);

}  // namespace herald
