#include "sidecar/config/file.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "tests/config/fixture.h"
#include "tests/os/temporary_directory.h"

namespace file_test {

using namespace std::chrono_literals;
using namespace herald;
using namespace config_fixture;

namespace {

// The contract's example without what this release does not have, http, and without the vtysh service.
constexpr std::string_view kContractExample = R"({
  "router": {
    "stack": "frr",
    "bgp": { "as": 65001, "router_id": "10.1.0.4", "vrf": "default" },
    "route_server": { "preset": "azure", "as": 65515, "peers": ["10.1.1.4", "10.1.1.132"] },
    "vtysh": { "path": "/usr/bin/vtysh", "pathspace": "", "transport": "vtysh", "timeout": "2s" },
    "bird": { "birdc": "/usr/sbin/birdc", "socket": "/run/bird/bird.ctl", "include": "/etc/bird/herald.conf" }
  },
  "control": { "socket": "/run/herald/control.sock", "group": "herald" },
  "defaults": { "interval": "1s", "timeout": "800ms" },
  // the first service
  "services": [
    {
      "name": "web",
      "vips": ["10.99.0.1/32"],
      "announce": { "via": "loopback", "interface": "lo", "lease": "30s" },
      "require": "all",
      "probes": [
        { "name": "front", "type": "http", "url": "http://127.0.0.1:8080/healthz",
          "expect": { "status": "200-299", "body_contains": "ok" } },
        { "type": "tcp", "address": "127.0.0.1:8443" }
      ]
    }
  ]
})";

constexpr std::string_view kContractResolver = R"({
  "name": "resolver",
  "vips": ["10.99.0.53/32"],
  "announce": { "via": "vtysh",
    "attributes": { "degraded": { "prepend": 2, "med": 200, "communities": ["65001:100"] },
                    "draining": { "prepend": 3, "communities": ["graceful-shutdown"] } } },
  "drain": { "delay": "5s", "linger": "30s" },
  "probes": [
    { "type": "dns", "server": "127.0.0.1:53", "query": "health.example.net A",
      "expect": { "rcode": "NOERROR", "min_answers": 1 } }
  ]
})";

constexpr std::string_view kMain = R"({"router": {"stack": "bird"}, "services": []})";

std::string service(const std::string& name, const std::string& vip) {
  return R"({"name": ")" + name + R"(", "vips": [")" + vip +
         R"("], "announce": {"via": "loopback"}, "probes": [{"type": "tcp", "address": "127.0.0.1:80"}]})";
}

}  // namespace

TEST_CASE("the example of the contract") {
  const Config config = config_of(kContractExample);
  CHECK(config.router.stack == Stack::frr);
  CHECK(config.router.vrf == "default");
  CHECK(config.router.as == 65001U);
  CHECK(config.router.router_id == "10.1.0.4");
  CHECK(config.router.preset == Preset::azure);
  CHECK(config.router.peer_as == 65515U);
  CHECK(config.router.peers == std::vector<std::string>{"10.1.1.4", "10.1.1.132"});
  CHECK(config.router.vtysh == VtyshSpec{});
  CHECK(config.router.bird == BirdSpec{});
  CHECK(config.control == ControlSpec{});
  REQUIRE(config.services.size() == 1);
  const ServiceSpec& web = config.services[0];
  CHECK(web.name == "web");
  CHECK(web.vips == std::vector<Vip>{{"10.99.0.1/32"}});
  CHECK(web.announce == AnnounceSpec{.via = Via::loopback, .interface = "lo", .lease = 30s});
  CHECK(web.require == Require{});
  REQUIRE(web.probes.size() == 2);
  ProbeSpec front;
  front.name = "front";
  front.type = "http";
  front.listens = Listens::tcp;
  front.settings =
      R"({"expect":{"body_contains":"ok","status":"200-299"},"url":"http://127.0.0.1:8080/healthz"})";
  CHECK(web.probes[0] == front);
  ProbeSpec tcp;
  tcp.name = "tcp-1";
  tcp.type = "tcp";
  tcp.settings = R"({"address":"127.0.0.1:8443"})";
  CHECK(web.probes[1] == tcp);
}

TEST_CASE("the example of the contract: where it is seen, and where it keeps its state") {
  json document = json::parse(kContractExample, nullptr, true, true);
  CHECK(config_of(document.dump()).http == HttpSpec{});
  document["http"] = {{"listen", {"127.0.0.1:9476"}}};
  document["state_dir"] = "/var/lib/herald";
  document["services"].push_back(json::parse(kContractResolver));
  CHECK(config_of(document.dump()).http == HttpSpec{{"127.0.0.1:9476"}});
  document["state_dir"] = "state";
  CHECK(errors_of(document.dump()) == Reports{R"(f: /state_dir: must be an absolute path, not "state")"});
  document["state_dir"] = "/srv/herald";
  CHECK(config_of(document.dump()).state_dir == "/srv/herald");
}

TEST_CASE("the example of the contract: a service that FRR announces, with attributes by grade") {
  json document = json::parse(kContractExample, nullptr, true, true);
  document["services"].push_back(json::parse(kContractResolver));
  const Config config = config_of(document.dump());
  CHECK(config.router.as == 65001);
  CHECK(config.router.router_id == "10.1.0.4");
  CHECK(config.router.preset == Preset::azure);
  CHECK(config.router.peer_as == 65515);
  REQUIRE(config.services.size() == 2);
  const ServiceSpec& resolver = config.services[1];
  CHECK(resolver.drain == DrainSpec{.delay = 5s, .linger = 30s});
  AnnounceSpec announce{.via = Via::vtysh, .lease = std::nullopt};
  announce.attributes[1] =
      Attributes{.prepend = 2, .prepend_as = 65001, .med = 200, .communities = {"65001:100"}};
  announce.attributes[2] = Attributes{.prepend = 3, .prepend_as = 65001, .communities = {"65535:0"}};
  CHECK(resolver.announce == announce);
}

TEST_CASE("a document that is no configuration") {
  const std::vector<std::pair<std::string, Reports>> cases{
      {"", {"f: the file is empty"}},
      {"// nothing", {"f: the file has only comments"}},
      {"{,}", {"f: line 1, column 2: a key must be in double quotes"}},
      {std::string(100'000, '['), {"f: nested deeper than 64 levels"}},
      {std::string("\x89PNG\r\n\x1a\n\0\0", 10), {"f: is not a text file: it has a NUL byte"}},
      {"\xff\xd8\xff\xe0", {"f: line 1, column 1: this is no JSON value; a string must be in double quotes"}},
      {"[]", {"f: must be an object, not an array"}},
      {"null", {"f: must be an object, not null"}},
      {"{}", {R"(f: "router" is required: {"stack": "frr"}, "bird" or "none")"}},
      {R"({"router": {}})", {"f: /router: \"stack\" is required"}},
      {R"({"router": []})", {"f: /router: must be an object, not an array"}},
      {R"({"router": {"stack": "none"}, "servces": []})",
       {"f: /servces: unknown key; did you mean \"services\"?"}},
      {R"({"router": {"stack": "none"}, "services": {}})",
       {"f: /services: must be an array of objects, not an object"}},
      {R"({"router": {"stack": "none"}, "router": {"stack": "frr"}})",
       {"f: /router: duplicate key: this object has it twice"}}};
  for (const auto& [text, expected] : cases) {
    INFO(text.substr(0, 100));
    CHECK(errors_of(text) == expected);
  }
}

TEST_CASE("no services at all is a configuration") {
  const Config config =
      config_of(R"({"$schema": "/usr/share/herald/herald.schema.json", "router": {"stack": "none"}})");
  CHECK(config.services.empty());
  CHECK(config.router == RouterSpec{});
}

TEST_CASE("service files hold a list or one service, and nothing else") {
  const auto result = parse(kMain, {{"a.json", R"({"services": [)" + service("a", "10.99.0.1/32") + "," +
                                                   service("b", "10.99.0.2/32") + "]}"},
                                    {"b.json", service("c", "10.99.0.3/32")}});
  CHECK(reports_of(result) == no_errors);
  REQUIRE(result.config);
  CHECK(result.config->services.size() == 3);
  CHECK(result.config->services[2].name == "c");

  CHECK(reports_of(parse(kMain, {{"a", R"({"services": [], "router": {"stack": "frr"}, "defaults": {}})"},
                                 {"b", R"({"services": [], "name": "x"})"},
                                 {"c", "[]"},
                                 {"d", ""},
                                 {"e", R"({"nam": "x"})"}})) ==
        Reports{"a: /router: belongs in the main configuration file; this one holds services only",
                "a: /defaults: belongs in the main configuration file; this one holds services only",
                "b: /name: unknown key", "c: must be an object, not an array", "d: the file is empty",
                "e: \"name\" is required", "e: \"vips\" is required", "e: \"probes\" is required",
                "e: /nam: unknown key; did you mean \"name\"?"});
}

TEST_CASE("names and VIPs are unique across files, and errors name both places") {
  const std::string main =
      R"({"router": {"stack": "none"}, "services": [)" + service("a", "10.99.0.1/32") + "]}";
  CHECK(reports_of(parse(main, {{"a.json", service("a", "10.99.0.2/32")},
                                {"b.json", service("b", "10.99.0.1/32")},
                                {"c.json", service("b", "10.99.0.9/32")}})) ==
        Reports{"a.json: /name: \"a\" is already the service at f: /services/0",
                "b.json: /vips/0: 10.99.0.1/32 is already the VIP at f: /services/0/vips/0",
                "c.json: /name: \"b\" is already the service at b.json"});
}

TEST_CASE("every form of file may name its schema") {
  const std::string schema = R"({"$schema": "/usr/share/herald/herald.schema.json", )";
  const std::string bare = service("a", "10.99.0.1/32");
  const auto result =
      parse(schema + R"("router": {"stack": "none"}})",
            {{"bare.json", schema + bare.substr(1)},
             {"list.json", schema + R"("services": [)" + service("b", "10.99.0.2/32") + "]}"}});
  CHECK(reports_of(result) == no_errors);
}

TEST_CASE("defaults of the main file reach the service files") {
  const auto result = parse(R"({"router": {"stack": "none"}, "defaults": {"rise": 2, "interval": "5s"}})",
                            {{"a.json", service("a", "10.99.0.1/32")}});
  REQUIRE(result.config);
  CHECK(result.config->services.at(0).probes.at(0).thresholds.rise == 2);
  CHECK(result.config->services.at(0).probes.at(0).timing.interval == 5s);
}

TEST_CASE("files are read from disk, in name order, hidden ones left out") {
  const TemporaryDirectory directory;
  const auto main = directory.write("herald.json", kMain);
  const auto services = directory.path() / "services.d";
  std::filesystem::create_directory(services);
  (void)directory.write("services.d/20-b.json", service("b", "10.99.0.2/32"));
  (void)directory.write("services.d/10-a.json", service("a", "10.99.0.1/32"));
  (void)directory.write("services.d/.hidden.json", "junk");
  (void)directory.write("services.d/30-c.json~", "junk");
  (void)directory.write("services.d/README", "junk");
  const auto result = load_config(main, services, kinds());
  CHECK(reports_of(result) == no_errors);
  REQUIRE(result.config);
  REQUIRE(result.config->services.size() == 2);
  CHECK(result.config->services[0].name == "a");
  CHECK(result.config->services[1].name == "b");
}

TEST_CASE("files that cannot be read are errors, and the others are checked all the same") {
  const TemporaryDirectory directory;
  const auto main = directory.write("herald.json", kMain);
  const std::string base = directory.path();
  CHECK(reports_of(load_config(main, "", kinds())) == no_errors);
  CHECK(reports_of(load_config(base + "/absent", "", kinds())) ==
        Reports{base + "/absent: cannot open: No such file or directory"});
  CHECK(reports_of(load_config(directory.path(), "", kinds())) ==
        Reports{base + ": is a directory, not a file"});
  CHECK(reports_of(load_config(main, base + "/absent.d", kinds())) ==
        Reports{base + "/absent.d: cannot read the directory: No such file or directory"});
  CHECK(reports_of(load_config(main, main, kinds())) ==
        Reports{base + "/herald.json: cannot read the directory: Not a directory"});

  std::filesystem::create_directories(base + "/services.d/dir.json");
  std::filesystem::create_symlink(base + "/nowhere", base + "/services.d/link.json");
  REQUIRE(::mkfifo((base + "/services.d/pipe.json").c_str(), 0600) == 0);
  (void)directory.write("services.d/zero.json", "");
  CHECK(reports_of(load_config(base + "/absent", base + "/services.d", kinds())) ==
        Reports{base + "/absent: cannot open: No such file or directory",
                base + "/services.d/dir.json: is a directory, not a file",
                base + "/services.d/link.json: cannot open: No such file or directory",
                base + "/services.d/pipe.json: is not a regular file",
                base + "/services.d/zero.json: the file is empty"});
}

TEST_CASE("all files together have a limit") {
  const TemporaryDirectory directory;
  const auto main = directory.write("herald.json", kMain);
  for (const std::string name : {"1", "2", "3", "4", "5", "6"}) {
    std::filesystem::resize_file(directory.write("s/" + name + ".json", ""), 16'777'216);
  }
  const Reports reports = reports_of(load_config(main, directory.path() / "s", kinds()));
  CHECK(reports.front() ==
        std::string(directory.path() / "s/4.json") + ": all files together are larger than 64 MiB");
  CHECK(reports.size() == 4);
}

}  // namespace file_test
