#include "sidecar/state/history.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/control/snapshot_fixture.h"
#include "tests/os/temporary_directory.h"
#include "tests/state/direct_writer.h"

namespace history_test {

using namespace herald;
using namespace fixture;

namespace {

HistoryEntry numbered(int number) {
  HistoryEntry entry =
      entry_of({kNow, "web", "front", "up", "down", "refused", Subject::probe, 3min}, kClocks);
  entry.reason = std::to_string(number);
  return entry;
}

// A history whose files are written at once.
struct Kept : DirectWriter {
  explicit Kept(const std::optional<std::filesystem::path>& directory)
      : history(directory, *this, [this](const std::string& text) { said += text; }) {}

  std::expected<void, std::string> load() { return history.load(); }
  void add(HistoryEntry entry) { history.add(std::move(entry)); }
  // What it says.
  std::string flush() {
    said.clear();
    history.flush();
    return said;
  }
  [[nodiscard]] const History::Entries& entries() const { return history.entries(); }

  std::string said;
  History history;
};

History::Entries loaded(const std::filesystem::path& directory, const std::string& problem = "") {
  Kept history(directory);
  const auto read = history.load();
  CHECK((read ? "" : read.error()) == problem);
  return history.entries();
}

}  // namespace

TEST_CASE("history: it survives a restart, whole lines only") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "history.jsonl";
  Kept first(directory.path());
  CHECK(first.load());
  for (int i = 0; i < 3; ++i) first.add(numbered(i));
  CHECK(first.flush().empty());
  first.add(numbered(3));
  CHECK(first.flush().empty());
  CHECK(loaded(directory.path()) == first.entries());
  struct stat status{};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0640);

  SECTION("a line that was cut off is left out, and the next one is not joined to it") {
    std::filesystem::resize_file(file, std::filesystem::file_size(file) - 10);
    Kept second(directory.path());
    CHECK(second.load().error() ==
          "1 line of " + file.native() + " make no sense and are left out of the history");
    CHECK(second.entries().size() == 3);
    second.add(numbered(4));
    CHECK(second.flush().empty());
    CHECK(loaded(directory.path()).size() == 4);
  }
  SECTION("a last line without its end is a line") {
    std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
    Kept second(directory.path());
    CHECK(second.load());
    second.add(numbered(4));
    CHECK(second.flush().empty());
    CHECK(loaded(directory.path()).size() == 5);
  }
  SECTION("a file that somebody removed is made again, with all of it") {
    std::filesystem::remove(file);
    first.add(numbered(4));
    CHECK(first.flush().empty());
    CHECK(loaded(directory.path()).size() == 5);
  }
}

TEST_CASE("history: junk harms nothing and is said") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "history.jsonl";
  SECTION("lines") {
    std::ofstream(file) << to_json(numbered(1)).dump() << "\n[]\n{\"at\": \"x\"}\n\n"
                        << std::string(100, '\0') << "\n"
                        << to_json(numbered(2)).dump() << "\n";
    const auto entries = loaded(
        directory.path(), "4 lines of " + file.native() + " make no sense and are left out of the history");
    CHECK(entries.size() == 2);
  }
  SECTION("what is no file") {
    std::filesystem::create_directory(file);
    Kept history(directory.path());
    CHECK(history.load().error() == file.native() + " is no regular file; the history begins anew");
    history.add(numbered(1));
    CHECK(history.flush().starts_with("the history cannot be kept: replace " + file.native()));
    history.add(numbered(2));
    CHECK(history.flush().empty());  // said once
    std::filesystem::remove(file);
    history.add(numbered(3));
    CHECK(history.flush() == "the history is kept again");
    CHECK(loaded(directory.path()).size() == 3);
  }
}

TEST_CASE("history: memory and file are bounded") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "history.jsonl";
  Kept history(directory.path());
  CHECK(history.load());
  std::size_t most = 0;
  for (int i = 0; i < 4000; ++i) {
    HistoryEntry entry = numbered(i);
    entry.reason.resize(300, 'x');
    history.add(std::move(entry));
    REQUIRE(history.flush().empty());
    most = std::max(most, std::filesystem::file_size(file));
  }
  CHECK(history.entries().size() == History::kMostEntries);
  CHECK(most <= History::kMostFileBytes);
  CHECK(most > History::kMostFileBytes / 2);
  CHECK(loaded(directory.path()) == history.entries());

  std::ofstream(file, std::ios::app) << std::string(3 * History::kMostFileBytes, 'z') << "\n"
                                     << to_json(numbered(1)).dump() << "\n";
  CHECK(loaded(directory.path()).size() == 1);  // only its end is read
}

TEST_CASE("history: a full disk is said once, and the lines come when there is room again") {
  if (::geteuid() != 0) return;
  const TemporaryDirectory directory;
  REQUIRE(::mount("tmpfs", directory.path().c_str(), "tmpfs", 0, "size=16k") == 0);
  Kept history(directory.path());
  CHECK(history.load());
  history.add(numbered(0));
  CHECK(history.flush().empty());
  std::ofstream(directory.path() / "filler") << std::string(64'000, 'x');
  std::string said;
  for (int i = 1; i < 100; ++i) {
    history.add(numbered(i));
    said += history.flush();
  }
  CHECK(said.starts_with("the history cannot be kept: write "));
  CHECK(said.ends_with("No space left on device"));
  Kept meanwhile(directory.path());
  (void)meanwhile.load();  // its last line may be torn
  CHECK_FALSE(meanwhile.entries().empty());
  std::filesystem::remove(directory.path() / "filler");
  for (int i = 0; i < 40; ++i) history.add(numbered(i));
  const std::string again = history.flush();
  CHECK((again == "the history is kept again" || again.empty()));
  REQUIRE(::umount(directory.path().c_str()) == 0);
}

TEST_CASE("history: while the disk does not answer, lines wait, and a bounded number of them") {
  const TemporaryDirectory directory;
  Kept history(directory.path());
  CHECK(history.load());
  history.add(numbered(0));
  CHECK(history.flush().empty());
  history.is_held = true;
  for (int i = 1; i < 3; ++i) {
    history.add(numbered(i));
    CHECK(history.flush().empty());
  }
  history.release();
  CHECK(loaded(directory.path()) == history.entries());
  history.is_held = true;
  for (int i = 0; i < 4000; ++i) {
    HistoryEntry entry = numbered(i);
    entry.reason.resize(300, 'x');
    history.add(std::move(entry));
    CHECK(history.flush().empty());
  }
  history.release();
  CHECK(loaded(directory.path()).back() == history.entries().back());
  CHECK(std::filesystem::file_size(directory.path() / "history.jsonl") <= History::kMostFileBytes);
}

TEST_CASE("history: a dry run neither reads nor writes") {
  Kept history(std::nullopt);
  CHECK(history.load());
  history.add(numbered(1));
  CHECK(history.flush().empty());
  CHECK(history.entries().size() == 1);
}

TEST_CASE("history: of one service, with herald's own coming and going") {
  History::Entries entries{entry_of_herald("started", "0.1.0", kClocks), numbered(1), numbered(2)};
  entries[2].service = "resolver";
  const auto of = [&](std::string_view service) {
    return history_report(entries, service, kClocks)["transitions"].size();
  };
  CHECK(of("") == 3);
  CHECK(of("web") == 2);
  CHECK(of("nix") == 1);
}

}  // namespace history_test
