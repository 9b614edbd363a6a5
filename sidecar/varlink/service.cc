#include "sidecar/varlink/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <map>
#include <utility>

namespace herald {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

bool has_type(const json& value, std::string_view type) {
  if (type.starts_with('?')) return value.is_null() || has_type(value, type.substr(1));
  if (type.starts_with("[]")) {
    return value.is_array() &&
           std::ranges::all_of(value, [&](const json& each) { return has_type(each, type.substr(2)); });
  }
  if (type == "bool") return value.is_boolean();
  if (type == "int") return value.is_number_integer();
  if (type == "float") return value.is_number();
  if (type == "string") return value.is_string();
  return type == "object" && value.is_object();
}

std::string to_text(const std::vector<VarlinkField>& fields) {
  std::string text;
  for (const VarlinkField& field : fields) {
    fmt::format_to(std::back_inserter(text), "{}{}: {}", text.empty() ? "" : ", ", field.name, field.type);
  }
  return "(" + text + ")";
}

void append_comment(std::string& text, std::string_view comment) {
  while (!comment.empty()) {
    const std::size_t end = std::min(comment.find('\n'), comment.size());
    text += fmt::format("# {}\n", comment.substr(0, end));
    comment.remove_prefix(std::min(end + 1, comment.size()));
  }
}

// The functions of org.varlink.service only repeat what is fixed once the interfaces are known, so they hold
// copies.
VarlinkInterface own_interface(const VarlinkInfo& info, const VarlinkInterface& other) {
  VarlinkInterface own{.name = "org.varlink.service",
                       .comment = "The interface that every Varlink service has.",
                       .methods = {},
                       .errors = {{"InterfaceNotFound", {{"interface", "string"}}},
                                  {"MethodNotFound", {{"method", "string"}}},
                                  {"MethodNotImplemented", {{"method", "string"}}},
                                  {"InvalidParameter", {{"parameter", "string"}}},
                                  {"PermissionDenied", {}},
                                  {"ExpectedMore", {}}}};
  own.methods.push_back({"GetInfo",
                         "Who answers, and which interfaces.",
                         {},
                         {{"vendor", "string"},
                          {"product", "string"},
                          {"version", "string"},
                          {"url", "string"},
                          {"interfaces", "[]string"}},
                         false,
                         VarlinkCourse::at_once,
                         {}});
  own.methods.push_back({"GetInterfaceDescription",
                         "One interface in Varlink's definition language.",
                         {{"interface", "string"}},
                         {{"description", "string"}},
                         false,
                         VarlinkCourse::at_once,
                         {}});
  own.methods[0].call = [info, name = other.name](const json&, const VarlinkPeer&) -> VarlinkReply {
    return ordered_json{{"vendor", info.vendor},
                        {"product", info.product},
                        {"version", info.version},
                        {"url", info.url},
                        {"interfaces", {name, "org.varlink.service"}}};
  };
  const std::map<std::string, std::string, std::less<>> texts{{own.name, describe(own)},
                                                              {other.name, describe(other)}};
  own.methods[1].call = [texts](const json& parameters, const VarlinkPeer&) -> VarlinkReply {
    const auto found = texts.find(parameters["interface"].get<std::string>());
    if (found == texts.end()) {
      return std::unexpected(interface_not_found(parameters["interface"].get<std::string>()));
    }
    return ordered_json{{"description", found->second}};
  };
  return own;
}

}  // namespace

std::optional<std::string> misfit(const std::vector<VarlinkField>& fields, const json& object) {
  for (const VarlinkField& field : fields) {
    const auto found = object.find(field.name);
    const bool fits = found == object.end() ? field.type.starts_with('?') : has_type(*found, field.type);
    if (!fits) return field.name;
  }
  for (const auto& [name, value] : object.items()) {
    if (std::ranges::find(fields, name, &VarlinkField::name) == fields.end()) return name;
  }
  return std::nullopt;
}

std::string describe(const VarlinkInterface& interface) {
  std::string text;
  append_comment(text, interface.comment);
  text += fmt::format("interface {}\n", interface.name);
  for (const VarlinkMethod& method : interface.methods) {
    text += '\n';
    append_comment(text, method.comment);
    if (method.course == VarlinkCourse::stream) append_comment(text, "Needs the flag `more`.");
    text += fmt::format("method {}{} -> {}\n", method.name, to_text(method.in), to_text(method.out));
  }
  for (const VarlinkErrorKind& error : interface.errors) {
    text += fmt::format("\nerror {} {}\n", error.name, to_text(error.fields));
  }
  return text;
}

VarlinkService::VarlinkService(const VarlinkInfo& info, VarlinkInterface interface) {
  interface.errors.push_back({"MalformedRequest", {{"message", "string"}}});
  interface.errors.push_back({"Failed", {{"message", "string"}}});
  VarlinkInterface own = own_interface(info, interface);
  interfaces_.push_back(std::move(interface));
  interfaces_.push_back(std::move(own));
}

VarlinkAnswer VarlinkService::answer(std::string_view request, const VarlinkPeer& peer) const {
  const auto message = parse_message(request);
  if (!message) return malformed("the request is no JSON object");
  const auto call = read_call(*message);
  if (!call) return {encode_reply(std::unexpected(call.error()))};
  const auto method = find(call->method);
  if (method && (*method)->mutates && peer.gone && !call->oneway) return {};
  VarlinkReply reply;
  try {
    reply = method ? dispatch(**method, *call, peer) : std::unexpected(method.error());
  } catch (const std::exception& error) {
    reply = std::unexpected(own_error("Failed", error.what()));
  }
  if (call->oneway) return {};
  const VarlinkCourse course = reply ? (*method)->course : VarlinkCourse::at_once;
  if (course == VarlinkCourse::later) return {.bytes = {}, .close = false, .course = course};
  std::string bytes = encode_reply(reply, course == VarlinkCourse::stream);
  if (bytes.size() > kMostReplyBytes) {
    const std::string why =
        fmt::format("the reply would have {} bytes, more than {}", bytes.size(), kMostReplyBytes);
    return {encode_reply(std::unexpected(own_error("Failed", why)))};
  }
  return {.bytes = std::move(bytes), .close = false, .course = course};
}

VarlinkAnswer VarlinkService::malformed(std::string_view why) const {
  return {encode_reply(std::unexpected(own_error("MalformedRequest", why))), true};
}

std::expected<const VarlinkMethod*, VarlinkError> VarlinkService::find(std::string_view name) const {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::unexpected(method_not_found(name));
  const std::string_view wanted = name.substr(0, dot);
  const auto interface = std::ranges::find(interfaces_, wanted, &VarlinkInterface::name);
  if (interface == interfaces_.end()) return std::unexpected(interface_not_found(wanted));
  const auto method = std::ranges::find(interface->methods, name.substr(dot + 1), &VarlinkMethod::name);
  if (method == interface->methods.end()) return std::unexpected(method_not_found(name));
  return &*method;
}

VarlinkReply VarlinkService::dispatch(const VarlinkMethod& method, const VarlinkCall& call,
                                      const VarlinkPeer& peer) {
  // Before the parameters: a client that may not call it learns nothing more.
  if (method.mutates && !peer.may_change) return std::unexpected(permission_denied());
  if (method.course == VarlinkCourse::stream && !call.more) return std::unexpected(expected_more());
  if (const auto wrong = misfit(method.in, call.parameters))
    return std::unexpected(invalid_parameter(*wrong));
  return method.call(call.parameters, peer);
}

VarlinkError VarlinkService::own_error(std::string_view name, std::string_view message) const {
  VarlinkError error{.name = fmt::format("{}.{}", interfaces_.front().name, name)};
  error.parameters["message"] = std::string(message);
  return error;
}

}  // namespace herald
