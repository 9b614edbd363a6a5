// Strings of the configuration that the kernel or a shell prompt will see: names, interfaces, paths,
// addresses. Checked here once, so that nothing behind the Config has to ask again.
//
// Each works as ObjectReader::read() does: `out` stays as it is when the key is absent or wrong.
#pragma once

#include <string>
#include <string_view>

#include "sidecar/config/json_reader.h"

namespace herald {

// Services and probes: letters, digits, '.', '_' and '-', up to 63; "SERVICE/PROBE" stays unambiguous.
bool read_name(ObjectReader& object, std::string_view key, std::string& out);
// What the kernel takes as a device name; a VRF is a device too.
bool read_interface(ObjectReader& object, std::string_view key, std::string& out);
// Absolute: a daemon has no useful working directory.
bool read_path(ObjectReader& object, std::string_view key, std::string& out);
// A path that fits into a unix socket's address as well.
bool read_socket_path(ObjectReader& object, std::string_view key, std::string& out);
// A literal unicast address, made canonical.
bool read_address(ObjectReader& object, std::string_view key, std::string& out);

}  // namespace herald
