#include "sidecar/work/http_message.h"

#include "sidecar/work/packet.h"

namespace herald::work {

static void read(Reader& reader, HttpPrepare& prepare) {
  reader.take(prepare.ticket);
  reader.take(prepare.listen);
}
static void read(Reader& /*reader*/, HttpUse& /*use*/) {}
static void read(Reader& /*reader*/, HttpForget& /*forget*/) {}
static void read(Reader& reader, HttpPart& part) {
  reader.take(part.ask);
  reader.take(part.found);
  reader.take(part.next);
  reader.take(part.text);
}
static void read(Reader& reader, HttpPing& ping) {
  reader.take(ping.number);
}
static void read(Reader& reader, HttpEvent& event) {
  reader.take(event.kind);
  reader.take(event.data);
}
static void read(Reader& reader, HttpHello& hello) {
  reader.take(hello.version);
}
static void read(Reader& reader, HttpPrepared& prepared) {
  reader.take(prepared.ticket);
  reader.take(prepared.problems);
}
static void read(Reader& reader, HttpAsk& ask) {
  reader.take(ask.ask);
  reader.take_word(ask.view);
  reader.take(ask.about);
  if (ask.about.size() > kMostAbout) reader.fail();
  reader.take(ask.from);
}
static void read(Reader& reader, HttpPong& pong) {
  reader.take(pong.number);
}

void append(std::string& packet, const HttpOrder& order) {
  Writer writer(packet);
  writer << static_cast<std::uint8_t>(order.index());
  std::visit(Overloaded{[&](const HttpPrepare& one) { writer << one.ticket << one.listen; },
                        [](const HttpUse&) {}, [](const HttpForget&) {},
                        [&](const HttpPart& one) { writer << one.ask << one.found << one.next << one.text; },
                        [&](const HttpPing& one) { writer << one.number; },
                        [&](const HttpEvent& one) { writer << one.kind << one.data; }},
             order);
}

void append(std::string& packet, const HttpReport& report) {
  Writer writer(packet);
  writer << static_cast<std::uint8_t>(report.index());
  std::visit(Overloaded{[&](const HttpHello& one) { writer << one.version; },
                        [&](const HttpPrepared& one) { writer << one.ticket << one.problems; },
                        [&](const HttpAsk& one) { writer << one.ask << one.view << one.about << one.from; },
                        [&](const HttpPong& one) { writer << one.number; }},
             report);
}

std::expected<std::vector<HttpOrder>, std::string> read_http_orders(std::string_view packet) {
  return read_all<HttpOrder>(packet);
}

std::expected<std::vector<HttpReport>, std::string> read_http_reports(std::string_view packet) {
  return read_all<HttpReport>(packet);
}

}  // namespace herald::work
