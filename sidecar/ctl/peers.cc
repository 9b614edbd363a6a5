#include "sidecar/ctl/peers.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "sidecar/control/names.h"
#include "sidecar/ctl/render.h"

namespace herald::ctl {
namespace {

// What of the VIPs that are wanted a session is sent, and what it lacks.
struct Vips {
  std::size_t wanted = 0;
  std::size_t sent = 0;
  std::vector<std::string> missing;
};

bool lists(const Report& object, const char* key, const std::string& peer) {
  return std::ranges::any_of(list_at(object, key), [&](const Report& one) {
    return one.is_string() && one.get_ref<const std::string&>() == peer;
  });
}

Vips vips_of(const Report& status, const std::string& peer) {
  Vips vips;
  for (const Report& service : list_at(status, "services")) {
    for (const Report& vip : list_at(service, "vips")) {
      if (!flag_at(vip, "wanted").value_or(false) || is_null_at(vip, "advertised_to")) continue;
      ++vips.wanted;
      if (lists(vip, "advertised_to", peer)) ++vips.sent;
      if (lists(vip, "missing_from", peer)) vips.missing.push_back(text_at(vip, "prefix"));
    }
  }
  return vips;
}

bool is_established(const Report& peer) {
  return flag_at(peer, "established").value_or(false);
}

std::string vips_text(const Vips& vips) {
  constexpr std::size_t kMostNamed = 3;
  std::string text = fmt::format("{} of {}", vips.sent, vips.wanted);
  for (std::size_t index = 0; index < std::min(vips.missing.size(), kMostNamed); ++index)
    text += (index == 0 ? ", not " : ", ") + vips.missing[index];
  if (vips.missing.size() > kMostNamed) text += fmt::format(" and {} more", vips.missing.size() - kMostNamed);
  return text;
}

std::string count_text(const Report& peer, const char* key) {
  return is_null_at(peer, key) ? "-" : fmt::format("{}", count_at(peer, key));
}

void add_peer(Table& table, const Report& peer, const Vips& vips, WallTime now) {
  const bool up = is_established(peer);
  const bool fine = up && vips.missing.empty();
  table.add({{(fine ? "  " : "! ") + text_at(peer, "address"), fine ? Colour::plain : Colour::strong},
             {text_at(peer, "state"), up ? Colour::good : Colour::bad},
             {is_null_at(peer, "since") ? "-" : moment_text(peer, "since", now)},
             {count_text(peer, "sent")},
             {count_text(peer, "accepted")},
             {vips_text(vips), vips.missing.empty() ? Colour::plain : Colour::bad}});
  if (const std::uint64_t losses = count_at(peer, "losses"); losses > 0)
    table.add_note(fmt::format("lost {} time{} since heraldd started (heraldctl history)", losses,
                               losses == 1 ? "" : "s"),
                   Colour::doubtful);
}

}  // namespace

bool are_peers_as_wanted(const Report& status) {
  const Report& router = object_at(status, "router");
  if (text_at(router, "stack") == "none") return true;
  const Report& all = list_at(router, "peers");
  return flag_at(router, "reachable").value_or(false) && !all.empty() &&
         std::ranges::all_of(all, [&](const Report& peer) {
           return is_established(peer) && vips_of(status, text_at(peer, "address")).missing.empty();
         });
}

std::string render_peers(const Report& status, const Look& look) {
  const WallTime now = time_at(status, "at").value_or(WallTime{});
  std::string text = router_line(status, look);
  const Report& all = list_at(object_at(status, "router"), "peers");
  if (all.empty()) return text;
  Table table;
  table.add({{"  PEER", Colour::strong},
             {"STATE", Colour::strong},
             {"SINCE", Colour::strong},
             {"SENT", Colour::strong},
             {"ACCEPTED", Colour::strong},
             {"VIPS", Colour::strong}});
  for (const Report& peer : all) add_peer(table, peer, vips_of(status, text_at(peer, "address")), now);
  return text + table.text(look);
}

Outcome peers(const Options& options) {
  const auto reply = call_varlink(options.socket, kStatusMethod, Report::object(), options.timeout);
  if (!reply) return failed(options, reply.error());
  const Report& status = object_at(*reply, "status");
  return {are_peers_as_wanted(status) ? kDone : kNotAsWanted,
          options.json ? json_text(options, object_at(status, "router")) : render_peers(status, options.look),
          ""};
}

}  // namespace herald::ctl
