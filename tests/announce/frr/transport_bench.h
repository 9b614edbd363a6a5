// A loop on which a transport to bgpd runs, and vtysh as a shell script.
#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/announce/frr/transport.h"
#include "tests/os/temporary_directory.h"

namespace herald {

using Lines = std::vector<std::string>;

struct TransportBench {
  Loop loop;
  TemporaryDirectory directory;

  // With a short deadline.
  [[nodiscard]] VtyshSpec fake_vtysh(const std::string& script) const {
    VtyshSpec spec;
    spec.path = directory.write("vtysh", "#!/bin/sh\n" + script + "\n");
    std::filesystem::permissions(spec.path, std::filesystem::perms::owner_all);
    spec.socket_dir = directory.path();
    spec.timeout = std::chrono::milliseconds(300);
    return spec;
  }

  FrrReply run(FrrTransport& transport, Lines lines, OnFailure on_failure = OnFailure::stop) {
    std::optional<FrrReply> reply;
    transport.run(std::move(lines), on_failure, [&](FrrReply answer) {
      REQUIRE_FALSE(reply);
      reply = std::move(answer);
      loop.exit(0);
    });
    CHECK_FALSE(reply);  // never from inside run()
    const Source limit = loop.timer_at(Loop::clock() + std::chrono::seconds(10), [&] { loop.exit(1); });
    loop.run();
    REQUIRE(reply);
    return *reply;
  }
};

}  // namespace herald
