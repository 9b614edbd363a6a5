#include "sidecar/daemon/operators.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/control/fixture.h"
#include "tests/daemon/fixture.h"
#include "tests/os/temporary_directory.h"
#include "tests/state/direct_writer.h"

namespace operators_test {

using namespace herald;
using namespace fixture;

namespace {

Config two_services(const std::filesystem::path& directory) {
  Config config;
  config.state_dir = directory;
  config.control.socket = directory / "control.sock";
  config.control.group = "root";
  for (const std::string name : {"web", "resolver"}) {
    ServiceSpec& service = config.services.emplace_back();
    service.name = name;
    service.vips = {Vip{name == "web" ? "10.99.0.1/32" : "10.99.0.2/32"}};
    for (const std::string probe : {"front", "back"}) {
      service.probes.emplace_back().name = probe;
      service.probes.back().type = "tcp";
    }
  }
  return config;
}

struct Bench {
  explicit Bench(bool keeps = true) : keeps_in(keeps ? std::optional(directory.path()) : std::nullopt) {}

  AdminRequest drain() const { return {AdminState::drain, AdminState::automatic, {"web"}, "", "root", {}}; }
  using Done = std::expected<void, std::string>;
  ControlSource::OnDone noting() {
    answer = std::unexpected("no answer");
    return [this](const Done& done) { answer = done; };
  }
  bool administer(const AdminRequest& request) {
    operators.administer(request, noting());
    return answer.has_value();
  }
  bool clear_damping() {
    operators.clear_damping(std::vector<std::string>{"web"}, "root", noting());
    return answer.has_value();
  }
  bool hand_over() {
    operators.hand_over(noting());
    return answer.has_value();
  }
  [[nodiscard]] bool is_there(const std::string& name) const {
    return std::filesystem::exists(directory.path() / name);
  }

  TemporaryDirectory directory;
  std::optional<std::filesystem::path> keeps_in;
  Logged logged;
  Told told;
  int settled = 0;
  DirectWriter writer;
  Done answer;
  History history{std::nullopt, writer, {}};
  Loop loop;
  Controller controller{two_services(directory.path()), 1, Loop::clock()};
  Operators operators{loop,
                      logged.log,
                      controller,
                      StateFile(directory.path()),
                      writer,
                      keeps_in,
                      {.tell = [this](const Event& event) { told(event); },
                       .settle = [this] { ++settled; },
                       .snapshot = [this] { return controller.snapshot(loop.now()); },
                       .clocks = [this] { return ClockPair{loop.now(), WallClock::now()}; },
                       .plan = [] { return nlohmann::ordered_json{{"steps", 0}}; },
                       .history = [this]() -> const History::Entries& { return history.entries(); },
                       .reload = [](std::uint64_t) {}}};
};

TEST_CASE_METHOD(Bench, "operators: a word is kept, told and decided upon before it is answered") {
  REQUIRE(administer(drain()));
  CHECK(told.count<event::Administer>() == 1);
  CHECK(told.count<event::RouterChanged>() == 1);
  CHECK(settled == 1);
  CHECK(is_there("state.json"));

  Told next;  // heard by the next heraldd
  Operators after(loop, logged.log, controller, StateFile(directory.path()), writer, keeps_in,
                  {.tell = [&](const Event& event) { next(event); },
                   .settle = {},
                   .snapshot = {},
                   .clocks = [this] { return ClockPair{loop.now(), WallClock::now()}; },
                   .plan = {},
                   .history = {},
                   .reload = {}});
  after.hear();
  CHECK(next.last<event::Administer>().service == "web");
  after.hear_of(std::vector<std::string>{"resolver"});
  CHECK(next.events.size() == 1);
  after.hear_of(std::vector<std::string>{"web"});
  CHECK(next.events.size() == 2);
}

TEST_CASE_METHOD(Bench, "operators: what cannot be kept is not told, and logged") {
  std::filesystem::create_directory(directory.path() / "state.json.new");
  CHECK_FALSE(administer(drain()));
  CHECK_FALSE(clear_damping());
  std::filesystem::create_directory(directory.path() / "handover");
  CHECK_FALSE(hand_over());
  CHECK(told.events.empty());
  CHECK(logged.has("nothing was changed, because it could not be kept: "));
  CHECK(logged.has("no handover, because it could not be kept: "));
}

TEST_CASE_METHOD(Bench, "operators: nothing is told before it is kept, nor what is kept too late") {
  writer.is_held = true;
  CHECK_FALSE(administer(drain()));
  CHECK(told.events.empty());
  CHECK(settled == 0);
  writer.release();
  CHECK(answer);
  CHECK(settled == 1);
  told.events.clear();
  writer.is_held = true;
  CHECK_FALSE(hand_over());
  CHECK(told.events.empty());
  writer.time_out();
  CHECK(answer == Done(std::unexpected("the disk does not answer within 2 s")));
  CHECK(told.events.empty());
  CHECK(is_there("handover"));
  writer.release();
  CHECK_FALSE(is_there("handover"));
}

TEST_CASE_METHOD(Bench, "operators: a state file that makes no sense is said, and drains everything") {
  (void)directory.write("state.json", "{");
  operators.hear();
  CHECK(told.count<event::Administer>() == 2);
  CHECK(logged.has("all of them are"));
}

TEST_CASE_METHOD(Bench, "operators: a handover leaves its marker until the next heraldd has started") {
  REQUIRE(hand_over());
  CHECK(told.count<event::Handover>() == 1);
  CHECK(is_there("handover"));
  operators.started();
  CHECK_FALSE(is_there("handover"));
}

TEST_CASE("operators: where nothing is kept, a handover leaves no marker") {
  Bench bench(false);
  REQUIRE(bench.hand_over());
  CHECK(bench.told.count<event::Handover>() == 1);
  CHECK_FALSE(bench.is_there("handover"));
}

TEST_CASE_METHOD(Bench, "operators: penalties are kept soon, and not more often than once a second") {
  const auto remember = [this] { operators.remember({"web", {loop.now(), 1000, false}}); };
  operators.keep();
  CHECK_FALSE(is_there("state.json"));
  remember();
  operators.keep();
  REQUIRE(is_there("state.json"));
  std::filesystem::remove(directory.path() / "state.json");
  remember();
  operators.keep();
  CHECK_FALSE(is_there("state.json"));
  const Source settle = loop.post([this] { operators.keep(); });  // its own timer brings the turn
  CHECK(run_until(loop, [this] { return is_there("state.json"); }, 3s));
  std::filesystem::remove(directory.path() / "state.json");
  remember();
  operators.hurry();
  operators.keep();
  CHECK(is_there("state.json"));
}

TEST_CASE_METHOD(Bench, "operators: the socket answers, and a probe request once its attempts have ended") {
  REQUIRE(operators.open());
  const std::string socket = directory.path() / "control.sock";
  TestClient client(socket);
  client.call("io.herald.Control.Plan");
  CHECK(client.wait_for_reply(loop).find(R"("steps":0)") != std::string::npos);

  client.call("io.herald.Control.Probe", {{"service", "web"}, {"probe", "front"}});
  CHECK(run_until(loop, [this] { return told.count<event::ProbeNow>() > 0; }));
  CHECK(told.count<event::ProbeNow>() == 1);
  const auto asked = told.last<event::ProbeNow>();
  CHECK(controller.probe(asked.probe).name == "front");
  CHECK(client.replies() == 1);
  ProbeResult result;
  result.detail = "connected";
  operators.probed({asked.ticket, asked.probe, result});
  CHECK(client.wait_for_reply(loop, 2).find("connected") != std::string::npos);
}

}  // namespace

}  // namespace operators_test
