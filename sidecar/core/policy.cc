#include "sidecar/core/policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace herald {
namespace {

// FNV-1a, 32 bit: a name for few things of one service, not a defence against anybody.
std::uint32_t hash_of(std::string_view text) {
  std::uint32_t hash = 0x811c9dc5U;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x01000193U;
  }
  return hash;
}

std::string text_of(const std::optional<std::uint32_t>& number) {
  return number ? fmt::format("{}", *number) : "-";
}

}  // namespace

Policy policy_of(const ServiceSpec& service, Grade grade) {
  const auto& by_grade = service.announce.attributes;
  const auto& own = by_grade[static_cast<std::size_t>(grade)];
  const auto& healthy = by_grade[static_cast<std::size_t>(Grade::healthy)];
  Policy policy{fmt::format("{}{}-{}", kPolicyPrefix, service.name, name_of(grade)),
                own ? *own : healthy.value_or(Attributes{})};
  const Attributes& attributes = policy.attributes;
  if (attributes == Attributes{}) return policy;
  const std::string text =
      fmt::format("{} {} {} {}", attributes.prepend, text_of(attributes.med),
                  text_of(attributes.local_preference), fmt::join(attributes.communities, ","));
  policy.name += fmt::format("-{:08x}", hash_of(text));
  return policy;
}

bool has_draining(const AnnounceSpec& announce) {
  return announce.attributes[static_cast<std::size_t>(Grade::draining)].has_value();
}

}  // namespace herald
