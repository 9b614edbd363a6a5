#include "sidecar/work/message.h"

#include "sidecar/work/packet.h"

namespace herald::work {
namespace {

Writer& operator<<(Writer& writer, const Ran& ran) {
  return writer << ran.began << ran.ended << ran.stalled.count();
}
Writer& operator<<(Writer& writer, const ProbeSpec& spec) {
  return writer << spec.name << spec.type << spec.socket.source << spec.socket.bind_device << spec.socket.mark
                << spec.target << spec.settings;
}
Writer& operator<<(Writer& writer, const ProbeResult& result) {
  return writer << result.verdict << result.reason << result.detail << result.latency.count()
                << result.certificate_end;
}

// Within what can be added and subtracted.
void require_sane(Reader& reader, Duration duration) {
  constexpr Duration kMost = std::chrono::hours(24 * 365 * 100);
  if (duration < Duration{} || duration > kMost) reader.fail();
}

void take(Reader& reader, Ran& ran) {
  reader.take(ran.began);
  reader.take(ran.ended);
  reader.take(ran.stalled);
  for (const Duration one : {ran.began.time_since_epoch(), ran.ended.time_since_epoch(), ran.stalled})
    require_sane(reader, one);
}
void take(Reader& reader, ProbeSpec& spec) {
  reader.take(spec.name);
  reader.take(spec.type);
  reader.take(spec.socket.source);
  reader.take(spec.socket.bind_device);
  reader.take(spec.socket.mark);
  reader.take(spec.target);
  reader.take(spec.settings);
}
void take(Reader& reader, ProbeResult& result) {
  reader.take_word(result.verdict);
  reader.take_word(result.reason);
  reader.take(result.detail);
  reader.take(result.latency);
  require_sane(reader, result.latency);
  reader.take(result.certificate_end);
}

}  // namespace

static void read(Reader& reader, Put& put) {
  reader.take_id(put.probe);
  take(reader, put.spec);
}
static void read(Reader& reader, Try& attempt) {
  reader.take(attempt.ticket);
  take(reader, attempt.spec);
}
static void read(Reader& reader, Start& start) {
  reader.take_id(start.probe);
  reader.take_id(start.run);
}
static void read(Reader& reader, Cancel& cancel) {
  reader.take_id(cancel.run);
}
static void read(Reader& reader, Vips& vips) {
  reader.take(vips.addresses);
}
static void read(Reader& reader, Hold& hold) {
  reader.take_id(hold.probe);
  reader.take(hold.is_wanted);
}
static void read(Reader& reader, Hello& hello) {
  reader.take(hello.network_namespace);
  reader.take(hello.version);
}
static void read(Reader& reader, Tried& tried) {
  reader.take(tried.ticket);
  reader.take(tried.problem);
}
static void read(Reader& reader, Finished& finished) {
  reader.take_id(finished.run);
  take(reader, finished.result);
  take(reader, finished.ran);
}
static void read(Reader& reader, Cancelled& cancelled) {
  reader.take_id(cancelled.run);
  reader.take(cancelled.stage);
  take(reader, cancelled.ran);
}
static void read(Reader& reader, Held& held) {
  reader.take_id(held.probe);
  reader.take_word(held.change);
  reader.take(held.text);
}

void append(std::string& packet, const Order& order) {
  Writer writer(packet);
  writer << static_cast<std::uint8_t>(order.index());
  std::visit(Overloaded{[&](const Put& one) { writer << one.probe << one.spec; },
                        [&](const Try& one) { writer << one.ticket << one.spec; },
                        [&](const Start& one) { writer << one.probe << one.run; },
                        [&](const Cancel& one) { writer << one.run; },
                        [&](const Vips& one) { writer << one.addresses; },
                        [&](const Hold& one) { writer << one.probe << one.is_wanted; }},
             order);
}

void append(std::string& packet, const Report& word) {
  Writer writer(packet);
  writer << static_cast<std::uint8_t>(word.index());
  std::visit(Overloaded{[&](const Hello& one) { writer << one.network_namespace << one.version; },
                        [&](const Tried& one) { writer << one.ticket << one.problem; },
                        [&](const Finished& one) { writer << one.run << one.result << one.ran; },
                        [&](const Cancelled& one) { writer << one.run << one.stage << one.ran; },
                        [&](const Held& one) { writer << one.probe << one.change << one.text; }},
             word);
}

std::expected<std::vector<Order>, std::string> read_orders(std::string_view packet) {
  return read_all<Order>(packet);
}

std::expected<std::vector<Report>, std::string> read_reports(std::string_view packet) {
  return read_all<Report>(packet);
}

}  // namespace herald::work
