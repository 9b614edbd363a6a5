#include "tests/probes/dns_reply.h"

#include <ldns/ldns.h>

#include <memory>

namespace herald::probes::test {
namespace {

struct FreePacket {
  void operator()(ldns_pkt* packet) const noexcept { ldns_pkt_free(packet); }
};
using PacketPtr = std::unique_ptr<ldns_pkt, FreePacket>;

// Catch's macros are not safe on a server's thread, so what cannot be read is null.
PacketPtr read_packet(const std::string& message) {
  ldns_pkt* packet = nullptr;
  ldns_wire2pkt(&packet, reinterpret_cast<const std::uint8_t*>(message.data()), message.size());
  return PacketPtr(packet);
}

}  // namespace

std::string reply_to(const std::string& query, const ReplyWish& wish) {
  const PacketPtr packet = read_packet(query);
  if (!packet) return "";
  ldns_pkt_set_qr(packet.get(), true);
  ldns_pkt_set_rcode(packet.get(), wish.rcode);
  ldns_pkt_set_aa(packet.get(), wish.authoritative);
  ldns_pkt_set_ad(packet.get(), wish.authenticated);
  ldns_pkt_set_tc(packet.get(), wish.truncated);
  for (const auto& text : wish.answers) {
    ldns_rr* record = nullptr;
    if (ldns_rr_new_frm_str(&record, text.c_str(), 60, nullptr, nullptr) != LDNS_STATUS_OK) return "";
    ldns_pkt_push_rr(packet.get(), LDNS_SECTION_ANSWER, record);
  }
  std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (ldns_pkt2wire(&bytes, packet.get(), &size) != LDNS_STATUS_OK) return "";
  std::string wire(reinterpret_cast<const char*>(bytes), size);
  LDNS_FREE(bytes);
  return wire;
}

std::string asked_name(const std::string& query) {
  const PacketPtr packet = read_packet(query);
  if (!packet) return "";
  char* text = ldns_rdf2str(ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_question(packet.get()), 0)));
  std::string name = text;
  LDNS_FREE(text);
  return name;
}

std::uint16_t asked_type(const std::string& query) {
  const PacketPtr packet = read_packet(query);
  if (!packet) return 0;
  return static_cast<std::uint16_t>(ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_question(packet.get()), 0)));
}

std::string framed(const std::string& message) {
  std::string frame;
  frame += static_cast<char>(message.size() >> 8U);
  frame += static_cast<char>(message.size() & 0xFFU);
  return frame + message;
}

}  // namespace herald::probes::test
