// A Varlink interface as rows, and the door through which every request for it goes: is it JSON, is there
// such a method, may this client call it, are its parameters of the declared types; only then is the row's
// function called. org.varlink.service (GetInfo, GetInterfaceDescription) answers from the same rows. Pure:
// no socket, no clock.
//
// What changes something is not carried out for a caller who has given up waiting for it: by then he may have done
// something else about it.
//
// It refuses replies above kMostReplyBytes, and turns whatever a row throws into an error reply.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/varlink/wire.h"

namespace herald {

inline constexpr std::size_t kMostReplyBytes = 4UL << 20U;

// Who asks, as the kernel says, and on which of the server's connections.
struct VarlinkPeer {
  uid_t user = static_cast<uid_t>(-1);
  pid_t process = 0;
  bool may_change = false;
  std::uint64_t client = 0;
  bool gone = false;  // it has closed its connection, and will never know what came of its request
};

// How a call is answered.
enum class VarlinkCourse : std::uint8_t {
  at_once,  // by what the row's function returns
  stream,   // by that, and by all that is published from then on; only to a caller that says `more`
  later  // by what the server is told later; the function only begins it. What it returns counts if it is an error
};

struct VarlinkField {
  std::string name;
  std::string type;  // bool, int, float, string, object, and of these "?string", "[]string"
};

struct VarlinkMethod {
  std::string name;
  std::string comment;
  std::vector<VarlinkField> in;
  std::vector<VarlinkField> out;
  bool mutates = false;  // only for clients that may_change
  VarlinkCourse course = VarlinkCourse::at_once;
  // `parameters` has nothing but the fields of `in`, with their types; optional ones may be absent or null.
  std::function<VarlinkReply(const nlohmann::json& parameters, const VarlinkPeer& peer)> call;
};

struct VarlinkErrorKind {
  std::string name;
  std::vector<VarlinkField> fields;
};

struct VarlinkInterface {
  std::string name;  // "io.herald.Control"
  std::string comment;
  std::vector<VarlinkMethod> methods;
  std::vector<VarlinkErrorKind> errors;
};

// The first field of an object that is missing, unknown or of another type; none: it is as declared.
[[nodiscard]] std::optional<std::string> misfit(const std::vector<VarlinkField>& fields,
                                                const nlohmann::json& object);

// The interface in Varlink's definition language.
[[nodiscard]] std::string describe(const VarlinkInterface& interface);

struct VarlinkInfo {
  std::string vendor;
  std::string product;
  std::string version;
  std::string url;
};

struct VarlinkAnswer {
  std::string bytes;   // a message with its NUL; empty: the caller wants none, or has to wait for it
  bool close = false;  // what follows cannot be understood
  VarlinkCourse course = VarlinkCourse::at_once;
};

class VarlinkService {
 public:
  // Two errors are added to `interface`: MalformedRequest and Failed, both (message: string).
  VarlinkService(const VarlinkInfo& info, VarlinkInterface interface);

  [[nodiscard]] VarlinkAnswer answer(std::string_view request, const VarlinkPeer& peer) const;
  // The answer to what cannot be a request at all; the connection ends with it.
  [[nodiscard]] VarlinkAnswer malformed(std::string_view why) const;

 private:
  [[nodiscard]] std::expected<const VarlinkMethod*, VarlinkError> find(std::string_view name) const;
  [[nodiscard]] static VarlinkReply dispatch(const VarlinkMethod& method, const VarlinkCall& call,
                                             const VarlinkPeer& peer);
  [[nodiscard]] VarlinkError own_error(std::string_view name, std::string_view message) const;

  std::vector<VarlinkInterface> interfaces_;  // ours, then org.varlink.service
};

}  // namespace herald
