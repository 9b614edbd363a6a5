#include "probes/dns_wire.h"

#include <catch2/catch.hpp>

namespace dns_wire_test {

using namespace herald::probes;

namespace {

using Wire = std::vector<std::uint8_t>;

constexpr std::uint16_t kNs = 2;
const DnsShape kName{{{DnsField::name, 0}}, std::nullopt};

void append(Wire& wire, std::initializer_list<std::uint8_t> bytes) {
  wire.insert(wire.end(), bytes);
}

Wire header(std::uint8_t answers, std::uint8_t others = 0) {
  return {0, 1, 0x84, 0x20, 0, 0, 0, answers, 0, 0, 0, others};
}

// An NS record of the root whose data is `data`.
void append_ns(Wire& wire, std::initializer_list<std::uint8_t> data) {
  append(wire, {0, 0, 2, 0, 1, 0, 0, 0, 60, 0, static_cast<std::uint8_t>(data.size())});
  append(wire, data);
}

std::string error_of(const Wire& wire) {
  const auto message = read_message(wire, kNs);
  return message ? "" : message.error();
}

std::string flat_error(const Wire& wire, const DnsShape& shape = kName,
                       std::size_t pointers = kMostPointers) {
  const auto message = read_message(wire, kNs);
  REQUIRE(message);
  REQUIRE(message->answers.size() == 1);
  const auto data = flat_data(*message, message->answers[0], shape, pointers);
  return data ? "" : data.error();
}

}  // namespace

TEST_CASE("dns wire: the header's flags, and the records of one type of the answer section alone") {
  Wire wire = header(2, 1);
  append_ns(wire, {1, 'a', 0});
  append(wire, {0, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1});
  append_ns(wire, {1, 'b', 0});
  const auto message = read_message(wire, kNs);
  REQUIRE(message);
  CHECK(message->authoritative);
  CHECK(message->authenticated);
  CHECK(message->rcode == 0);
  REQUIRE(message->answers.size() == 1);
  CHECK(message->answers[0].data_at == 12 + 11);
  CHECK(message->answers[0].data_size == 3);
  CHECK(read_message(wire, 255)->answers.size() == 2);
}

TEST_CASE("dns wire: what is cut off or has no end is said to be so") {
  CHECK(error_of(Wire(11)) == "it is shorter than its header");
  CHECK(error_of(header(1)) == "it ends in the middle of a record");
  Wire wire = header(1);
  append_ns(wire, {1, 'a', 0});
  CHECK(error_of(wire).empty());
  wire.pop_back();
  CHECK(error_of(wire) == "it ends in the middle of a record");
  Wire label = header(1);
  append(label, {64, 'x'});
  CHECK(error_of(label) == "it ends in the middle of a record");
}

TEST_CASE("dns wire: names are written whole, and each pointer counts") {
  Wire wire = header(1);
  append(wire, {1, 'z', 0});  // owns the record
  append(wire, {0, 2, 0, 1, 0, 0, 0, 60, 0, 6, 3, 'n', 's', '1', 0xC0, 12});
  const auto message = read_message(wire, kNs);
  REQUIRE(message);
  std::size_t pointers = 1;
  const auto data = flat_data(*message, message->answers[0], kName, pointers);
  REQUIRE(data);
  CHECK(*data == Wire{3, 'n', 's', '1', 1, 'z', 0});
  CHECK(pointers == 0);
  CHECK(flat_error(wire, kName, 0) == "its names lead through more than 8192 pointers");
}

TEST_CASE("dns wire: pointers that lead nowhere, forward or in a circle") {
  Wire wire = header(1);
  append_ns(wire, {0xC0, 23});  // to itself
  CHECK(flat_error(wire) == "a pointer in it does not lead backward");
  wire.back() = 60;
  CHECK(flat_error(wire) == "a pointer in it does not lead backward");
  Wire owner = header(1);
  append(owner, {0xC0, 12, 0, 2, 0, 1, 0, 0, 0, 60, 0, 1, 0});  // which is owned by itself
  CHECK(flat_error(owner) == "a pointer in it does not lead backward");
  Wire longest = header(1);
  append(longest, {0, 0, 2, 0, 1, 0, 0, 0, 60, 1, 0});
  for (int i = 0; i < 128; ++i) append(longest, {1, 'a'});
  CHECK(flat_error(longest) == "a name in it is too long");
  Wire endless = header(1);
  append_ns(endless, {1, 'a'});
  CHECK(flat_error(endless) == "a name in it has no end");
}

TEST_CASE("dns wire: data that is shorter or longer than its type has it") {
  Wire wire = header(1);
  append_ns(wire, {1, 'a', 0, 7});
  CHECK(flat_error(wire) == "a record in it is longer than its type has it");
  const DnsShape number{{{DnsField::fixed, 2}, {DnsField::fixed, 4}}, std::nullopt};
  CHECK(flat_error(wire, number) == "a record in it is shorter than its type has it");
  const DnsShape texts{{{DnsField::string, 0}}, DnsFieldShape{DnsField::string, 0}};
  CHECK(flat_error(wire, texts) ==
        "a record in it is shorter than its type has it");  // seven, and none there
  wire.back() = 0;
  CHECK(flat_error(wire, texts).empty());
  CHECK(flat_error(wire, {{{DnsField::rest, 0}}, std::nullopt}).empty());
  Wire none = header(1);
  append_ns(none, {});
  CHECK(flat_error(none) == "a record in it is shorter than its type has it");
  CHECK(flat_error(none, {{{DnsField::rest, 0}}, std::nullopt}).empty());
}

}  // namespace dns_wire_test
